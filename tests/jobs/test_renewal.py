"""The renewal as a task: batch after batch, and what the log says of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import pytest

from app.domain.comparison import TemplateFormat
from app.domain.errors import MatchingUnavailable
from app.jobs.renewal import RenewalTask
from app.services.renew_templates import NotMade, Renewal

BEGUN = Renewal(TemplateFormat("sface", "2"), after="1", made=8)
DONE = replace(BEGUN, made=9, removed=9, is_finished=True)
IDLE = Renewal(BEGUN.template_format, is_finished=True)
WITH_TROUBLE = replace(IDLE, not_made={"v-1": NotMade.NO_FACE, "v-2": NotMade.NO_FACE, "v-3": NotMade.UNREADABLE})


@dataclass
class Script:
    """Stands in for the use case: gives these in turn, and notes what it was called with."""

    outcomes: list[Renewal | Exception]
    given: list[Renewal | None]

    def __call__(self, renewal: Renewal | None = None) -> Renewal:
        self.given.append(renewal)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def task_of(*outcomes: Renewal | Exception) -> tuple[RenewalTask, Script]:
    script = Script(list(outcomes), [])
    return RenewalTask(script), script  # type: ignore[arg-type]


def test_a_pass_goes_on_until_it_is_finished_and_the_next_one_begins_anew(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "app")
    task, script = task_of(BEGUN, DONE, IDLE)
    assert [task(), task(), task()] == [True, False, False]
    assert script.given == [None, BEGUN, None]
    assert [record.getMessage() for record in caplog.records] == [
        "templates of sface@2: 9 made, 9 of other recognizers removed"
    ]


def test_an_outage_keeps_the_pass() -> None:
    task, script = task_of(BEGUN, MatchingUnavailable("away"), DONE)
    task()
    with pytest.raises(MatchingUnavailable):
        task()
    task()
    assert script.given == [None, BEGUN, BEGUN]


def test_what_could_not_be_made_is_told_once_as_long_as_it_is_the_same(caplog: pytest.LogCaptureFixture) -> None:
    other = replace(WITH_TROUBLE, not_made={"v-4": NotMade.FAILED})
    task, _ = task_of(WITH_TROUBLE, WITH_TROUBLE, other, IDLE, other)
    for _ in range(5):
        task()
    first, second, third = (record.getMessage() for record in caplog.records)
    assert first == (
        "3 enrolments have no template of sface@2 (1: its portrait cannot be decrypted, "
        "2: its portrait shows no face); `bonafide templates renew` names them"
    )
    assert second == third
    assert second.startswith("1 enrolments have no template")
