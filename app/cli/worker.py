"""`bonafide worker`: webhooks and the end of overdue sessions, in a process of its own."""

from __future__ import annotations

import signal
import threading

import click

from app.cli.logs import configure_logging
from app.cli.settings import read_settings
from app.config import WORKER_REQUIRES
from app.main import build_worker, prepare_store


@click.command()
@click.option("--dev", is_flag=True, help="Development: with the secrets of `serve --dev`, to loopback too.")
def command(*, dev: bool) -> None:
    """Deliver webhooks and end overdue sessions, without models and without a port.

    `bonafide serve` does both as well, unless BONAFIDE_WORKER is off. Any number of workers share one store:
    what a dead one had taken is taken over by the others. SIGTERM ends it within a few seconds.
    """
    is_over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: is_over.set())
    settings = read_settings(dev=dev, requires=() if dev else WORKER_REQUIRES)
    prepare_store(settings)
    configure_logging(settings.log_level)
    worker = build_worker(settings)
    worker.start()
    click.echo("The worker runs.")
    is_over.wait()
    worker.stop()
