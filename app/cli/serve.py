"""`bonafide serve`: hosted sessions and the API, from an empty data folder to ready."""

from __future__ import annotations

import datetime
import os

import click

from app.cli.gunicorn_server import GunicornServer, Listen
from app.cli.lan import lan_address, make_certificate, print_qr
from app.cli.settings import read_settings
from app.config import SERVE_REQUIRES, ConfigurationError, Settings
from app.main import build_application, check_profile, load_models, prepare_development, prepare_store


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--dev", is_flag=True, help="Development: secrets are made, a demo organization too.")
@click.option("--lan", is_flag=True, help="With --dev: https in the local network, to try it on a phone.")
def command(host: str, port: int, *, dev: bool, lan: bool) -> None:
    """Serve hosted sessions and the API."""
    if lan and not dev:
        raise click.UsageError("--lan makes a self-signed certificate and goes with --dev only")
    address = _lan_address() if lan else None
    public_url = f"https://{address}:{port}" if address else f"http://127.0.0.1:{port}"
    settings = read_settings(dev=dev, requires=() if dev else SERVE_REQUIRES, default_public_url=public_url)
    try:
        check_profile(settings, load_models(settings, with_matching=settings.matching_url is None))
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from error
    prepare_store(settings)
    listen = Listen(host, port)
    if address:
        now = datetime.datetime.now(datetime.UTC)
        certificate, key = make_certificate(settings.data_dir / "lan", address, now)
        listen = Listen("0.0.0.0", port, certificate, key)  # noqa: S104 (the LAN is the point)
    if dev:
        _greet(settings, address)
    # gunicorn reads the command line's arguments otherwise.
    os.environ.pop("GUNICORN_CMD_ARGS", None)
    GunicornServer(
        lambda: build_application(settings),
        listen,
        settings.limits.max_capture_sockets,
        settings.limits.request_read_seconds,
        settings.log_level,
    ).run()


def _lan_address() -> str:
    address = lan_address()
    if address is None:
        raise click.ClickException("this machine has no address in a local network")
    return address


def _greet(settings: Settings, lan: str | None) -> None:
    """Say what to open, and the key to call the API with."""
    key = prepare_development(settings)
    click.echo(f"""
Bonafide runs in development mode.

  Open        {settings.public_url}/demo
  API         {settings.public_url}/api  (organization demo)
  Test key    {key}
  Data        {settings.data_dir}
""")
    if lan:
        click.echo("On the phone (same network), accept the certificate once:\n")
        print_qr(f"{settings.public_url}/demo")
