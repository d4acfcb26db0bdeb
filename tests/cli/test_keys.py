from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import cli
from app.config import Settings
from app.domain.errors import Unauthorized
from app.domain.organization import Organization, Scope
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


def organization(infrastructure: Infrastructure, slug: str = "demo") -> Organization:
    with infrastructure.store.read() as uow:
        found = uow.organizations.by_slug(slug)
    assert found is not None
    return found


def last_line(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()[-1]


def test_a_new_key_stands_alone_on_the_last_line_and_works(run: CliRunner, infrastructure: Infrastructure) -> None:
    text = last_line(keys(run, "create", "--org", "demo", "--scopes", "sessions:read, entities:write"))
    assert KEY_FORMAT.fullmatch(text)
    assert text.startswith("bf_test_")
    authenticate = Authenticate(store=infrastructure.store, clock=infrastructure.clock)
    caller = authenticate(f"Bearer {text}")
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
    assert shown.split(maxsplit=2)[2] == "test  active   never ends            admin  shop"
    key_id = shown.split()[0]
    assert keys(run, "revoke", "--org", "demo", key_id).exit_code == 0
    assert "revoked" in last_line(keys(run, "list", "--org", "demo"))
    again = keys(run, "revoke", "--org", "demo", key_id)
    assert (again.exit_code, again.output) == (1, "Error: The key is revoked already.\n")


def test_a_key_is_rotated_and_both_work_until_the_overlap_is_over(
    run: CliRunner, infrastructure: Infrastructure
) -> None:
    old = last_line(keys(run, "create", "--org", "demo", "--scopes", "media:read", "--live", "--name", "shop"))
    (before,) = infrastructure.keys.of_organization(organization(infrastructure))
    new = last_line(keys(run, "rotate", "--org", "demo", before.key_id.upper()))
    assert KEY_FORMAT.fullmatch(new)
    assert new.startswith("bf_live_")
    authenticate = Authenticate(store=infrastructure.store, clock=infrastructure.clock)
    assert {authenticate(f"Bearer {text}").scopes for text in (old, new)} == {frozenset({Scope.MEDIA_READ})}
    first, second = keys(run, "list", "--org", "demo").stdout.splitlines()
    (rotated, after) = infrastructure.keys.of_organization(organization(infrastructure))
    assert rotated.expires_at is not None
    assert timedelta(hours=23) < rotated.expires_at - after.created_at <= timedelta(hours=24)
    end = f"{rotated.expires_at:%Y-%m-%d %H:%M} UTC"
    assert first.split(maxsplit=2)[2] == f"live  rotated  {end}  media:read  shop  → {after.key_id}"
    assert second.split(maxsplit=2)[2] == "live  active   never ends            media:read  shop"


def test_without_an_overlap_the_old_key_ends_at_once(run: CliRunner, infrastructure: Infrastructure) -> None:
    old = last_line(keys(run, "create", "--org", "demo", "--scopes", "admin"))
    (before,) = infrastructure.keys.of_organization(organization(infrastructure))
    arguments = ["rotate", "--org", "demo", before.key_id, "--overlap-hours", "0", "--expires-in-days", "7"]
    new = last_line(keys(run, *arguments))
    authenticate = Authenticate(store=infrastructure.store, clock=infrastructure.clock)
    with pytest.raises(Unauthorized):
        authenticate(f"Bearer {old}")
    authenticate(f"Bearer {new}")
    after = infrastructure.keys.of_organization(organization(infrastructure))[1]
    assert after.expires_at == after.created_at + timedelta(days=7)
    again = keys(run, "rotate", "--org", "demo", before.key_id)
    assert (again.exit_code, again.output) == (1, "Error: The key was rotated before. Rotate its successor.\n")


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["00000000-0000-7000-8000-000000000000"], 1),
        (["not-a-uuid"], 2),
        (["00000000-0000-7000-8000-000000000000", "--overlap-hours", "721"], 2),
        (["00000000-0000-7000-8000-000000000000", "--overlap-hours", "-1"], 2),
        (["00000000-0000-7000-8000-000000000000", "--expires-in-days", "0"], 2),
        (["00000000-0000-7000-8000-000000000000", "--expires-in-days", "3651"], 2),
    ],
)
def test_what_cannot_be_rotated_is_one_clear_line(
    run: CliRunner, infrastructure: Infrastructure, arguments: list[str], exit_code: int
) -> None:
    infrastructure.store.close()
    result = keys(run, "rotate", "--org", "demo", *arguments)
    assert result.exit_code == exit_code
    assert "Traceback" not in result.output
    assert result.output.splitlines()[-1].startswith("Error: ")


@pytest.mark.parametrize("doing", ["rotate", "revoke"])
def test_a_key_of_another_organization_is_not_found(
    run: CliRunner, infrastructure: Infrastructure, doing: str
) -> None:
    last_line(run.invoke(cli, ["org", "create", "globex"]))
    last_line(keys(run, "create", "--org", "globex", "--scopes", "admin"))
    (key,) = infrastructure.keys.of_organization(organization(infrastructure, "globex"))
    result = keys(run, doing, "--org", "demo", key.key_id)
    assert (result.exit_code, result.output) == (1, "Error: No such key.\n")
    assert list(infrastructure.keys.of_organization(organization(infrastructure, "globex"))) == [key]


def test_a_name_from_the_api_commands_no_terminal(run: CliRunner, infrastructure: Infrastructure) -> None:
    infrastructure.keys.issue(organization(infrastructure), [Scope.ADMIN], is_test=True, name="a\x1b[2J\nb")
    (line,) = keys(run, "list", "--org", "demo").stdout.splitlines()
    assert line.endswith("admin  a�[2J�b")


@pytest.mark.parametrize("scopes", ["", "everything", "admin,everything"])
def test_unknown_scopes_are_refused(run: CliRunner, infrastructure: Infrastructure, scopes: str) -> None:
    infrastructure.store.close()
    result = keys(run, "create", "--org", "demo", "--scopes", scopes)
    assert result.exit_code == 2
    assert "sessions:read" in result.output


def test_an_unknown_organization_is_made_by_its_own_command(run: CliRunner) -> None:
    refused = keys(run, "create", "--org", "globex", "--scopes", "admin")
    assert refused.exit_code == 1
    assert "`bonafide org create globex` makes it" in refused.output
    last_line(run.invoke(cli, ["org", "create", "globex"]))
    assert KEY_FORMAT.fullmatch(last_line(keys(run, "create", "--org", "globex", "--scopes", "admin")))


@pytest.mark.parametrize("slug", ["", "\udcff", "a\x00b", "x" * 10_000, "' OR 1=1 --"])
def test_whatever_is_asked_for_an_unknown_organization_is_one_clear_line(run: CliRunner, slug: str) -> None:
    result = keys(run, "list", "--org", slug)
    assert result.exit_code == 1
    assert result.output.startswith("Error: there is no organization ")
    assert len(result.output.splitlines()) == 1


def test_a_store_that_cannot_be_used_is_one_clear_line(run: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BONAFIDE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    result = keys(run, "list", "--org", "demo")
    assert result.exit_code == 1
    assert result.output.startswith("Error: the store cannot be used")
    assert "Traceback" not in result.output
