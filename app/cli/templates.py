"""`bonafide templates`: which recognizers describe the enrolments; making what is lacking in the foreground."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click
from sqlalchemy.exc import SQLAlchemyError

from app.cli.settings import read_settings
from app.config import ConfigurationError
from app.domain.errors import BonafideError, MatchingUnavailable
from app.main import (
    Infrastructure,
    load_models,
    make_blob_store,
    make_images,
    make_matching_core,
    open_infrastructure,
    prepare_store,
)
from app.main.jobs import make_renew_templates
from app.services.ports import MatchingCore
from app.services.renew_templates import Renewal, RenewTemplates

TOLD_EVERY = 100
"""Templates between two lines of progress."""


@click.group("templates", help="Count the templates of enrolments, and renew them after a change of recognizer.")
def command() -> None:
    pass


@command.command("status")
def status() -> None:
    """Count templates by recognizer, and the enrolments that lack one of the present recognizer."""
    with opened() as parts:
        health = parts.core.health()
        if health.template_format is None:
            raise click.ClickException(f"the matching core is not ready: {health.reason}; see `bonafide doctor`")
        with parts.infrastructure.store.read() as uow:
            count = uow.templates.count(health.template_format)
    click.echo(f"{count.approved} approved validations")
    for template_format, number in count.by_format.items():
        present = "  (the present recognizer)" if template_format == health.template_format else ""
        click.echo(f"{number} have a template of {template_format}{present}")
    click.echo(f"{count.lacking} lack one of {health.template_format}")
    if count.lacking_without_portrait:
        click.echo(f"{count.lacking_without_portrait} of these have no portrait to make it from")


@command.command("renew")
def renew() -> None:
    """Make the templates that are lacking now, then remove those of other recognizers.

    A running server does the same in the background; both at once do no harm. Ends with 1 where some could
    not be made, and names their validations.
    """
    with opened() as parts:
        renewal = _run_to_the_end(parts.renew_templates)
    for validation_id, reason in renewal.not_made.items():
        click.echo(f"{validation_id}  {reason}")
    click.echo(
        f"{renewal.made} templates of {renewal.template_format} made,"
        f" {renewal.removed} of other recognizers removed."
    )
    if renewal.not_made:
        raise click.ClickException(f"{len(renewal.not_made)} could not be made; what they had before was kept")


def _run_to_the_end(renew_templates: RenewTemplates) -> Renewal:
    renewal = renew_templates()
    told = 0
    while not renewal.is_finished:
        renewal = renew_templates(renewal)
        if renewal.made >= told + TOLD_EVERY:
            told = renewal.made
            click.echo(f"{told} made", err=True)
    return renewal


@dataclass(frozen=True)
class Parts:
    """What the commands work with."""

    infrastructure: Infrastructure
    core: MatchingCore
    renew_templates: RenewTemplates


@contextmanager
def opened() -> Iterator[Parts]:
    """Store and matching core; an outage ends the command with one line."""
    settings = read_settings(requires=["master_keys"], may_use_dev_secrets=True)
    try:
        models = load_models(settings, with_matching=settings.matching_url is None)
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from error
    core = make_matching_core(settings, models, make_images(settings))
    try:
        prepare_store(settings)
        infrastructure = open_infrastructure(settings)
        try:
            blobs = make_blob_store(settings, infrastructure)
            yield Parts(infrastructure, core, make_renew_templates(settings, infrastructure, core, blobs))
        finally:
            infrastructure.store.close()
    except MatchingUnavailable as error:
        raise click.ClickException(f"the matching core is not ready: {error}; see `bonafide doctor`") from error
    except (BonafideError, OSError, SQLAlchemyError) as error:
        raise click.ClickException(str(error).splitlines()[0]) from error
    finally:
        core.close()
