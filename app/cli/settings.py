"""Reading the settings for a command: problems end it with one clear message, warnings go to standard error."""

from __future__ import annotations

import os
from collections.abc import Collection

import click

from app.config import DEFAULT_PUBLIC_URL, ConfigurationError, Required, Settings


def read_settings(
    *,
    dev: bool = False,
    requires: Collection[Required] = (),
    may_use_dev_secrets: bool = False,
    default_public_url: str = DEFAULT_PUBLIC_URL,
) -> Settings:
    """The process's settings; see `Settings.from_env`. Raises `click.ClickException` naming every problem."""
    try:
        settings = Settings.from_env(
            os.environ,
            dev=dev,
            requires=requires,
            may_use_dev_secrets=may_use_dev_secrets,
            default_public_url=default_public_url,
        )
    except ConfigurationError as error:
        raise click.ClickException("these settings need attention:\n  " + "\n  ".join(error.problems)) from error
    for warning in settings.warnings:
        click.echo(f"Warning: {warning}", err=True)
    return settings
