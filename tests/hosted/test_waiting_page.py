"""A page whose capture waits for the matching core hears of its verdict by itself."""

from __future__ import annotations

from app.jobs.background import Background, Task, log_failure
from app.services.decide_waiting import FIRST_TRY, DecideWaiting
from tests.hosted.conftest import Site


def test_page_that_waits_is_told_when_the_core_is_back(site: Site) -> None:
    studio, page = site.studio, site.page()
    page.hello()
    studio.up_to_still()
    studio.core.is_away = True
    answer = site.upload(studio.picture("still"), site.ticket()).json
    assert answer is not None
    assert (answer["ok"], answer["state"]) == (True, "processing")
    page.heard()
    decide_waiting = DecideWaiting(
        store=studio.store,
        decide_capture=studio.decide_capture,
        clock=studio.clock,
        tell=site.part.namespace.announce,
        note_failure=log_failure,
    )
    background = Background([Task("deciding", decide_waiting, 5)], studio.clock)
    studio.clock.advance(milliseconds=FIRST_TRY.total_seconds() * 1_000 + 1)
    pause = background.step()
    assert page.heard() == []
    studio.core.is_away = False
    studio.clock.advance(seconds=pause)
    background.step()
    assert [(name, told["outcome"]) for name, told in page.heard()] == [("result", "approved")]
    assert studio.audit().count("biometric_session.approved") == 1
