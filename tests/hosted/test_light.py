"""The light challenge on the socket: the notice, the answer, the colours, and coming back."""

from __future__ import annotations

import pytest

from app.domain.challenge import Challenge
from app.domain.light import LIGHT_COLOURS_SHOWN
from app.hosted.copy import CONSENT_VERSION
from tests.faces import RESTING, Face, Motion, seen
from tests.hosted.conftest import BuildSite, Json, Page, Site

PAGE = "page-0001"


@pytest.fixture
def lit_site(build_site: BuildSite) -> Site:
    return build_site(settings={"light_challenge": True})


def frame(site: Site, page: Page, face: Face = RESTING) -> Json:
    """The next frame of the page, right in every field."""
    studio = site.studio
    live = studio.live_capture()
    studio.clock.advance(milliseconds=100)
    studio.analyzer.observations = [seen(face)]
    asked = live.run.challenge
    header = {
        "seq": live.order.next_seq,
        "captured_at_ms": float(studio.clock.monotonic_ms()),
        "challenge_id": asked.challenge_id if asked else None,
        "nonce": live.run.frame_nonce,
    }
    return page.ask("frame", header, studio.picture(f"frame {live.order.next_seq}"))


def noticed(site: Site) -> Page:
    """A page that has passed every challenge."""
    page = site.page()
    page.hello(PAGE)
    page.ask("consent", {"version": CONSENT_VERSION, "accepted": True})
    page.ask("camera", {"width": 640})
    while asked_of(site) is None:
        assert frame(site, page)["ok"]
    while (asked := asked_of(site)) is not None:
        for _, face in Motion(asked.kind, rest_ms=300, hold_ms=1_000).frames(10):
            assert frame(site, page, face)["ok"]
            if asked_of(site) is not asked:
                break
    return page


def asked_of(site: Site) -> Challenge | None:
    return site.studio.run_of().challenge


def told(page: Page, *names: str) -> list[tuple[str, Json]]:
    return [(name, message) for name, message in page.heard() if name in names]


def test_notice_then_colours_then_the_still(lit_site: Site) -> None:
    page, run = noticed(lit_site), lit_site.studio.run_of()
    state, notice = told(page, "state", "light_notice", "light", "capture_request")[-2:]
    assert (state[1]["state"], state[1]["nonce"]) == ("light", run.nonce)
    assert notice == ("light_notice", {"nonce": run.nonce})
    nonce = run.nonce
    assert page.ask("light_ready", {"accepted": True}) == {"ok": True}
    while run.lit is not None:
        assert frame(lit_site, page)["ok"]
    heard = told(page, "light", "state", "capture_request")
    shown = [message for name, message in heard if name == "light"]
    assert [one["index"] for one in shown] == list(range(LIGHT_COLOURS_SHOWN + 1))
    assert {one["nonce"] for one in shown} == {nonce}
    assert {one["duration_ms"] for one in shown[:-1]} == {650}
    assert shown[-1]["colour"] == "off"
    assert heard[-2][1]["state"] == "capture"
    assert heard[-1][0] == "capture_request"


def test_who_skips_it_is_asked_for_the_still(lit_site: Site) -> None:
    page = noticed(lit_site)
    page.heard()
    assert page.ask("light_ready", {"accepted": False}) == {"ok": True}
    heard = told(page, "light", "state", "capture_request")
    assert [name for name, _ in heard] == ["state", "capture_request"]


def test_answer_without_a_notice_is_not_expected(lit_site: Site) -> None:
    page = lit_site.page()
    page.hello(PAGE)
    assert page.ask("light_ready", {"accepted": True})["code"] == "not_expected"
    page.leave()
    page = noticed(lit_site)
    assert page.ask("light_ready", {"accepted": True})["ok"]
    assert page.ask("light_ready", {"accepted": False})["code"] == "not_expected"


def test_page_that_comes_back_is_warned_again(lit_site: Site) -> None:
    noticed(lit_site)
    again = lit_site.page()
    answer = again.hello(PAGE)
    assert (answer["state"], answer["nonce"]) == ("light", lit_site.studio.run_of().nonce)
    assert told(again, "light_notice") == [("light_notice", {"nonce": answer["nonce"]})]
    assert again.ask("light_ready", {"accepted": True})["ok"]
    last = lit_site.page()
    assert last.hello(PAGE)["state"] == "light"
    assert told(last, "light_notice") == [], "the colours go on"


def test_page_that_goes_away_in_coloured_light_begins_anew(lit_site: Site) -> None:
    page = noticed(lit_site)
    page.ask("light_ready", {"accepted": True})
    page.leave()
    assert lit_site.studio.run_of().lit is None
    assert lit_site.page().hello(PAGE)["state"] == "camera"


def test_who_avoids_flashes_is_shown_none(lit_site: Site) -> None:
    page = lit_site.page()
    page.hello(PAGE, accessibility={"avoid": ["flash"]})
    assert lit_site.studio.run_of().config.light.value == "declined"
