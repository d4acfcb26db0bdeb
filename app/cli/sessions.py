"""`bonafide session`: what an operator may want to know of one session."""

from __future__ import annotations

from uuid import UUID

import click

from app.cli.store import opened
from app.domain.errors import InvalidState, ObjectNotFound, RecordUnreadable
from app.services.replay_policy import Judged, Replay, ReplayPolicy


class NothingToCompare(click.ClickException):
    """Ends with 2: neither the same nor another verdict."""

    exit_code = 2


@click.group("session", help="Recompute the verdict of a session.")
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
