"""`bonafide doctor`: what stands in the way of serving, and what to do about each."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy.exc import SQLAlchemyError

import app
from app.adapters.db.migrate import is_current
from app.adapters.model_files import FileState
from app.cli.embedding import check_embedding
from app.cli.embedding_page import is_web_address
from app.cli.findings import Finding, Findings, Level, report
from app.cli.models import open_model_files
from app.cli.settings import read_settings
from app.config import Settings

EARLIEST_CLOCK = datetime(2026, 1, 1, tzinfo=UTC)
"""No clock that is right shows less: this program did not exist."""
DETECTOR = "yunet"
"""Of the matching core alone, as recognizers are: a remote core has its own."""
DISTINCT_MIN = 10
"""Different characters or bytes in a key. 32 random bytes have about 30; a typed-in pattern has few."""


@click.command("doctor")
@click.option("--dev", is_flag=True, help="Judge as for `bonafide serve --dev`, which makes its own secrets.")
@click.option("--embed", metavar="URL", help="A page that embeds sessions: what in it would stop the camera?")
@click.option("--session-url", metavar="URL", help="With --embed: a session's link, to judge it as well.")
def command(*, dev: bool, embed: str | None, session_url: str | None) -> None:
    """Check models, store, secrets and clock, and say what to do about each.

    With --embed a page is fetched and judged instead. Changes nothing. Ends with 1 where there is a problem.
    """
    if session_url and not embed:
        raise click.UsageError("--session-url goes with --embed")
    if session_url and not is_web_address(session_url):
        raise click.UsageError("--session-url is no web address")
    settings = read_settings(may_use_dev_secrets=dev)
    report(
        list(check_embedding(embed, session_url, settings.public_url))
        if embed
        else check_server(settings, dev=dev)
    )


def check_server(settings: Settings, *, dev: bool) -> list[Finding]:
    """All that serving needs."""
    checks: tuple[Callable[[Settings], Findings], ...] = (
        check_python,
        check_models,
        check_matching,
        check_data_dir,
        check_store,
        lambda settings: check_secrets(settings, dev=dev),
        check_clock,
        check_browser_client,
        check_consent_texts,
        check_chromium,
    )
    return [finding for check in checks for finding in check(settings)]


def check_python(_settings: Settings) -> Findings:
    yield Finding(Level.OK, "python", f"{platform.python_version()} on {platform.platform()}")


def check_models(settings: Settings) -> Findings:
    model_files = open_model_files(settings)
    for model in model_files.manifest:
        if settings.matching_url and (model.model_id == DETECTOR or model.recognizer is not None):
            continue
        topic = f"model {model.model_id}"
        state = model_files.state(model.model_id)
        if state is FileState.PRESENT:
            yield Finding(Level.OK, topic, "present, SHA-256 as named")
            continue
        level = Level.PROBLEM if model.is_required or state is FileState.CORRUPT else Level.NOTE
        need = "required" if model.is_required else "optional"
        yield Finding(level, topic, f"{state}, {need}: {model.purpose}", model_files.remedy(model.model_id))


def check_matching(settings: Settings) -> Findings:
    """Loads the embedded core, or asks the remote one."""
    # Face analysis may be what is broken: only here.
    from app.main import load_models, make_images, make_matching_core  # noqa: PLC0415

    models = load_models(settings, with_matching=settings.matching_url is None)
    core = make_matching_core(settings, models, make_images(settings))
    health = core.health()
    core.close()
    if health.is_ready:
        yield Finding(Level.OK, "matching core", f"ready, templates of {health.template_format}")
    else:
        remote = "check BONAFIDE_MATCHING_URL, BONAFIDE_MATCHING_TOKENS and the other side"
        remedy = remote if settings.matching_url else "see above, and BONAFIDE_RECOGNIZER"
        yield Finding(Level.PROBLEM, "matching core", health.reason or "not ready", remedy)


def check_data_dir(settings: Settings) -> Findings:
    folder = settings.data_dir
    existing = next((parent for parent in (folder, *folder.parents) if parent.exists()), folder)
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        remedy = "let this user write there, or name another folder with BONAFIDE_DATA_DIR"
        yield Finding(Level.PROBLEM, "data folder", f"{folder} cannot be written: {error}", remedy)
        return
    state = "can be written" if existing == folder else "does not exist yet; `bonafide serve` makes it"
    yield Finding(Level.OK, "data folder", f"{folder} {state}")


def check_store(settings: Settings) -> Findings:
    sqlite_file = settings.database_url.removeprefix("sqlite:///")
    if sqlite_file != settings.database_url and not Path(sqlite_file).exists():
        yield Finding(Level.NOTE, "store", f"{sqlite_file} does not exist yet; `bonafide serve` makes it")
        return
    try:
        is_migrated = is_current(settings.database_url)
    except SQLAlchemyError as error:
        reason = str(error).splitlines()[0]
        yield Finding(Level.PROBLEM, "store", f"cannot be reached: {reason}", "check BONAFIDE_DATABASE_URL")
        return
    if is_migrated:
        yield Finding(Level.OK, "store", "reachable, tables up to date")
    else:
        yield Finding(
            Level.PROBLEM, "store", "its tables are not up to date", "start `bonafide serve`, which migrates"
        )


def check_secrets(settings: Settings, *, dev: bool) -> Findings:
    keys: dict[str, tuple[str | bytes, ...]] = {
        "BONAFIDE_SECRET_KEYS": settings.secret_keys,
        "BONAFIDE_MASTER_KEYS": tuple(key.key for key in settings.master_keys),
        "BONAFIDE_SIGNING_KEYS": tuple(key.key for key in settings.signing_keys),
    }
    for name, values in keys.items():
        if not values and dev:
            yield Finding(Level.NOTE, name, "not set; `bonafide serve --dev` makes one the first time")
        elif not values:
            remedy = "set it to a random value (32 bytes), or run `bonafide doctor --dev` for a development server"
            yield Finding(Level.PROBLEM, name, "not set", remedy)
        elif any(len(set(value)) < DISTINCT_MIN for value in values):
            yield Finding(
                Level.PROBLEM, name, "is a pattern, not a random value", "replace it with 32 random bytes"
            )
        else:
            yield Finding(Level.OK, name, f"{len(values)} key(s)")


def check_clock(_settings: Settings) -> Findings:
    """Links and results expire by this clock. It cannot be earlier than the files of this very program."""
    now = datetime.now(UTC)
    newest = max(path.stat().st_mtime for path in Path(app.__file__).parent.rglob("*.py"))
    if now < max(EARLIEST_CLOCK, datetime.fromtimestamp(newest, UTC)):
        yield Finding(Level.PROBLEM, "clock", f"{now:%Y-%m-%d %H:%M} UTC is in the past", "set the clock (NTP)")
    else:
        yield Finding(Level.OK, "clock", f"{now:%Y-%m-%d %H:%M} UTC")


def check_browser_client(_settings: Settings) -> Findings:
    client = Path(app.__file__).parents[1] / "static" / "vendor" / "socket.io.esm.min.js"
    if client.is_file():
        yield Finding(Level.OK, "browser client", "present")
    else:
        yield Finding(Level.PROBLEM, "browser client", f"{client.name} is missing", "run `make setup`")


def check_consent_texts(_settings: Settings) -> Findings:
    # The page's texts are read for this alone.
    from app.hosted.consent_reviews import draft_languages  # noqa: PLC0415

    drafts = draft_languages(str(Path(app.__file__).parent / "translations"))
    if not drafts:
        yield Finding(Level.OK, "consent texts", "reviewed in every language")
        return
    remedy = "have a lawyer read them, or set texts of your own: branding.consent (docs/operations.md)"
    what = f"the translations {', '.join(drafts)} are drafts that no lawyer has reviewed"
    yield Finding(Level.NOTE, "consent texts", what, remedy)


def check_chromium(settings: Settings) -> Findings:
    if settings.chromium is None:
        yield Finding(Level.NOTE, "chromium", "BONAFIDE_CHROMIUM is not set; only tests and screenshots use it")
    elif settings.chromium.is_file():
        yield Finding(Level.OK, "chromium", str(settings.chromium))
    else:
        yield Finding(Level.NOTE, "chromium", f"{settings.chromium} does not exist", "correct BONAFIDE_CHROMIUM")
