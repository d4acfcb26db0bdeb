"""From a computer to a phone: the link, its page, who captures, who watches, and what either may do."""

from __future__ import annotations

import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.domain.capture_phase import CapturePhase
from app.domain.errors import StoreUnavailable
from app.domain.handoff import CHOICES, HANDOFFS_MAX
from app.domain.session import SessionStatus
from app.hosted import protocol
from tests.faces import RESTING, seen
from tests.hosted.conftest import PUBLIC_ORIGIN, BuildSite, Page, Site, make_site
from tests.hosted.test_capture_namespace import AGREED
from tests.hosted.test_pages import boot_of

WINDOWS = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/143.0 Safari/537.36"
CALLBACK = "https://shop.example/done"
OWN = {"Origin": PUBLIC_ORIGIN}


def computer(site: Site) -> Page:
    """The first page, ready for the camera."""
    page = site.page()
    page.hello("computer-1")
    page.ask("consent", AGREED)
    page.heard()
    return page


def path_of(link: str) -> str:
    assert link.startswith(f"{PUBLIC_ORIGIN}/handoff/")
    return link.removeprefix(PUBLIC_ORIGIN)


def choose(site: Site, link: str, number: object, headers: dict[str, str] | None = None) -> TestResponse:
    client = site.app.test_client()
    return client.post(path_of(link), data={"number": number}, headers=OWN if headers is None else headers)


def code_of(response: TestResponse) -> str | None:
    found = re.search(r'data-code="([a-z_]+)"', response.text)
    return found and found[1]


def taken(site: Site, answer: dict[str, Any]) -> str:
    """The phone chooses rightly; the token of its page."""
    response = choose(site, answer["link"], answer["number"])
    assert response.status_code == 303
    return str(response.headers["Location"]).removeprefix("/session/")


def phone(site: Site, answer: dict[str, Any]) -> Page:
    page = site.page(taken(site, answer))
    assert page.hello("phone-0001")["ok"]
    return page


def wrong(site: Site, answer: dict[str, Any]) -> int:
    numbers = numbers_on(site.get(path_of(answer["link"])))
    return next(one for one in numbers if one not in (0, answer["number"]))


def numbers_on(response: TestResponse) -> list[int]:
    return [int(one) for one in re.findall(r'name="number" value="(\d+)"', response.text)]


def look_into_camera(site: Site, page: Page) -> None:
    """Frames of a face at rest, until the first movement is asked for."""
    studio = site.studio
    assert page.ask("camera", {"width": 640})["state"] == "align"
    while studio.run_of().phase is CapturePhase.ALIGN:
        studio.clock.advance(milliseconds=100)
        studio.analyzer.observations = [seen(RESTING)]
        live = studio.live_capture()
        header = {
            "seq": live.order.next_seq,
            "captured_at_ms": float(studio.clock.monotonic_ms()),
            "challenge_id": None,
            "nonce": live.run.frame_nonce,
        }
        assert page.ask("frame", header, studio.picture("frame"))["ok"]


def test_computer_gets_a_link_its_code_and_a_number(site: Site) -> None:
    answer = computer(site).ask("handoff", {})
    assert answer["ok"]
    assert 10 <= answer["number"] <= 99
    assert answer["expires_in_ms"] == 3_600_000
    assert re.fullmatch(r"(M\d+ \d+h\d+v1h-\d+z)+", answer["qr"]["path"])
    assert site.token not in answer["link"]


def test_phone_is_shown_who_asks_from_what_and_three_numbers(site: Site) -> None:
    answer = computer(site).ask("handoff", {})
    site.studio.clock.advance(minutes=2)
    page = site.get(path_of(answer["link"]))
    assert page.status_code == 200
    numbers = numbers_on(page)
    assert len(numbers) == CHOICES + 1
    assert answer["number"] in numbers[:CHOICES]
    assert numbers[-1] == 0, "none of these"
    assert "2 minutes ago" in page.text
    assert "from a computer" in page.text, "the test's client names no browser"
    assert "<script" not in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert site.get(path_of(answer["link"]), method="HEAD").status_code == 200
    assert site.get(path_of(answer["link"])).status_code == 200, "reading uses nothing up"


def test_browser_and_system_of_the_computer_are_named(site: Site) -> None:
    headers = {"User-Agent": WINDOWS}
    client = site.part.socketio.test_client(
        site.app, namespace=protocol.NAMESPACE, auth={"token": site.token}, headers=headers
    )
    client.emit("hello", {"page_id": "computer-1"}, namespace=protocol.NAMESPACE, callback=True)
    answer = client.emit("handoff", {}, namespace=protocol.NAMESPACE, callback=True)
    assert "Chrome on Windows" in site.get(path_of(answer["link"])).text


def test_phone_takes_over_and_the_computer_follows(site: Site) -> None:
    first = computer(site)
    answer = first.ask("handoff", {})
    token = taken(site, answer)
    (told,) = first.heard()
    assert (told[0], told[1]["link"], told[1]["state"]) == ("watch_state", "taken", "camera")
    second = site.page(token)
    assert second.hello("phone-0001")["state"] == "camera"
    assert first.is_connected
    look_into_camera(site, second)
    heard = first.heard()
    steps = [message for name, message in heard if name == "watch_state"]
    assert [step["state"] for step in steps] == ["camera", "align", "challenge"]
    assert (steps[-1]["index"], steps[-1]["total"]) == (0, site.studio.run_of().number_of_challenges)
    assert site.studio.run_of().nonce not in str(heard)
    assert all(set(step) == {"version", "link", "state", "index", "total", "away"} for step in steps)


def test_computer_is_told_that_the_phone_is_away_and_that_it_is_back(site: Site) -> None:
    first = computer(site)
    token = taken(site, first.ask("handoff", {}))

    def told() -> list[bool]:
        return [message["away"] for name, message in first.heard() if name == "watch_state"]

    assert told() == [False], "it has not come yet"
    second = site.page(token)
    second.hello("phone-0001")
    look_into_camera(site, second)
    assert not any(told())
    second.leave()
    assert told() == [True]
    assert first.ask("watch", {})["away"] is True, "whoever asks is told the same"
    back = site.page(token)
    back.hello("phone-0001")
    assert told() == [False]
    back.leave()
    waiting = site.page(token)
    assert told()[-1] is True
    assert first.ask("watch", {})["away"] is False, "it is connected again, and may be waiting for a place"
    waiting.leave()
    first.leave()
    assert not site.part.connections.is_phone_away(site.studio.hosted_id), "nobody is left to be told"


def test_page_that_watches_is_heard_in_nothing_else(site: Site) -> None:
    first = computer(site)
    second = phone(site, first.ask("handoff", {}))
    second.ask("camera", {"width": 640})
    run = site.studio.run_of()
    first.heard()
    for event in set(protocol.CLIENT_EVENTS) - {"hello", "watch", *protocol.WATCHER_EVENTS}:
        assert first.ask(event, {})["code"] == "watching", event
    assert first.ask("handoff", {})["code"] == "not_expected", "the phone has it"
    assert site.studio.run_of() is run
    assert second.ask("watch", {})["code"] == "not_expected", "a phone watches nobody"
    assert second.ask("handoff", {})["code"] == "not_expected", "nor hands it on"


def test_cancel_on_the_computer_ends_both(build_site: BuildSite) -> None:
    site = build_site(session={"callback": CALLBACK})
    first = computer(site)
    second = phone(site, first.ask("handoff", {}))
    result = first.ask("cancel", {})["result"]
    assert (result["outcome"], result["continue_on"]) == ("abandoned", None)
    assert result["redirect"]["url"].startswith(CALLBACK)
    (ended,) = [message for name, message in second.heard() if name == "result"]
    assert (ended["outcome"], ended["redirect"], ended["continue_on"]) == ("abandoned", None, "computer")
    assert site.studio.stored()[0].status is SessionStatus.ABANDONED


@pytest.mark.parametrize("method", ["initiator", "completer", "both"])
def test_leaving_on_the_phone_tells_both_where_it_goes_on(build_site: BuildSite, method: str) -> None:
    site = build_site(session={"callback": CALLBACK}, settings={"callback_method": method})
    first = computer(site)
    token = taken(site, first.ask("handoff", {}))
    second = site.page(token)
    second.hello("phone-0001")
    on_phone = second.ask("cancel", {})["result"]
    (on_computer,) = [message for name, message in first.heard() if name == "result"]
    expected = {"initiator": ("computer", None), "completer": (None, "phone"), "both": (None, None)}[method]
    assert (on_phone["continue_on"], on_computer["continue_on"]) == expected
    for told in (on_phone, on_computer):
        assert (told["redirect"] is None) == (told["continue_on"] is not None)
    # A page that is loaded again says the same.
    assert boot_of(site.get(f"/session/{token}"))["result"]["continue_on"] == expected[0]
    assert boot_of(site.get())["result"]["continue_on"] == expected[1]


@pytest.mark.parametrize("hears_by", ["asking", "being told", "loading anew"])
def test_computer_goes_on_when_its_phone_has_died(build_site: BuildSite, hears_by: str) -> None:
    """Whoever notices first that nothing comes any more."""
    site = build_site(session={"callback": CALLBACK})
    first = computer(site)
    phone(site, first.ask("handoff", {})).leave()
    site.studio.clock.advance(minutes=16)
    first.heard()
    if hears_by == "asking":
        site.studio.read_capture(site.studio.hosted_id)  # another process has ended it
        assert first.ask("cancel", {})["code"] == "not_expected", "it is over, and no other page has it"
        result = first.ask("watch", {})["result"]
    elif hears_by == "being told":
        site.part.namespace.announce(site.studio.hosted_id)
        (result,) = [message for name, message in first.heard() if name == "result"]
    else:
        result = boot_of(site.get())["result"]
    assert (result["outcome"], result["continue_on"]) == ("abandoned", None)
    assert result["redirect"]["url"].startswith(CALLBACK)


def test_computer_takes_the_session_back_and_the_phones_page_is_void(site: Site) -> None:
    first = computer(site)
    token = taken(site, first.ask("handoff", {}))
    second = site.page(token)
    second.hello("phone-0001")
    assert boot_of(site.get(f"/session/{token}"))["arrival"] == "phone"
    assert boot_of(site.get())["arrival"] == "watch", "reloaded, the computer goes on watching"
    assert first.hello("computer-1")["state"] == "camera"
    assert "superseded" in [name for name, _ in second.heard()]
    assert boot_of(site.get())["arrival"] == "first"
    gone = site.get(f"/session/{token}")
    assert (gone.status_code, code_of(gone)) == (410, "handoff_over")
    look_into_camera(site, first)
    nonce = site.studio.run_of().nonce
    third = site.page(token)
    assert third.hello("phone-0002")["code"] == "handoff_over"
    assert site.studio.run_of().nonce == nonce, "what the computer was asked still stands"
    assert first.ask("visibility", {"hidden": False})["ok"], "the computer still captures"


def test_reconnected_computer_watches_and_takes_nothing(site: Site) -> None:
    first = computer(site)
    answer = first.ask("handoff", {})
    first.leave()
    back = site.page()
    assert back.ask("watch", {})["link"] == "open"
    assert back.ask("camera", {})["code"] == "watching"
    second = phone(site, answer)
    assert [message["link"] for name, message in back.heard() if name == "watch_state"][-1] == "taken"
    assert second.ask("visibility", {"hidden": False})["ok"]
    back.leave()
    again = site.page()
    watched = again.ask("watch", {})
    assert (watched["link"], watched["state"]) == ("taken", "camera")
    second.ask("cancel", {})
    assert again.ask("watch", {})["result"]["outcome"] == "abandoned"


def test_computer_and_phone_at_different_processes(site: Site) -> None:
    """Nobody there can tell the computer, so it asks; until then it captures nothing."""
    there = make_site(site.studio, site.opened)
    first = computer(site)
    answer = first.ask("handoff", {})
    second = phone(there, answer)
    assert first.heard() == []
    assert first.ask("camera", {"width": 640})["code"] == "not_expected"
    assert first.ask("watch", {})["link"] == "taken"
    assert first.ask("camera", {"width": 640})["code"] == "watching"
    assert second.ask("camera", {"width": 640})["state"] == "align"
    first.ask("cancel", {})
    assert second.hello("phone-0001")["result"]["continue_on"] == "computer"


def test_computer_that_asks_for_its_own_open_link_goes_on_capturing(site: Site) -> None:
    first = computer(site)
    assert first.ask("watch", {})["code"] == "not_expected"
    first.ask("handoff", {})
    assert first.ask("watch", {})["link"] == "open"
    assert first.ask("camera", {"width": 640})["state"] == "align"


def test_wrong_number_voids_the_link_and_the_computer_is_told(site: Site) -> None:
    first = computer(site)
    answer = first.ask("handoff", {})
    for number in (wrong(site, answer), answer["number"]):
        response = choose(site, answer["link"], number)
        assert (response.status_code, code_of(response)) == (410, "refused")
    (told,) = {message["link"] for name, message in first.heard() if name == "watch_state"}
    assert told == "refused"
    assert first.ask("camera", {"width": 640})["ok"], "the computer still has the session"
    another = first.ask("handoff", {})
    none_of_these = choose(site, another["link"], 0)
    assert code_of(none_of_these) == "refused"


def test_links_that_lead_nowhere_say_why(site: Site) -> None:
    first = computer(site)
    older, newer = first.ask("handoff", {}), first.ask("handoff", {})
    assert code_of(site.get(path_of(older["link"]))) == "void"
    assert code_of(choose(site, older["link"], older["number"])) == "void"
    taken(site, newer)
    for response in (site.get(path_of(newer["link"])), choose(site, newer["link"], newer["number"])):
        assert (response.status_code, code_of(response)) == (410, "used")
    first.ask("cancel", {})
    assert code_of(site.get(path_of(newer["link"]))) == "over"
    for forged in ("x", site.token, newer["link"][:-1], "%ff", "y" * 3_000):
        response = site.get(f"/handoff/{forged}")
        assert (response.status_code, code_of(response)) == (404, "unknown"), forged
    token = path_of(newer["link"]).removeprefix("/handoff/")
    assert site.get(f"/session/{token}").status_code == 404
    assert not site.page(token).is_connected, "a handoff's link is no session's"


def test_link_runs_out(site: Site) -> None:
    first = computer(site)
    answer = first.ask("handoff", {})
    for _ in range(6):
        site.studio.clock.advance(minutes=10)
        watched = first.ask("watch", {})
    assert watched["link"] == "expired"
    response = choose(site, answer["link"], answer["number"])
    assert (response.status_code, code_of(response)) == (410, "expired")
    assert first.ask("handoff", {})["ok"]


@pytest.mark.parametrize("headers", [{}, {"Origin": "null"}, {"Origin": "https://evil.example"}])
def test_only_the_links_own_page_may_choose(site: Site, headers: dict[str, str]) -> None:
    answer = computer(site).ask("handoff", {})
    response = choose(site, answer["link"], answer["number"], headers)
    assert (response.status_code, code_of(response)) == (403, "foreign")
    assert site.get(path_of(answer["link"])).status_code == 200, "and the link still works"


@pytest.mark.parametrize("number", ["", "x", "-1", "123", "4 7", "٤٧", "9" * 2_000])
def test_what_is_no_number_uses_nothing_up(site: Site, number: str) -> None:
    answer = computer(site).ask("handoff", {})
    response = choose(site, answer["link"], number)
    assert (response.status_code, code_of(response)) == (400, "invalid")
    assert site.get(path_of(answer["link"])).status_code == 200


def test_links_are_bounded_and_requests_cost(site: Site) -> None:
    first = computer(site)
    for _ in range(HANDOFFS_MAX):
        site.studio.clock.advance(seconds=5)
        assert first.ask("handoff", {})["ok"]
    site.studio.clock.advance(seconds=5)
    assert first.ask("handoff", {})["code"] == "handoff_limit"
    codes = [first.ask("watch", {}).get("code") for _ in range(40)]
    assert codes[-1] == "too_fast"


def test_store_that_is_away_is_said(site: Site) -> None:
    answer = computer(site).ask("handoff", {})

    def unavailable(*_: object, **__: object) -> None:
        raise StoreUnavailable("away")

    site.replace(handoffs=type("Away", (), {"read": unavailable, "take": unavailable})())
    for response in (site.get(path_of(answer["link"])), choose(site, answer["link"], 11)):
        assert (response.status_code, code_of(response)) == (503, "unavailable")
        assert response.headers["Retry-After"]


def test_second_page_of_the_computer_takes_the_session_from_the_phone(site: Site) -> None:
    """Whoever opens the session's own link anew has the session; the phone and the watching page are told."""
    first = computer(site)
    second = phone(site, first.ask("handoff", {}))
    first.heard()
    assert site.page().hello("computer-2")["ok"]
    assert "superseded" in [name for name, _ in second.heard()]
    assert [message["link"] for name, message in first.heard() if name == "watch_state"][-1] == "void"
    for event in protocol.WATCHER_EVENTS:
        assert first.ask(event, {})["code"] == "superseded", event
    assert site.studio.stored()[0].status is SessionStatus.IN_PROGRESS
