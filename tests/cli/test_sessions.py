"""`bonafide session replay-policy`: old and new verdict, and an exit code that a script can act on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import cli
from app.config import Settings
from app.domain.policy import decide
from app.domain.session import SessionStatus
from app.domain.settings import OrganizationSettings, policy_of
from app.main import Infrastructure, open_infrastructure, prepare_store
from tests.builders import Builder, add_organization, settings_version
from tests.domain.evidence import decision
from tests.fakes import SeededRandomness


@pytest.fixture
def infrastructure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Infrastructure:
    """Of a machine without any secret: nothing is decrypted."""
    monkeypatch.setenv("BONAFIDE_DATA_DIR", str(tmp_path))
    for name in ("DATABASE_URL", "SECRET_KEYS", "MASTER_KEYS", "SIGNING_KEYS"):
        monkeypatch.delenv(f"BONAFIDE_{name}", raising=False)
    settings = Settings.from_env({"BONAFIDE_DATA_DIR": str(tmp_path)})
    prepare_store(settings)
    return open_infrastructure(settings)


def decided(infrastructure: Infrastructure, status: SessionStatus = SessionStatus.APPROVED) -> str:
    """A session that policy approved, by version 1; version 2 has a review band."""
    store, build = infrastructure.store, Builder(SeededRandomness())
    organization = add_organization(store, build.organization())
    entity = build.entity(organization)
    evidence = decision()
    result = decide(evidence, policy_of(OrganizationSettings()))
    session, hosted = build.session(entity, status=status, decision=replace(evidence, verdict=result.verdict))
    with store.begin() as uow:
        uow.entities.add(entity)
        uow.sessions.add(session, hosted)
        uow.settings.add(settings_version(organization, policy_version=2, review_band=60.0))
        uow.commit()
    store.close()
    return session.session_id


def replay(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["session", "replay-policy", *arguments])


def test_a_verdict_that_comes_out_again(infrastructure: Infrastructure) -> None:
    session_id = decided(infrastructure)
    result = replay(session_id)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        f"session     {session_id} (approved)",
        "recorded    approved, by version 1",
        "recomputed  approved, by version 1",
        "They agree.",
    ]


def test_what_another_version_would_have_said(infrastructure: Infrastructure) -> None:
    result = replay(decided(infrastructure), "--with-version", "2")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1:] == [
        "recorded    approved, by version 1",
        "recomputed  in_review, by version 2",
        "They differ.",
    ]


@pytest.mark.parametrize("session_id", ["01900000-0000-7000-8000-ffffffffffff", "no id"])
def test_an_unknown_session_ends_with_2(infrastructure: Infrastructure, session_id: str) -> None:
    decided(infrastructure)
    result = replay(session_id)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr


def test_a_session_without_a_verdict_or_version_ends_with_2(infrastructure: Infrastructure) -> None:
    session_id = decided(infrastructure, SessionStatus.CANCELLED)
    cancelled = replay(session_id)
    assert (cancelled.exit_code, cancelled.stdout) == (2, "")
    assert "policy did not decide it" in cancelled.stderr
    assert replay(session_id, "--with-version", "9").exit_code == 2
