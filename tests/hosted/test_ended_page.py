"""A page that is open when its session ends elsewhere hears of it by itself."""

from __future__ import annotations

from datetime import timedelta

from app.domain.session import SessionStatus
from app.jobs.background import Background, Task, log_failure
from app.services.expire_sessions import ExpireSessions, TellEnded
from tests.hosted.conftest import Site
from tests.services.studio import ABANDON_AFTER


def background_of(site: Site, *, ends_sessions: bool) -> Background:
    """What runs beside the pages; without `ends_sessions` another process does that."""
    studio, namespace = site.studio, site.part.namespace
    expire = ExpireSessions(
        store=studio.store,
        clock=studio.clock,
        randomness=studio.randomness,
        abandon_after=ABANDON_AFTER,
        note_failure=log_failure,
    )
    tell = TellEnded(
        store=studio.store, open_pages=namespace.open_pages, tell=namespace.announce, forget=studio.live.drop
    )
    tasks = [Task("ending", expire, 5)] if ends_sessions else []
    return Background([*tasks, Task("telling", tell, 5)], studio.clock)


def test_a_page_that_stands_still_is_told_that_the_session_was_abandoned(site: Site) -> None:
    page = site.page()
    page.hello()
    page.heard()
    assert site.studio.live.get(site.studio.hosted_id) is not None
    background = background_of(site, ends_sessions=True)
    site.studio.clock.advance(milliseconds=ABANDON_AFTER / timedelta(milliseconds=1) - 1)
    pause = background.step()
    assert page.heard() == []
    site.studio.clock.advance(seconds=pause)
    background.step()
    assert [(name, told["outcome"]) for name, told in page.heard()] == [("result", "abandoned")]
    assert site.studio.stored()[0].status is SessionStatus.ABANDONED
    assert site.studio.live.get(site.studio.hosted_id) is None, "nothing of the capture stays in memory"
    site.studio.clock.advance(seconds=background.step())
    background.step()
    assert page.heard() == [], "once"


def test_a_page_is_told_what_another_process_ended(site: Site) -> None:
    page = site.page()
    page.hello()
    page.heard()
    site.studio.cancel(site.studio.caller, site.studio.session.session_id)
    background_of(site, ends_sessions=False).step()
    assert [(name, told["outcome"]) for name, told in page.heard()] == [("result", "cancelled")]


def test_a_page_that_has_not_said_hello_lets_its_link_expire(site: Site) -> None:
    page = site.page()
    background = background_of(site, ends_sessions=True)
    site.studio.clock.advance(hours=24)
    background.step()
    assert site.studio.stored()[0].status is SessionStatus.EXPIRED
    assert page.heard() == []
    assert page.hello()["result"]["outcome"] == "expired"
