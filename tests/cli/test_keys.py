from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import cli
from app.config import Settings
from app.main import Infrastructure, open_infrastructure, prepare_store
from app.services.authenticate import KEY_FORMAT, Authenticate
from app.services.provision_organization import provision_organization


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """A machine without any secret: keys need none."""
    monkeypatch.setenv("BONAFIDE_DATA_DIR", str(tmp_path))
    for name in ("DATABASE_URL", "SECRET_KEYS", "MASTER_KEYS", "SIGNING_KEYS"):
        monkeypatch.delenv(f"BONAFIDE_{name}", raising=False)
    return CliRunner()


@pytest.fixture
def infrastructure(tmp_path: Path) -> Infrastructure:
    settings = Settings.from_env({"BONAFIDE_DATA_DIR": str(tmp_path)})
    prepare_store(settings)
    infrastructure = open_infrastructure(settings)
    parts = (infrastructure.store, infrastructure.clock, infrastructure.randomness)
    provision_organization(*parts, slug="demo", name="Demo")
    return infrastructure


def keys(run: CliRunner, *arguments: str) -> Result:
    return run.invoke(cli, ["keys", *arguments])


def last_line(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()[-1]


def test_a_new_key_stands_alone_on_the_last_line_and_works(run: CliRunner, infrastructure: Infrastructure) -> None:
    text = last_line(keys(run, "create", "--org", "demo", "--scopes", "sessions:read, entities:write"))
    assert KEY_FORMAT.fullmatch(text)
    assert text.startswith("bf_test_")
    authenticate = Authenticate(store=infrastructure.store, clock=infrastructure.clock)
    caller = authenticate(f"Bearer {text}", None)
    assert {scope.value for scope in caller.scopes} == {"sessions:read", "entities:write"}
    infrastructure.store.close()


def test_live_keys_are_made_on_request(run: CliRunner, infrastructure: Infrastructure) -> None:
    infrastructure.store.close()
    result = keys(run, "create", "--org", "demo", "--scopes", "admin", "--live", "--expires-in-days", "7")
    assert last_line(result).startswith("bf_live_")


def test_the_list_shows_no_secret_and_revoked_keys_as_such(run: CliRunner, infrastructure: Infrastructure) -> None:
    infrastructure.store.close()
    text = last_line(keys(run, "create", "--org", "demo", "--scopes", "admin", "--name", "shop"))
    shown = last_line(keys(run, "list", "--org", "demo"))
    assert text[:14] in shown
    assert text not in shown
    assert shown.endswith("test  usable    admin  shop")
    key_id = shown.split()[0]
    assert keys(run, "revoke", "--org", "demo", key_id).exit_code == 0
    assert "revoked" in last_line(keys(run, "list", "--org", "demo"))
    again = keys(run, "revoke", "--org", "demo", key_id)
    assert again.exit_code == 1
    assert "no usable key" in again.output


@pytest.mark.parametrize("scopes", ["", "everything", "admin,everything"])
def test_unknown_scopes_are_refused(run: CliRunner, infrastructure: Infrastructure, scopes: str) -> None:
    infrastructure.store.close()
    result = keys(run, "create", "--org", "demo", "--scopes", scopes)
    assert result.exit_code == 2
    assert "sessions:read" in result.output


def test_an_unknown_organization_is_made_only_on_request(run: CliRunner) -> None:
    refused = keys(run, "create", "--org", "globex", "--scopes", "admin")
    assert refused.exit_code == 1
    assert "--create-org" in refused.output
    assert KEY_FORMAT.fullmatch(
        last_line(keys(run, "create", "--org", "globex", "--scopes", "admin", "--create-org"))
    )


def test_a_store_that_cannot_be_used_is_one_clear_line(run: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BONAFIDE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    result = keys(run, "list", "--org", "demo")
    assert result.exit_code == 1
    assert result.output.startswith("Error: the store cannot be used")
    assert "Traceback" not in result.output
