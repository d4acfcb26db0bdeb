"""A server that bears no further capture: who comes waits in order, and who captures already does not notice."""

from __future__ import annotations

from app.domain.session import SessionStatus
from app.hosted.allowance import Allowance
from app.hosted.connections import SOCKETS_PER_SESSION, Connections
from app.services.ports import PageClaim
from tests.hosted.conftest import FakeSocket, Page, Site
from tests.hosted.test_capture_namespace import AGREED
from tests.services.test_frame_traffic import fill, keep_alive


def waiting_page(site: Site) -> tuple[Page, list[str]]:
    """A page that was refused with its camera live, and those who capture."""
    page = site.page()
    page.hello()
    page.ask("consent", AGREED)
    others = fill(site.studio)
    answer = page.ask("camera", {})
    assert (answer["ok"], answer["code"], answer["retryable"]) == (False, "busy", True)
    return page, others


def test_a_page_waits_with_its_camera_and_is_let_in_when_another_ends(site: Site) -> None:
    page, others = waiting_page(site)
    assert (
        page.ask("frame", {"seq": 1, "captured_at_ms": 1.0, "challenge_id": None, "nonce": ""}, b"x")["ok"]
        is False
    )
    page.leave()
    page = site.page()
    assert page.hello()["code"] == "busy"
    site.studio.clock.advance(seconds=6)
    keep_alive(site.studio, others[1:])
    page.leave()
    page = site.page()
    assert page.hello()["state"] == "camera"
    assert page.ask("camera", {})["state"] == "align"


def test_idle_pages_do_not_count(site: Site) -> None:
    pages = [site.page() for _ in range(3)]
    assert pages[-1].hello()["state"] == "consent"
    assert len(fill(site.studio)) == site.studio.traffic._admission.limit()


def test_a_page_that_waits_hears_of_its_end(site: Site) -> None:
    page, _ = waiting_page(site)
    page.leave()
    site.studio.withdraw(site.studio.hosted_id)
    answer = site.page().hello()
    assert (answer["ok"], answer["state"]) == (True, "done")


def test_under_load_pages_are_asked_for_longer_pauses(site: Site) -> None:
    page = site.page()
    page.hello()
    page.ask("consent", AGREED)
    nonce = page.ask("camera", {})["nonce"]

    def frame(seq: int) -> int:
        site.studio.clock.advance(milliseconds=200)
        header = {"seq": seq, "captured_at_ms": 200.0 * seq, "challenge_id": None, "nonce": nonce}
        answer = page.ask("frame", header, site.studio.picture(f"frame {seq}"))
        assert answer["ok"], answer
        return int(answer["next_in_ms"])

    assert frame(1) == 0
    keep_alive(site.studio, [f"another {number}" for number in range(40)])
    assert frame(2) > 0


def test_too_many_pages_of_one_session_are_not_a_server_that_is_full(site: Site) -> None:
    connections = Connections()

    def join(sid: str, session: str) -> str | None:
        socket = FakeSocket(Allowance(site.studio.clock.monotonic_ms))
        return connections.add(sid, PageClaim(session), socket, SOCKETS_PER_SESSION)  # type: ignore[arg-type]

    answers = [join(f"{number}", "one") for number in range(SOCKETS_PER_SESSION + 1)]
    assert answers == [*[None] * SOCKETS_PER_SESSION, "too_many_pages"]
    assert join("other", "another") == "busy"


def test_whoever_waits_can_leave(site: Site) -> None:
    page, _ = waiting_page(site)
    page.leave()
    page = site.page()
    assert page.hello()["code"] == "busy"
    answer = page.ask("cancel", {})
    assert (answer["ok"], answer["result"]["outcome"]) == (True, "abandoned")
    assert site.studio.stored()[0].status is SessionStatus.ABANDONED


def test_whoever_waits_cannot_end_what_another_page_captures(site: Site) -> None:
    page, other = site.page(), site.page()
    page.hello()
    assert other.ask("cancel", {})["code"] == "superseded"
    assert site.studio.stored()[0].status is SessionStatus.IN_PROGRESS
