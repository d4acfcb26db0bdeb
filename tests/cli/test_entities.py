from __future__ import annotations

from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from app.adapters.db.tables import AuditEntryRow
from app.cli import cli
from app.config import Settings
from app.dev_secrets import make_dev_secrets
from app.main import (
    Infrastructure,
    ensure_demo_organization,
    make_blob_store,
    open_infrastructure,
    prepare_store,
)
from app.services.enrolment import read_portrait
from tests.portrait import astronaut, jpeg


@pytest.fixture
def infrastructure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Infrastructure:
    """The data folder of a development server."""
    monkeypatch.setenv("BONAFIDE_DATA_DIR", str(tmp_path / "data"))
    for name in ("DATABASE_URL", "SECRET_KEYS", "MASTER_KEYS", "SIGNING_KEYS"):
        monkeypatch.delenv(f"BONAFIDE_{name}", raising=False)
    make_dev_secrets(tmp_path / "data")
    settings = Settings.from_env({"BONAFIDE_DATA_DIR": str(tmp_path / "data")})
    prepare_store(settings)
    infrastructure = open_infrastructure(settings)
    ensure_demo_organization(infrastructure)
    return infrastructure


def enrol(portrait: Path, *more: str) -> Result:
    arguments = ["entities", "enrol", "--org", "demo", "--name", "Eileen", "--portrait", str(portrait), *more]
    return CliRunner().invoke(cli, arguments)


def picture(folder: Path, content: bytes) -> Path:
    path = folder / "portrait.jpg"
    path.write_bytes(content)
    return path


def test_a_person_is_enrolled_beside_a_running_server(infrastructure: Infrastructure, tmp_path: Path) -> None:
    content = jpeg(astronaut())
    result = enrol(picture(tmp_path, content), "--external-id", "customer-1")
    assert result.exit_code == 0, result.output
    entity_id = result.stdout.splitlines()[-1]
    assert str(UUID(entity_id)) == entity_id
    with infrastructure.store.read() as uow:
        demo = uow.organizations.by_slug("demo")
        assert demo is not None
        validation = uow.validations.latest_approved(demo.organization_id, True, entity_id)
    assert validation is not None
    settings = Settings.from_env({"BONAFIDE_DATA_DIR": str(tmp_path / "data")}, may_use_dev_secrets=True)
    assert read_portrait(make_blob_store(settings, infrastructure), validation) == content
    infrastructure.store.close()


def test_a_picture_without_a_face_enrols_nobody(infrastructure: Infrastructure, tmp_path: Path) -> None:
    grey = jpeg(np.full((300, 300, 3), 128, dtype=np.uint8))
    for content, said in ((grey, "no face"), (b"no image", "portrait")):
        result = enrol(picture(tmp_path, content), "--external-id", "customer-1")
        assert result.exit_code == 1
        assert said in result.output
        assert "Traceback" not in result.output
    with infrastructure.store.read() as uow:
        demo = uow.organizations.by_slug("demo")
        assert demo is not None
        assert uow.entities.page(demo.organization_id, True, 10, 0) == ([], 0)
    infrastructure.store.close()


def test_without_master_keys_nothing_can_be_encrypted(
    infrastructure: Infrastructure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    infrastructure.store.close()
    monkeypatch.setenv("BONAFIDE_DATA_DIR", str(tmp_path / "elsewhere"))
    result = enrol(picture(tmp_path, b"x"))
    assert result.exit_code == 1
    assert "BONAFIDE_MASTER_KEYS" in result.output


def search(portrait: Path, *more: str) -> Result:
    return CliRunner().invoke(cli, ["entities", "search", str(portrait), "--organization", "demo", *more])


def test_a_double_enrolment_is_found_marked_and_recorded(infrastructure: Infrastructure, tmp_path: Path) -> None:
    portrait = picture(tmp_path, jpeg(astronaut()))
    entities = [enrol(portrait).stdout.splitlines()[-1] for _ in range(2)]
    result = search(portrait)
    assert result.exit_code == 0, result.output
    found = [line.split() for line in result.stdout.splitlines()[1:]]
    assert [line[:3] for line in found] == [["*", "100.00", entity_id] for entity_id in entities]
    assert "2 candidates among 2 templates; start-up with decryption took" in result.stderr
    assert "recorded in the audit trail of demo" in result.stderr
    with infrastructure.engine.connect() as connection:
        newest = sa.select(AuditEntryRow.__table__).order_by(AuditEntryRow.sequence.desc()).limit(1)
        entry = connection.execute(newest).mappings().one()
    assert (entry["actor"], entry["action"]) == ("operator", "enrolments.searched")
    assert entry["detail"] == {"candidates": 2, "templates": 2, "isTest": True}
    assert search(portrait, "--live").stdout.splitlines()[1:] == []
    infrastructure.store.close()


def test_a_search_that_cannot_be_made_says_why_in_one_line(infrastructure: Infrastructure, tmp_path: Path) -> None:
    infrastructure.store.close()
    grey = jpeg(np.full((300, 300, 3), 128, dtype=np.uint8))
    for content, said in ((grey, "no face"), (b"no image", "image")):
        result = search(picture(tmp_path, content))
        assert result.exit_code == 1
        assert said in result.output
        assert "Traceback" not in result.output
    assert "there is no organization" in search(picture(tmp_path, grey), "--org", "nobody").output
