"""What commands about organizations and keys share: the store, and how they write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy.exc import SQLAlchemyError

from app.cli.settings import read_settings
from app.config import Settings
from app.domain.errors import BonafideError, StoreUnavailable
from app.domain.organization import Organization
from app.main import Infrastructure, open_infrastructure, prepare_store

NAME_MAX = 256
"""Characters of a name, as over the API."""


@contextmanager
def opened(settings: Settings | None = None) -> Iterator[Infrastructure]:
    """The store, migrated; an outage or a refusal ends the command with one line."""
    settings = settings or read_settings()
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
    except BonafideError as error:
        raise click.ClickException(str(error)) from error


def find_organization(infrastructure: Infrastructure, slug: str) -> Organization:
    """The organization of this short name, or a clear message."""
    with infrastructure.store.read() as uow:
        organization = uow.organizations.by_slug(slug) if slug.isprintable() else None
    if organization is None:
        name = printable(slug)
        raise click.ClickException(f"there is no organization {name}; `bonafide org create {name}` makes it")
    return organization


def check_name(_context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """For an option that takes a name: not too long, and text that a store keeps."""
    if value is not None and (len(value) > NAME_MAX or not value.isprintable()):
        raise click.BadParameter(f"must be printable text of at most {NAME_MAX} characters", param=parameter)
    return value


def printable(text: str) -> str:
    """A name that came over the API, on one line and without commands to the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
