from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.adapters.db.unit_of_work import SqlStore
from app.cli import cli
from app.config import Settings
from app.domain.errors import InvalidRequest, InvalidState
from app.domain.organization import Organization, Scope
from app.domain.settings import OrganizationSettings, SettingsVersion
from app.main import Infrastructure, open_infrastructure
from app.services.provision_organization import create_organization, provision_organization
from app.services.quota import month_of
from tests.fakes import FakeClock, SeededRandomness
from tests.store_fixtures import (
    database_url,
    engine,
    postgres_server,
    postgres_url,
    sqlite_template,
    store,
)

__all__ = ["database_url", "engine", "postgres_server", "postgres_url", "sqlite_template", "store"]


@pytest.fixture
def infrastructure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Infrastructure:
    """Of a machine without any secret: organizations need none."""
    monkeypatch.setenv("BONAFIDE_DATA_DIR", str(tmp_path))
    for name in ("DATABASE_URL", "SECRET_KEYS", "MASTER_KEYS", "SIGNING_KEYS"):
        monkeypatch.delenv(f"BONAFIDE_{name}", raising=False)
    return open_infrastructure(Settings.from_env({"BONAFIDE_DATA_DIR": str(tmp_path)}))


def org(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["org", *arguments])


def lines(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def stored(infrastructure: Infrastructure, slug: str) -> Organization:
    with infrastructure.store.read() as uow:
        found = uow.organizations.by_slug(slug)
    assert found is not None
    return found


def test_an_organization_is_made_with_the_first_version_of_its_settings(infrastructure: Infrastructure) -> None:
    printed = lines(org("create", "acme", "--name", "Acme Inc.", "--language", "es"))[-1]
    acme = stored(infrastructure, "acme")
    assert (acme.organization_id, acme.name) == (printed, "Acme Inc.")
    assert acme.settings == OrganizationSettings(default_language="es")
    with infrastructure.store.read() as uow:
        version = uow.settings.current(acme.organization_id)
        (entry,) = uow.audit.of_organization(acme.organization_id)
    assert (version.settings, version.actor) == (acme.settings, "operator")
    assert (entry.actor, entry.action) == ("operator", "organization.created")


def test_the_short_name_is_the_name_and_the_language_the_usual_one(infrastructure: Infrastructure) -> None:
    lines(org("create", "acme"))
    acme = stored(infrastructure, "acme")
    assert (acme.name, acme.settings) == ("acme", OrganizationSettings())


def test_a_taken_short_name_is_refused_and_nothing_changes(infrastructure: Infrastructure) -> None:
    lines(org("create", "acme", "--name", "First"))
    refused = org("create", "acme", "--name", "Second")
    assert (refused.exit_code, refused.output) == (1, "Error: There is an organization acme already.\n")
    assert stored(infrastructure, "acme").name == "First"


@pytest.mark.parametrize(
    "slug", ["", "Acme", "a b", "-a", "a-", "ñ", "a_b", "a" * 65, "../x", "a\nb", "a\n", "\udcff"]
)
@pytest.mark.usefixtures("infrastructure")
def test_what_is_no_short_name_is_refused(slug: str) -> None:
    refused = org("create", "--", slug)
    assert refused.exit_code == 1
    assert "a to z, 0 to 9, and hyphens" in refused.output


@pytest.mark.parametrize("slug", ["a", "0", "a-1", "a--b", "a" * 64])
def test_what_is_one_is_taken(infrastructure: Infrastructure, slug: str) -> None:
    printed = lines(org("create", slug))[-1]
    assert stored(infrastructure, slug).organization_id == printed


@pytest.mark.parametrize("option", [("--name", "x" * 257), ("--name", "a\nb"), ("--name", "\udcff")])
@pytest.mark.usefixtures("infrastructure")
def test_a_name_that_no_store_keeps_or_line_holds_is_refused(option: tuple[str, str]) -> None:
    assert org("create", "acme", *option).exit_code == 2
    assert lines(org("list")) == []


@pytest.mark.usefixtures("infrastructure")
def test_a_language_that_the_page_does_not_speak_is_refused() -> None:
    assert org("create", "acme", "--language", "xx").exit_code == 2


def test_organizations_are_listed_by_short_name(infrastructure: Infrastructure) -> None:
    for slug in ("zeta", "acme"):
        lines(org("create", slug, "--name", slug.title()))
    shown = lines(org("list"))
    assert [line.split("  ")[2:] for line in shown] == [["acme", "Acme"], ["zeta", "Zeta"]]
    assert shown[0].startswith(stored(infrastructure, "acme").organization_id)


def test_keys_and_usage_are_counted_by_mode(infrastructure: Infrastructure) -> None:
    lines(org("create", "acme"))
    acme = stored(infrastructure, "acme")
    first = infrastructure.keys.issue(acme, [Scope.ADMIN], is_test=True, name="")
    infrastructure.keys.rotate(acme, first.key.key_id)
    second = infrastructure.keys.issue(acme, [Scope.ADMIN], is_test=True, name="")
    infrastructure.keys.revoke(acme, second.key.key_id)
    month = month_of(infrastructure.clock.now())
    limited = replace(acme.settings, policy_version=2, monthly_quota=10)
    with infrastructure.store.begin() as uow:
        uow.usage.take(acme.organization_id, False, month, None)
        uow.usage.take(acme.organization_id, False, "1999-12", None)
        uow.settings.add(SettingsVersion(acme.organization_id, limited, acme.created_at, "test"))
        uow.commit()
    assert lines(org("show", "acme")) == [
        f"id          {acme.organization_id}",
        "name        acme",
        f"created     {acme.created_at:%Y-%m-%d %H:%M} UTC",
        "settings    version 2",
        "test keys   1 active, 1 revoked, 1 rotated",
        f"test usage  0 in {month}, quota 10",
        "live keys   none",
        f"live usage  1 in {month}, quota 10",
    ]


def test_without_a_quota_there_is_none_to_show(infrastructure: Infrastructure) -> None:
    lines(org("create", "acme"))
    month = month_of(infrastructure.clock.now())
    assert lines(org("show", "acme"))[-1] == f"live usage  0 in {month}, no quota"


@pytest.mark.usefixtures("infrastructure")
def test_an_unknown_organization_is_one_clear_line() -> None:
    refused = org("show", "globex")
    assert refused.exit_code == 1
    assert refused.output == "Error: there is no organization globex; `bonafide org create globex` makes it\n"


def test_of_two_that_make_one_at_once_one_does(store: SqlStore) -> None:
    """On both databases; the loser is told, and leaves nothing behind."""
    randomness, clock = SeededRandomness(), FakeClock()

    def create(number: int) -> Organization | InvalidState:
        try:
            return create_organization(store, clock, randomness, slug="acme", name=str(number))
        except InvalidState as refusal:
            return refusal

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(create, range(6)))
    (winner,) = [answer for answer in answers if isinstance(answer, Organization)]
    with store.read() as uow:
        assert list(uow.organizations.all()) == [winner]
        assert len(uow.audit.of_organization(winner.organization_id)) == 1


def test_an_organization_is_provisioned_once(store: SqlStore) -> None:
    randomness, clock = SeededRandomness(), FakeClock()
    made = [provision_organization(store, clock, randomness, slug="demo", name=name) for name in ("A", "B")]
    assert made[0] == made[1]
    with pytest.raises(InvalidRequest):
        provision_organization(store, clock, randomness, slug="De mo", name="C")
