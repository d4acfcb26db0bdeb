"""`bonafide webhooks`: deliveries on a developer's machine."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import click

from app.adapters.webhook_signatures import is_secret
from app.cli.entities import operator_of
from app.cli.settings import read_settings
from app.cli.store import opened
from app.cli.webhook_listener import Listener
from app.domain.errors import ObjectNotFound
from app.domain.organization import Caller
from app.domain.webhook import is_pattern
from app.main.infrastructure import make_webhook_secrets
from app.main.webhooks import make_manage_webhooks
from app.services.manage_webhooks import ManageWebhooks

PAGE = 100


@click.group("webhooks", help="See webhooks arrive on this machine.")
def command() -> None:
    pass


@command.command("listen")
@click.option("--port", default=9000, show_default=True, type=click.IntRange(0, 65535), help="0: any free one.")
@click.option("--secret", "secrets", multiple=True, help="Verify with it (whsec_…); again for a second one.")
@click.option("--org", "slug", help="Have the events of this organization sent here while this runs.")
@click.option("--test/--live", "is_test", default=True, show_default=True, help="With --org: which events.")
@click.option("--events", "patterns", multiple=True, default=["*"], help="With --org: names, or as biometric.*")
def listen(
    port: int, secrets: tuple[str, ...], slug: str | None, is_test: bool, patterns: tuple[str, ...]
) -> None:
    """Receive webhooks on 127.0.0.1, verify and print them, until it is interrupted.

    With --org an endpoint is made beside a server of this machine in development mode and removed at the end, and
    its secret is known, as is that of single sessions' webhookUrl. Else give the --secret of the endpoint.
    """
    for secret in secrets:
        if not is_secret(secret):
            raise click.BadParameter("must be whsec_ and base64, as it was shown", param_hint="--secret")
    for pattern in patterns:
        if not is_pattern(pattern):
            raise click.BadParameter(f"no event is meant by {pattern!r}", param_hint="--events")
    try:
        listener = Listener(port, secrets, lambda: datetime.now(UTC), _show)
    except OSError as error:
        raise click.ClickException(f"port {port} cannot be listened on: {error.strerror}") from error
    # A request to end is what Ctrl-C is: the endpoint has to be removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with listener:
        try:
            if slug is None:
                _serve(listener)
            else:
                with _registered(listener.url, slug, patterns, is_test=is_test) as known:
                    listener.secrets = (*secrets, *known)
                    _serve(listener)
        except KeyboardInterrupt:
            click.echo("\nStopped.", err=True)


def _serve(listener: Listener) -> None:
    checked = "" if listener.secrets else "; nothing is verified without --secret or --org"
    click.echo(f"Listening on {listener.url}{checked}\n")
    listener.serve_forever()


@contextmanager
def _registered(url: str, slug: str, patterns: Sequence[str], *, is_test: bool) -> Iterator[Sequence[str]]:
    """While it lasts the organization has an endpoint for us. Gives the secrets that sign what comes."""
    settings = read_settings(requires=["master_keys"], may_use_dev_secrets=True)
    with opened(settings) as infrastructure:
        caller = operator_of(infrastructure, slug, is_test=is_test)
        webhooks = make_manage_webhooks(settings, infrastructure, is_development=True)
        _remove_left_over(webhooks, caller, url)
        made = webhooks.create(caller, url, patterns, is_listener=True)
        try:
            secret_of = make_webhook_secrets(settings, infrastructure).of(caller.organization.organization_id)
            version = caller.organization.settings.kyc_webhook_secret_version
            yield [made.secret] if version is None else [made.secret, secret_of(version)]
        finally:
            with suppress(ObjectNotFound):  # somebody has removed it meanwhile
                webhooks.remove(caller, made.endpoint.endpoint_id)


def _remove_left_over(webhooks: ManageWebhooks, caller: Caller, url: str) -> None:
    """Of a listener here that was killed; what others made for this address stays."""
    endpoints, _ = webhooks.page(caller, PAGE, 0)
    for endpoint in endpoints:
        if endpoint.is_listener and endpoint.url == url:
            webhooks.remove(caller, endpoint.endpoint_id)


def _show(lines: Sequence[str]) -> None:
    click.echo("\n".join(lines))
