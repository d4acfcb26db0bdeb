"""`bonafide org`: organizations. Works beside a running server, without its secrets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import click

from app.cli.store import check_name, find_organization, opened, printable
from app.domain.language import LANGUAGES
from app.domain.organization import ApiKey
from app.domain.settings import OrganizationSettings
from app.services.provision_organization import create_organization
from app.services.quota import month_of


@click.group("org", help="Create, list and show organizations.")
def command() -> None:
    pass


@command.command("create")
@click.argument("slug")
@click.option("--name", callback=check_name, help="What it is called.  [default: the short name]")
@click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    default=OrganizationSettings().default_language,
    show_default=True,
    help="Of the hosted page, where a session asks for none.",
)
def create(slug: str, name: str | None, language: str) -> None:
    """Make an organization and print its id, alone on the last line.

    SLUG is its short name: lower-case letters, digits and hyphens. `bonafide keys create` makes keys for it.
    """
    with opened() as infrastructure:
        organization = create_organization(
            infrastructure.store,
            infrastructure.clock,
            infrastructure.randomness,
            slug=slug,
            name=name or slug,
            settings=OrganizationSettings(default_language=language),
        )
    click.echo(f"Organization {slug}:", err=True)
    click.echo(organization.organization_id)


@command.command("list")
def list_organizations() -> None:
    """List organizations: id, beginning, short name, name."""
    with opened() as infrastructure, infrastructure.store.read() as uow:
        for one in uow.organizations.all():
            click.echo(f"{one.organization_id}  {one.created_at:%Y-%m-%d}  {one.slug}  {printable(one.name)}")


@command.command("show")
@click.argument("slug")
def show(slug: str) -> None:
    """Show an organization: the version of its settings, its keys, and what it used this month (in UTC)."""
    with opened() as infrastructure:
        organization = find_organization(infrastructure, slug)
        keys = infrastructure.keys.of_organization(organization)
        now = infrastructure.clock.now()
        with infrastructure.store.read() as uow:
            used = {
                is_test: uow.usage.used(organization.organization_id, is_test, month_of(now))
                for is_test in (True, False)
            }
    quota = organization.settings.monthly_quota
    limit = "no quota" if quota is None else f"quota {quota}"
    click.echo(f"id          {organization.organization_id}")
    click.echo(f"name        {printable(organization.name)}")
    click.echo(f"created     {organization.created_at:%Y-%m-%d %H:%M} UTC")
    click.echo(f"settings    version {organization.settings.policy_version}")
    for mode, is_test in (("test", True), ("live", False)):
        click.echo(f"{mode} keys   {_by_state([key for key in keys if key.is_test is is_test], now)}")
        click.echo(f"{mode} usage  {used[is_test]} in {month_of(now)}, {limit}")


def _by_state(keys: Sequence[ApiKey], now: datetime) -> str:
    """How many there are of each state, in words."""
    counted = Counter(key.state(now).value for key in keys)
    return ", ".join(f"{number} {state}" for state, number in sorted(counted.items())) or "none"
