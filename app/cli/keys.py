"""`bonafide keys`: API keys of an organization. Works beside a running server, without its secrets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import click

from app.cli.store import check_name, find_organization, opened, printable
from app.domain.organization import ApiKey, Scope
from app.services.manage_keys import LIFETIME_DAYS_MAX, OVERLAP_DEFAULT, OVERLAP_MAX, IssuedKey

SCOPES = [scope.value for scope in Scope]
HOUR = timedelta(hours=1)

organization_option = click.option("--org", "slug", required=True, help="Organization, by its short name.")
lifetime_range = click.IntRange(1, LIFETIME_DAYS_MAX)


@click.group("keys", help="Create, list, rotate and revoke API keys.")
def command() -> None:
    pass


@command.command("create")
@organization_option
@click.option("--scopes", required=True, help=f"Comma-separated: {', '.join(SCOPES)}.")
@click.option("--test/--live", "is_test", default=True, show_default=True, help="Which data the key sees.")
@click.option("--name", default="", callback=check_name, help="What the key is for.")
@click.option("--expires-in-days", type=lifetime_range, help="Never, unless given.")
def create_key(slug: str, scopes: str, is_test: bool, name: str, expires_in_days: int | None) -> None:
    """Make a key and print it, alone on the last line. It is shown this once."""
    wanted = _scopes(scopes)
    with opened() as infrastructure:
        organization = find_organization(infrastructure, slug)
        issued = infrastructure.keys.issue(
            organization, wanted, is_test=is_test, name=name, lifetime=_lifetime(expires_in_days)
        )
    _show(issued, slug)


@command.command("list")
@organization_option
def list_keys(slug: str) -> None:
    """List the keys of an organization: id, beginning, mode, state, end, scopes, name, successor."""
    with opened() as infrastructure:
        organization = find_organization(infrastructure, slug)
        now = infrastructure.clock.now()
        for key in infrastructure.keys.of_organization(organization):
            click.echo("  ".join(_columns(key, now)))


@command.command("rotate")
@organization_option
@click.argument("key_id", type=click.UUID)
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, OVERLAP_MAX // HOUR),
    default=OVERLAP_DEFAULT // HOUR,
    show_default=True,
    help="How long the old key works on.",
)
@click.option("--expires-in-days", type=lifetime_range, help="As long as the old one was made for, unless given.")
def rotate_key(slug: str, key_id: UUID, overlap_hours: int, expires_in_days: int | None) -> None:
    """Put a key with the same rights in the place of one, and print it, alone on the last line.

    Both work until the overlap is over, or the old key's own end comes.
    """
    with opened() as infrastructure:
        issued = infrastructure.keys.rotate(
            find_organization(infrastructure, slug),
            str(key_id),
            overlap=overlap_hours * HOUR,
            lifetime=_lifetime(expires_in_days),
        )
    _show(issued, slug)


@command.command("revoke")
@organization_option
@click.argument("key_id", type=click.UUID)
def revoke_key(slug: str, key_id: UUID) -> None:
    """Revoke a key by its id; it is refused from the next request on. A successor of it stays."""
    with opened() as infrastructure:
        infrastructure.keys.revoke(find_organization(infrastructure, slug), str(key_id))
    click.echo(f"Revoked {key_id}.")


def _show(issued: IssuedKey, slug: str) -> None:
    click.echo(f"Key {issued.key.key_id} of {slug}. Only its hash is stored: keep it now.", err=True)
    click.echo(issued.text)


def _columns(key: ApiKey, now: datetime) -> Iterator[str]:
    yield key.key_id
    yield f"{key.prefix}…"
    yield "test" if key.is_test else "live"
    yield f"{key.state(now).value:<7}"
    yield f"{'never ends' if key.expires_at is None else f'{key.expires_at:%Y-%m-%d %H:%M} UTC':<20}"
    yield ",".join(sorted(scope.value for scope in key.scopes))
    if key.name:
        yield printable(key.name)
    if key.rotated_to is not None:
        yield f"→ {key.rotated_to}"


def _scopes(text: str) -> list[Scope]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = sorted(set(names) - set(SCOPES))
    if unknown or not names:
        raise click.BadParameter(f"must be among {', '.join(SCOPES)}", param_hint="--scopes")
    return [Scope(name) for name in names]


def _lifetime(days: int | None) -> timedelta | None:
    return None if days is None else timedelta(days=days)
