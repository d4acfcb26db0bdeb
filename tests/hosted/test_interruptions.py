"""What comes between a page and its session: reloads, hidden pages, dialogs, new cameras, refused stills."""

from __future__ import annotations

import pytest

from app.domain.capture_phase import CapturePhase
from app.domain.session import SessionStatus
from tests.faces import seen
from tests.hosted.conftest import BuildSite, Json, Page, Site
from tests.hosted.test_capture_namespace import AGREED
from tests.hosted.test_light import PAGE, asked_of, frame, told
from tests.hosted.test_light import noticed as at_still
from tests.hosted.test_upload import code_of, still_of

HIDDEN, SHOWN = {"hidden": True}, {"hidden": False}
REASONS = ("page", "dialog")


def challenged(site: Site) -> Page:
    """A page whose first challenge stands."""
    page = site.page()
    page.hello(PAGE)
    page.ask("consent", AGREED)
    page.ask("camera", {"width": 640})
    align(site, page)
    return page


def align(site: Site, page: Page) -> None:
    while asked_of(site) is None:
        assert frame(site, page)["ok"]
    page.heard()


# The still


def test_reload_at_the_still_of_the_last_attempt_goes_on(build_site: BuildSite) -> None:
    site = build_site(settings={"max_attempts": 1})
    at_still(site).leave()
    page = site.page()
    answer = page.hello("page-0002")
    assert (answer["ok"], answer["state"], answer["attempts_left"]) == (True, "camera", 1)
    assert page.ask("camera", {"width": 640})["state"] == "align"


def test_reload_that_no_attempt_is_left_for_hears_the_result(build_site: BuildSite) -> None:
    site = build_site(settings={"max_attempts": 1})
    at_still(site)
    site.studio.live_capture().quality_retries_used = 3
    answer = site.page().hello("page-0002")
    assert (answer["state"], answer["result"]["outcome"], answer["result"]["reason"]) == (
        "done",
        "rejected",
        "attempts_exhausted",
    )


def test_camera_without_an_attempt_left_is_told_the_result(site: Site) -> None:
    page = challenged(site)
    live = site.studio.live_capture()
    live.run.stop()
    live.attempts_used = live.attempts_allowed
    answer = page.ask("camera", {})
    assert (answer["ok"], answer["state"]) == (True, "done")
    assert [message["reason"] for _, message in told(page, "result")] == ["attempts_exhausted"]
    assert site.studio.stored()[0].status is SessionStatus.REJECTED


def test_camera_that_is_opened_anew_at_the_still_is_asked_for_it_again(site: Site) -> None:
    page = at_still(site)
    assert page.ask("camera", {"error": "lost"})["state"] == "capture"
    page.heard()
    answer = page.ask("camera", {"width": 640})
    assert (answer["ok"], answer["state"], answer["nonce"]) == (True, "capture", site.studio.run_of().nonce)
    ((_, request),) = told(page, "capture_request", "state")
    assert site.upload(still_of(site), request["ticket"]).status_code == 200


def refuse_still(site: Site, ticket: str) -> Json:
    site.studio.analyzer.observations = [seen(None)]
    response = site.upload(still_of(site), ticket)
    assert code_of(response) == (400, "no_face")
    body: Json = response.get_json()
    return body


def test_page_whose_stills_are_refused_is_asked_again_and_then_told_why_it_is_over(site: Site) -> None:
    page = at_still(site)
    page.heard()
    for _ in range(2):
        assert refuse_still(site, site.ticket())["retryable"]
        (_, state), (_, request) = told(page, "state", "capture_request")
        assert (state["state"], state["reason"]) == ("capture", None)
        assert set(request) == {"ticket", "max_bytes", "width", "height"}
    assert refuse_still(site, site.ticket())["retryable"]
    ((_, state),) = told(page, "state", "capture_request", "result")
    assert (state["state"], state["reason"]) == ("retry", "quality")
    assert page.ask("camera", {})["state"] == "align"


def test_refused_still_that_ends_the_session_is_not_to_be_tried_again(build_site: BuildSite) -> None:
    site = build_site(settings={"max_attempts": 1})
    page = at_still(site)
    site.studio.live_capture().quality_retries_used = 3
    site.studio.live_capture().stills_refused = 2
    page.heard()
    assert not refuse_still(site, site.ticket())["retryable"]
    ((name, message),) = told(page, "state", "capture_request", "result")
    assert (name, message["reason"]) == ("result", "attempts_exhausted")


# Hidden pages, and dialogs


@pytest.mark.parametrize("reason", [None, *REASONS])
def test_page_that_is_hidden_is_asked_nothing_until_it_is_seen_again(site: Site, reason: str | None) -> None:
    page = challenged(site)
    hidden = HIDDEN if reason is None else {**HIDDEN, "reason": reason}
    assert page.ask("visibility", hidden)["state"] == "camera"
    for _ in range(2):
        refused = page.ask("camera", {"width": 640})
        assert (refused["ok"], refused["code"], refused["retryable"]) == (False, "hidden", True)
        assert refused["state"] == "camera"
    assert site.studio.run_of().phase is CapturePhase.IDLE
    assert page.ask("visibility", SHOWN)["state"] == "camera"
    assert page.ask("camera", {"width": 640})["state"] == "align"


@pytest.mark.parametrize("reason", ["dialogue", "", None, 1, ["page"], "x" * 5_000])
def test_page_is_hidden_for_no_other_reason(site: Site, reason: object) -> None:
    page = challenged(site)
    assert page.ask("visibility", {**HIDDEN, "reason": reason})["code"] == "invalid_message"
    assert site.studio.run_of().phase is CapturePhase.CHALLENGE


def test_within_the_time_the_attempt_goes_on_with_another_movement(site: Site) -> None:
    page, before = challenged(site), asked_of(site)
    assert before is not None
    page.ask("visibility", HIDDEN)
    site.studio.clock.advance(seconds=14)
    page.ask("visibility", SHOWN)
    page.ask("camera", {})
    align(site, page)
    after = asked_of(site)
    assert after is not None
    assert (after.kind is not before.kind, after.nonce != before.nonce) == (True, True)
    assert after.total > before.total
    assert site.studio.stored()[1].attempts_used == 1


def test_whoever_stays_away_for_long_aligns_anew_in_the_alignment_s_own_time(site: Site) -> None:
    page = challenged(site)
    page.ask("visibility", HIDDEN)
    site.studio.clock.advance(seconds=90)
    page.ask("camera", {})
    site.studio.clock.advance(seconds=90)
    assert page.ask("visibility", SHOWN)["state"] == "camera"
    answer = page.ask("camera", {})
    assert (answer["state"], answer["attempt"]) == ("align", 1)
    assert frame(site, page)["ok"]
    assert site.studio.run_of().phase is CapturePhase.ALIGN
    align(site, page)
    assert site.studio.stored()[1].quality_retries_used == 1


def test_alignment_stands_still_while_the_page_is_hidden(site: Site) -> None:
    page = site.page()
    page.hello(PAGE)
    page.ask("consent", AGREED)
    page.ask("camera", {})
    site.studio.clock.advance(seconds=30)
    assert page.ask("visibility", {**HIDDEN, "reason": "dialog"})["state"] == "camera"
    site.studio.clock.advance(seconds=120)
    page.ask("camera", {})
    site.studio.clock.advance(seconds=120)
    page.ask("visibility", SHOWN)
    page.ask("camera", {})
    site.studio.clock.advance(seconds=59)
    assert frame(site, page)["ok"]
    assert site.studio.run_of().phase is CapturePhase.ALIGN
    hosted = site.studio.stored()[1]
    assert (hosted.attempts_used, hosted.quality_retries_used) == (0, 0)


def test_hello_says_anew_that_the_page_is_there(site: Site) -> None:
    """What was said on a line that broke may never have come."""
    page = challenged(site)
    page.ask("visibility", HIDDEN)
    page.leave()
    page = site.page()
    assert page.hello(PAGE)["state"] == "camera"
    assert page.ask("camera", {})["state"] == "align"


def test_hidden_page_may_say_that_its_camera_is_in_trouble(site: Site) -> None:
    page = challenged(site)
    page.ask("visibility", HIDDEN)
    answer = page.ask("camera", {"error": "lost"})
    assert (answer["ok"], answer["state"]) == (True, "camera")


def test_hiding_again_and_again_draws_no_more_movements_than_any_interruption(site: Site) -> None:
    """Three times it goes on, with more to do each time; then each costs an attempt, and the last the session."""
    page, totals, attempts = challenged(site), [], []
    for number in range(6):
        asked = asked_of(site)
        assert asked is not None
        totals.append(asked.total)
        attempts.append(site.studio.stored()[1].attempts_used)
        # A dialog that would cost an attempt interrupts nothing (below).
        reason = REASONS[number % 2] if number < 3 else "page"
        state = page.ask("visibility", {**HIDDEN, "reason": reason})["state"]
        site.studio.clock.advance(seconds=1)
        page.ask("visibility", SHOWN)
        if state != "done":
            page.ask("camera", {})
            align(site, page)
    usual = totals[0]
    assert totals[:4] == [usual, usual + 1, usual + 2, usual + 3]
    assert attempts == [1, 1, 1, 1, 2, 3]
    assert site.studio.stored()[0].status is SessionStatus.REJECTED


def test_dialog_never_costs_an_attempt_nor_the_session(build_site: BuildSite) -> None:
    """Whoever opens the question before leaving, and stays, has done nothing wrong."""
    site = build_site(settings={"max_attempts": 1})
    page = challenged(site)
    site.studio.live_capture().quality_retries_used = 3
    asked, dialog = asked_of(site), {**HIDDEN, "reason": "dialog"}
    answer = page.ask("visibility", dialog)
    assert (answer["ok"], answer["state"], answer["pauses_left"]) == (True, "challenge", 0)
    assert asked_of(site) == asked
    assert page.ask("visibility", SHOWN)["state"] == "challenge"
    assert site.studio.stored()[0].status is SessionStatus.IN_PROGRESS
    # Another tab is another matter: nobody can answer there.
    assert page.ask("visibility", HIDDEN)["state"] == "done"


def test_how_often_it_can_be_interrupted_is_told(site: Site) -> None:
    page = challenged(site)
    assert page.ask("visibility", HIDDEN)["pauses_left"] == 2
    assert page.ask("visibility", SHOWN)["pauses_left"] == 2
    assert page.hello(PAGE)["pauses_left"] == 2
