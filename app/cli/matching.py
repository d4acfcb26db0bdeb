"""`bonafide matching`: the matching core alone, as an HTTP service for other servers of ours."""

from __future__ import annotations

import os
import secrets
from dataclasses import replace

import click

from app.cli.gunicorn_server import GunicornServer, Listen
from app.cli.settings import read_settings
from app.config import MATCHING_REQUIRES, ConfigurationError
from app.domain.web_address import is_loopback
from app.main import build_matching_application, load_models

THREADS_MAX = 128
"""Requests that are worked on or wait: above, they wait in the socket, where nobody tells them to come back."""


@click.group("matching", help="Serve the matching core alone.")
def command() -> None:
    pass


@command.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8100, show_default=True, type=click.IntRange(1, 65535))
@click.option("--dev", is_flag=True, help="Development: without a token in the settings one is made and printed.")
def serve(host: str, port: int, *, dev: bool) -> None:
    """Serve the matching core to whoever has a token (docs/matching-service.md).

    It takes plain HTTP. Beyond this machine it belongs behind a proxy with TLS: portraits and templates are
    biometric data.
    """
    settings = read_settings(requires=() if dev else MATCHING_REQUIRES)
    if settings.matching_url:
        raise click.UsageError(
            "BONAFIDE_MATCHING_URL names another core: unset it where the core itself is served"
        )
    made = secrets.token_urlsafe(32) if dev and not settings.matching_tokens else None
    if made:
        settings = replace(settings, matching_tokens=(made,))
    try:
        load_models(settings)
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from error
    _greet(host, port, made)
    limits = settings.limits
    # gunicorn reads the command line's arguments otherwise.
    os.environ.pop("GUNICORN_CMD_ARGS", None)
    GunicornServer(
        lambda: build_matching_application(settings),
        Listen(host, port),
        min(limits.matching_threads + limits.matching_waiting_max, THREADS_MAX),
        limits.request_read_seconds,
        settings.log_level,
    ).run()


def _greet(host: str, port: int, made: str | None) -> None:
    """What to set on the other side. A token that comes from the settings is not shown."""
    shown_host = f"[{host}]" if ":" in host else host
    address = f"http://{shown_host}:{port}" if is_loopback(host) else "https://…, where your proxy ends TLS"
    click.echo(f"""
The matching core listens on http://{shown_host}:{port}. On the other side set

  BONAFIDE_MATCHING_URL={address}
  BONAFIDE_MATCHING_TOKENS={made or "the newest of BONAFIDE_MATCHING_TOKENS here"}
""")
