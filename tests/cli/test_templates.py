from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from app.adapters.db.tables import TemplateRow
from app.cli import cli
from app.config import Settings
from app.dev_secrets import make_dev_secrets
from app.main import Infrastructure, ensure_demo_organization, make_blob_store, open_infrastructure, prepare_store
from tests.builders import Builder
from tests.fakes import EPOCH, SeededRandomness
from tests.portrait import astronaut, jpeg

PICTURE = jpeg(astronaut())
GREY = jpeg(np.full((300, 300, 3), 128, dtype=np.uint8))


@pytest.fixture
def infrastructure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Infrastructure:
    """The data folder of a development server with two enrolments, made before there were templates of ours."""
    monkeypatch.setenv("BONAFIDE_DATA_DIR", str(tmp_path))
    make_dev_secrets(tmp_path)
    settings = Settings.from_env({"BONAFIDE_DATA_DIR": str(tmp_path)}, may_use_dev_secrets=True)
    prepare_store(settings)
    infrastructure = open_infrastructure(settings)
    organization = ensure_demo_organization(infrastructure)
    blobs, build = make_blob_store(settings, infrastructure), Builder(SeededRandomness())
    for _ in range(2):
        build.enrol(infrastructure.store, blobs, build.entity(organization), PICTURE)
    return infrastructure


def templates(command: str) -> Result:
    return CliRunner().invoke(cli, ["templates", command])


def test_renewal_in_the_foreground_replaces_what_another_recognizer_made(infrastructure: Infrastructure) -> None:
    before = templates("status")
    assert before.exit_code == 0, before.output
    lines = before.stdout.splitlines()
    assert lines[:2] == ["2 approved validations", "2 have a template of fake-model@1"]
    assert lines[2].startswith("2 lack one of sface@")
    renewed = templates("renew")
    assert renewed.exit_code == 0, renewed.output
    assert renewed.stdout.startswith("2 templates of sface@")
    assert renewed.stdout.endswith("2 of other recognizers removed.\n")
    after = templates("status").stdout.splitlines()
    assert after[1].startswith("2 have a template of sface@")
    assert after[1].endswith("(the present recognizer)")
    assert after[2].startswith("0 lack one")
    assert templates("renew").stdout.startswith("0 templates of sface@")
    infrastructure.store.close()


def test_what_cannot_be_made_is_named_and_keeps_what_it_had(
    infrastructure: Infrastructure, tmp_path: Path
) -> None:
    settings = Settings.from_env({"BONAFIDE_DATA_DIR": str(tmp_path)}, may_use_dev_secrets=True)
    build = Builder(SeededRandomness(2), EPOCH)
    with infrastructure.store.read() as uow:
        demo = uow.organizations.by_slug("demo")
    assert demo is not None
    blobs = make_blob_store(settings, infrastructure)
    grey = build.enrol(infrastructure.store, blobs, build.entity(demo), GREY)
    lost = build.enrol(infrastructure.store, blobs, build.entity(demo), PICTURE)
    assert lost.portrait_blob_id
    blobs.delete(lost.portrait_blob_id)
    result = templates("renew")
    assert result.exit_code == 1
    assert f"{grey.validation_id}  its portrait shows no face\n" in result.stdout
    assert f"{lost.validation_id}  its portrait cannot be decrypted\n" in result.stdout
    assert "2 could not be made" in result.stderr
    assert "Ada" not in result.output
    with infrastructure.engine.connect() as connection:
        kept = connection.execute(
            sa.select(TemplateRow.validation_id).where(TemplateRow.model_id == "fake-model")
        ).scalars()
        assert set(kept) == {grey.validation_id, lost.validation_id}
    infrastructure.store.close()


def test_without_models_or_keys_the_commands_say_so_in_one_line(
    infrastructure: Infrastructure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    infrastructure.store.close()
    with monkeypatch.context() as patch:
        patch.setenv("BONAFIDE_MODELS_DIR", str(tmp_path / "no-models"))
        for command in ("status", "renew"):
            result = templates(command)
            assert result.exit_code == 1
            assert "the matching core is not ready" in result.output
            assert "Traceback" not in result.output
    monkeypatch.setenv("BONAFIDE_DATA_DIR", str(tmp_path / "elsewhere"))
    result = templates("renew")
    assert result.exit_code == 1
    assert "BONAFIDE_MASTER_KEYS" in result.output
