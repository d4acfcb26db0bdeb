"""`bonafide keys`: API keys of an organization. Works beside a running server, without its secrets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import click
from sqlalchemy.exc import SQLAlchemyError

from app.cli.settings import read_settings
from app.domain.errors import StoreUnavailable
from app.domain.organization import ApiKey, Organization, Scope
from app.main import Infrastructure, open_infrastructure, prepare_store
from app.services.provision_organization import provision_organization

SCOPES = [scope.value for scope in Scope]


@click.group("keys", help="Create, list and revoke API keys.")
def command() -> None:
    pass


@command.command("create")
@click.option("--org", "slug", required=True, help="Organization, by its short name.")
@click.option("--scopes", required=True, help=f"Comma-separated: {', '.join(SCOPES)}.")
@click.option("--test/--live", "is_test", default=True, show_default=True, help="Which data the key sees.")
@click.option("--name", default="", help="What the key is for.")
@click.option("--expires-in-days", type=click.IntRange(1, 3650), help="Never, unless given.")
@click.option("--create-org", is_flag=True, help="Make the organization where it does not exist.")
def create_key(
    slug: str, scopes: str, is_test: bool, name: str, expires_in_days: int | None, create_org: bool
) -> None:
    """Make a key and print it, alone on the last line. It is shown this once."""
    wanted = _scopes(scopes)
    with opened() as infrastructure:
        organization = find_organization(infrastructure, slug, create=create_org)
        lifetime = timedelta(days=expires_in_days) if expires_in_days else None
        issued = infrastructure.keys.issue(organization, wanted, is_test=is_test, name=name, lifetime=lifetime)
    click.echo(f"Key {issued.key.key_id} of {slug}. Only its hash is stored: keep it now.", err=True)
    click.echo(issued.text)


@command.command("list")
@click.option("--org", "slug", required=True, help="Organization, by its short name.")
def list_keys(slug: str) -> None:
    """List the keys of an organization: id, beginning, mode, state, scopes, name."""
    with opened() as infrastructure:
        organization = find_organization(infrastructure, slug)
        now = infrastructure.clock.now()
        for key in infrastructure.keys.of_organization(organization):
            scopes = ",".join(sorted(scope.value for scope in key.scopes))
            mode = "test" if key.is_test else "live"
            state = "usable" if key.is_usable(now) else _why_not(key)
            click.echo(f"{key.key_id}  {key.prefix}…  {mode}  {state:<8}  {scopes}  {key.name}".rstrip())


@command.command("revoke")
@click.option("--org", "slug", required=True, help="Organization, by its short name.")
@click.argument("key_id", type=click.UUID)
def revoke_key(slug: str, key_id: object) -> None:
    """Revoke a key by its id; it is refused from the next request on."""
    with opened() as infrastructure:
        organization = find_organization(infrastructure, slug)
        if not infrastructure.keys.revoke(organization, str(key_id)):
            raise click.ClickException(f"{slug} has no usable key {key_id}")
    click.echo(f"Revoked {key_id}.")


@contextmanager
def opened() -> Iterator[Infrastructure]:
    """The store, migrated; an outage ends the command with one line."""
    settings = read_settings()
    try:
        prepare_store(settings)
        infrastructure = open_infrastructure(settings)
        try:
            yield infrastructure
        finally:
            infrastructure.store.close()
    except (OSError, SQLAlchemyError, StoreUnavailable) as error:
        reason = str(error).splitlines()[0]
        raise click.ClickException(f"the store cannot be used: {reason}; see `bonafide doctor`") from error


def find_organization(infrastructure: Infrastructure, slug: str, *, create: bool = False) -> Organization:
    """The organization of this short name, or a clear message."""
    with infrastructure.store.read() as uow:
        organization = uow.organizations.by_slug(slug)
    if organization is not None:
        return organization
    if not create:
        raise click.ClickException(f"there is no organization {slug}; --create-org with `keys create` makes it")
    return provision_organization(
        infrastructure.store, infrastructure.clock, infrastructure.randomness, slug=slug, name=slug
    )


def _scopes(text: str) -> list[Scope]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = sorted(set(names) - set(SCOPES))
    if unknown or not names:
        raise click.BadParameter(f"must be among {', '.join(SCOPES)}", param_hint="--scopes")
    return [Scope(name) for name in names]


def _why_not(key: ApiKey) -> str:
    return "revoked" if key.revoked_at is not None else "expired"
