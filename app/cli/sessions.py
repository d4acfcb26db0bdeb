"""`bonafide session`: what an operator may want to know of one session."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import click

from app.cli.explanation import render
from app.cli.settings import read_settings
from app.cli.store import opened
from app.domain.errors import InvalidState, ObjectNotFound, RecordUnreadable
from app.main import make_blob_store
from app.services.explain_session import ExplainSession
from app.services.replay_policy import Judged, Replay, ReplayPolicy


class NothingToCompare(click.ClickException):
    """Ends with 2: neither the same nor another verdict."""

    exit_code = 2


@click.group("session", help="Explain or recompute the verdict of a session.")
def command() -> None:
    pass


@command.command("replay-policy")
@click.argument("session_id", type=click.UUID, metavar="ID")
@click.option("--with-version", type=click.IntRange(min=1), help="Settings version; the decision's own without.")
def replay_policy(session_id: UUID, with_version: int | None) -> None:
    """Make the verdict of a decided session again, from its stored evidence and a version of the settings.

    Nothing is measured again and nothing is changed. Ends with 1 where the verdicts differ, with 2 where there is
    none to compare with.
    """
    with opened() as infrastructure:
        replay = ReplayPolicy(store=infrastructure.store)
        try:
            found = replay(str(session_id), with_version)
        except (ObjectNotFound, InvalidState, RecordUnreadable) as error:
            raise NothingToCompare(str(error)) from error
    for line in report(found):
        click.echo(line)
    if not found.is_same:
        raise SystemExit(1)


@command.command("explain")
@click.argument("session_id", type=click.UUID, metavar="ID")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The page; session-ID.html without.")
def explain(session_id: UUID, out: Path | None) -> None:
    """Write a page that shows why a session ended as it did: what was asked, measured and found, with plots.

    It shows no picture. The audit trail says that somebody looked.
    """
    settings = read_settings(requires=["master_keys"], may_use_dev_secrets=True)
    with opened(settings) as infrastructure:
        explain_session = ExplainSession(
            store=infrastructure.store,
            blobs=make_blob_store(settings, infrastructure),
            clock=infrastructure.clock,
            randomness=infrastructure.randomness,
        )
        page = render(explain_session(str(session_id)))
    target = out or Path(f"session-{session_id}.html")
    try:
        target.write_text(page, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"the page cannot be written: {error}") from error
    click.echo(str(target))


def report(found: Replay) -> list[str]:
    """Old and new, and whether they agree."""
    review = "; under review" if found.session.is_in_review else ""
    lines = [
        f"session     {found.session.session_id} ({found.session.status.value}{review})",
        f"recorded    {_in_words(found.recorded)}",
        f"recomputed  {_in_words(found.recomputed)}",
    ]
    if found.lacks_search:
        lines.append("A search that these settings ask for was not made, or not among all: they cannot approve.")
    return [*lines, "They agree." if found.is_same else "They differ."]


def _in_words(judged: Judged) -> str:
    code = f" {judged.rejection_code.value}" if judged.rejection_code else ""
    return f"{judged.verdict.value}{code}, by version {judged.policy_version}"
