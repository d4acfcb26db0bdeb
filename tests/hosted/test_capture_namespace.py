"""The socket of the page: who is heard, what is answered, and who captures when pages race."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from app.domain.capture_events import (
    AlignProgress,
    AttemptFailed,
    CaptureEvent,
    ChallengeAsked,
    ChallengeJudged,
    ChallengeProgress,
    HintChanged,
    StillRequested,
)
from app.domain.challenge import Challenge, ChallengeKind
from app.domain.errors import AnalysisUnavailable, StoreUnavailable
from app.domain.light import LightColour, LightNoticed, LightShown
from app.domain.quality import Hint, HintCode
from app.domain.session import HostedState, SessionStatus
from app.domain.verdict import ChallengeOutcome
from app.hosted import protocol
from app.hosted.allowance import BURST
from app.hosted.connections import SOCKETS_PER_SESSION
from app.hosted.copy import CONSENT_VERSION
from app.hosted.deciding import Deciding
from app.hosted.wire import event_message, event_messages
from tests.hosted.conftest import BuildSite, Site

AGREED = {"version": CONSENT_VERSION, "accepted": True}
CHALLENGE = Challenge("c", "n", ChallengeKind.TURN_LEFT, 0, 3, 15_000)
EVENTS: list[CaptureEvent] = [
    HintChanged(None, is_escalated=False),
    AlignProgress(40),
    ChallengeAsked(CHALLENGE),
    ChallengeProgress("c", 50),
    ChallengeJudged("c", ChallengeOutcome.PASSED),
    AttemptFailed("timed_out", is_free=False),
    LightNoticed("n"),
    LightShown("n", 0, LightColour.BLUE, 650),
    StillRequested("n"),
]


# Who may connect


def test_page_with_its_token_joins(site: Site) -> None:
    page = site.page()
    assert page.is_connected
    assert page.socket.has_joined


@pytest.mark.parametrize("token", ["", "forged", "a.b.c", "x" * 2_000, "\ud800", "\0"])
def test_forged_token_is_refused_and_its_socket_closed(site: Site, token: str) -> None:
    page = site.page(token)
    assert not page.is_connected
    assert not page.socket.connected
    assert not page.socket.has_joined


@pytest.mark.parametrize("auth", [None, [], "token", {"token": None}, {"token": ["x"]}, {"Token": "x"}])
def test_auth_of_another_shape_is_refused(site: Site, auth: object) -> None:
    client = site.part.socketio.test_client(site.app, namespace=protocol.NAMESPACE, auth=auth)
    assert not client.is_connected(protocol.NAMESPACE)


def test_one_link_opens_a_few_sockets_and_no_more(site: Site) -> None:
    pages = [site.page() for _ in range(SOCKETS_PER_SESSION + 1)]
    assert [page.is_connected for page in pages] == [True] * SOCKETS_PER_SESSION + [False]
    pages[0].leave()
    assert not pages[0].socket.connected
    assert site.page().is_connected


def test_no_more_pages_than_configured(build_site: BuildSite) -> None:
    site = build_site(max_sockets=1)
    assert [site.page().is_connected, site.page().is_connected] == [True, False]


# What is answered


def test_nothing_but_hello_is_heard_before_hello(site: Site) -> None:
    page = site.page()
    for event in set(protocol.CLIENT_EVENTS) - {"hello", "watch"}:
        assert page.ask(event, {})["code"] == "superseded", event
    assert page.ask("watch", {})["code"] == "not_expected"
    assert site.studio.stored()[0].status is SessionStatus.PENDING


def test_event_that_no_page_sends_has_its_code(site: Site) -> None:
    page = site.page()
    for event in ("unknown", "on_hello", "trigger_event", "", "_state"):
        assert page.ask(event, {})["code"] == "unknown_event", event


def test_every_event_refuses_what_is_no_message(site: Site) -> None:
    page = site.page()
    page.hello()
    wrong: tuple[Any, ...] = ((), (None,), ([],), ("x",), ({"page_id": 1},), ({}, {}, {}), (b"x",), (7, b"x"))
    for event in protocol.CLIENT_EVENTS:
        if event in ("cancel", "camera", "handoff", "watch"):  # none has a field that must be there
            continue
        for payload in wrong:
            answer = page.ask(event, *payload)
            assert (answer["ok"], answer["code"]) == (False, "invalid_message"), (event, payload)
    assert page.hello()["state"] == "consent"


def test_way_through_a_session(site: Site) -> None:
    page = site.page()
    answer = page.hello(language="es")
    assert (answer["ok"], answer["state"], answer["consent_required"]) == (True, "consent", True)
    assert page.ask("consent", AGREED)["state"] == "camera"
    aligning = page.ask("camera", {"width": 640, "signals": ["no_label", "made_up"]})
    nonce = aligning["nonce"]
    assert (aligning["state"], nonce) == ("align", site.studio.run_of().nonce)
    assert site.studio.live_capture().injection_signals == ("page:no_label",)
    frame = page.ask("frame", {"seq": 1, "captured_at_ms": 1.0, "challenge_id": None, "nonce": nonce}, b"jpeg")
    assert (frame["ok"], frame["seq"]) == (True, 1)
    assert "align_progress" in [name for name, _ in page.heard()]
    ended = page.ask("cancel", {})
    assert ended["result"]["outcome"] == "abandoned"
    assert page.hello()["result"]["outcome"] == "abandoned"


def test_consent_to_another_text_is_no_consent(site: Site) -> None:
    page = site.page()
    page.hello()
    for answer in ({"version": "0", "accepted": True}, {"version": "0", "accepted": False}):
        assert page.ask("consent", answer)["code"] == "invalid_message"
    assert site.studio.stored()[1].state is HostedState.CREATED


def test_numbers_of_states_only_grow(site: Site) -> None:
    page = site.page()
    versions = [page.hello()["version"], page.ask("consent", AGREED)["version"], page.ask("camera", {})["version"]]
    versions += [page.ask("visibility", {"hidden": True})["version"], page.hello()["version"]]
    assert versions == sorted(set(versions))


@pytest.mark.parametrize("end", ["cancelled", "abandoned"])
def test_page_is_told_the_result_when_the_session_ended_elsewhere(site: Site, end: str) -> None:
    page = site.page()
    page.hello()
    if end == "cancelled":
        site.studio.cancel(site.studio.caller, site.studio.session.session_id)
    else:
        site.studio.clock.advance(minutes=16)
        site.studio.read_capture(site.studio.hosted_id)
    for event, payload in (("consent", AGREED), ("camera", {}), ("cancel", {}), ("visibility", {"hidden": False})):
        answer = page.ask(event, payload)
        assert answer["state"] == "done", event
        assert [(name, told["outcome"]) for name, told in page.heard()] == [("result", end)], event


# Racing


def test_second_page_takes_over_and_the_first_is_told(site: Site) -> None:
    first, second = site.page(), site.page()
    first.hello("page-0001")
    second.hello("page-0002")
    assert ("superseded", {"code": "superseded"}) in first.heard()
    assert not first.socket.connected
    assert first.ask("camera", {})["code"] == "superseded"
    assert second.socket.connected


def test_same_page_on_a_new_socket_is_not_told_that_it_was_superseded(site: Site) -> None:
    first, second = site.page(), site.page()
    first.hello("page-0001")
    second.hello("page-0001")
    assert first.heard() == []
    assert not first.socket.connected


def test_pages_that_say_hello_at_once_agree_on_who_captures(build_site: BuildSite) -> None:
    """The first page is held up between the store and the binding; the second must not overtake it there."""
    site = build_site()
    is_held, pause = threading.Event(), threading.Event()
    start = site.studio.start_capture

    def slow_start(hosted_session_id: str, *, page_id: str, **more: Any) -> object:
        view = start(hosted_session_id, page_id=page_id, **more)
        if page_id == "page-0001":
            is_held.set()
            pause.wait(0.5)
        return view

    site.replace(start_capture=slow_start)
    first, second = site.page(), site.page()
    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(first.hello, "page-0001")
        assert is_held.wait(10)
        two = threads.submit(second.hello, "page-0002")
        one.result(10)
        two.result(10)
    assert site.studio.live_capture().page_id == site.studio.stored()[1].page_id == "page-0002"
    assert second.ask("consent", AGREED)["ok"]
    assert second.ask("camera", {})["state"] == "align"


def test_page_that_says_hello_after_the_verdict_hears_it(build_site: BuildSite) -> None:
    """The verdict falls after the session was loaded for the page, and before the page is bound."""
    site = build_site()
    start = site.studio.start_capture

    def start_then_end(hosted_session_id: str, **more: Any) -> object:
        view = start(hosted_session_id, **more)
        site.studio.withdraw(hosted_session_id)
        site.part.namespace.announce(hosted_session_id)
        return view

    site.replace(start_capture=start_then_end)
    answer = site.page().hello()
    assert (answer["state"], answer["result"]["outcome"]) == ("done", "abandoned")


def test_waiting_capture_is_decided_by_one_thread_however_often_it_is_asked_for() -> None:
    may_decide, decided = threading.Event(), []

    def decide(hosted_session_id: str) -> None:
        may_decide.wait(10)
        decided.append(hosted_session_id)

    deciding = Deciding(decide, lambda _: None)  # type: ignore[arg-type]
    started = [deciding.start("one") for _ in range(5)]
    may_decide.set()
    for thread in started:
        if thread is not None:
            thread.join(10)
    assert decided == ["one"]
    again = deciding.start("one")
    assert again is not None
    again.join(10)
    assert decided == ["one", "one"]


@pytest.mark.parametrize("error", [StoreUnavailable("away"), ValueError("a bug")])
def test_decision_that_fails_can_be_asked_for_again(error: Exception) -> None:
    def decide(_: str) -> None:
        raise error

    deciding = Deciding(decide, lambda _: None)  # type: ignore[arg-type]
    for _ in range(2):
        thread = deciding.start("one")
        assert thread is not None
        thread.join(10)


# Trouble


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StoreUnavailable("x"), "unavailable"),
        (AnalysisUnavailable("x"), "unavailable"),
        (ValueError("x"), "internal"),
    ],
)
def test_trouble_behind_a_message_has_a_code_and_the_session_goes_on(
    build_site: BuildSite, error: Exception, code: str
) -> None:
    site = build_site()
    page = site.page()
    page.hello()

    def fails(*_: object, **__: object) -> None:
        raise error

    names = ("start_capture", "read_capture", "begin_alignment", "observe_frame", "swap_challenge", "withdraw")
    kept = {name: getattr(site.services, name) for name in names}
    site.replace(**dict.fromkeys(names, fails))
    frame = {"seq": 1, "captured_at_ms": 1.0, "nonce": "n"}
    asked: tuple[tuple[str, tuple[object, ...]], ...] = (
        ("hello", ({"page_id": "page-0001"},)),
        ("consent", (AGREED,)),
        ("camera", ({},)),
        ("frame", (frame, b"x")),
        ("swap_challenge", ({"challenge_id": "c"},)),
        ("visibility", ({"hidden": False},)),
        ("cancel", ({},)),
    )
    for event, payload in asked:
        answer = page.ask(event, *payload)
        assert (answer["ok"], answer["code"], answer["retryable"]) == (False, code, True), event
    site.replace(**kept)
    assert page.ask("consent", AGREED)["state"] == "camera"


def test_page_leaves_cleanly_while_the_store_is_away(build_site: BuildSite) -> None:
    def fails(*_: object) -> None:
        raise StoreUnavailable("away")

    site = build_site(interrupt_capture=fails)
    page = site.page()
    page.hello()
    page.leave()
    assert site.part.connections.capturing_sid(site.studio.hosted_id) is None
    assert site.page().is_connected


def test_session_does_not_begin_without_the_models_that_decide_it(build_site: BuildSite) -> None:
    site = build_site(is_able=False)
    answer = site.page().hello()
    assert (answer["ok"], answer["code"], answer["retryable"]) == (False, "unavailable", True)
    assert site.studio.stored()[0].status is SessionStatus.PENDING


def test_messages_that_reach_the_store_are_bounded_by_socket(site: Site) -> None:
    page = site.page()
    codes = [page.hello(f"page-{number:04}").get("code") for number in range(BURST)]
    bound = codes.count(None)
    assert 10 <= bound <= 50
    assert set(codes[bound:]) == {"too_fast"}
    site.studio.clock.advance(seconds=5)
    assert page.hello("page-9999")["ok"]


def test_frames_refused_without_end_close_the_socket(site: Site) -> None:
    page = site.page()
    page.hello()
    frame = {"seq": 1, "captured_at_ms": 1.0, "nonce": "n"}
    for _ in range(protocol.MAX_REFUSALS_IN_A_ROW + 2):
        assert page.ask("frame", frame, b"x")["code"] in ("not_expected", "stale")
    assert not page.socket.connected


# Words


def test_every_event_of_a_capture_has_a_message_or_a_state() -> None:
    told = {type(event).__name__: event_message(event) for event in EVENTS}
    assert {name for name, message in told.items() if message is None} == {
        "AttemptFailed",
        "LightNoticed",
        "StillRequested",
    }
    assert len(told) == len(CaptureEvent.__args__)
    assert {message[0] for message in told.values() if message} <= set(protocol.SERVER_EVENTS)
    assert [name for name, _ in event_messages(EVENTS)] == [
        "hint",
        "align_progress",
        "challenge",
        "progress",
        "challenge_result",
        "light",
    ]


@pytest.mark.parametrize("code", list(HintCode))
def test_every_hint_goes_out_by_its_code(code: HintCode) -> None:
    message = event_message(HintChanged(Hint(code, "left"), is_escalated=True))
    assert message == ("hint", {"code": code.value, "direction": "left", "escalated": True})


@pytest.mark.parametrize("outcome", list(ChallengeOutcome))
def test_every_outcome_of_a_challenge_says_why_unless_it_was_passed(outcome: ChallengeOutcome) -> None:
    message = event_message(ChallengeJudged("c", outcome))
    assert message is not None
    is_passed = outcome is ChallengeOutcome.PASSED
    assert message[1] == {"challenge_id": "c", "passed": is_passed, "reason": None if is_passed else outcome.value}


# Simulated pages


def test_simulated_page_of_a_test_session_is_noted(site: Site) -> None:
    page = site.page()
    assert page.hello(simulated=True)["ok"]
    assert page.ask("consent", AGREED)["ok"]
    assert page.ask("camera", {"width": 640})["state"] == "align"
    assert site.studio.live_capture().injection_signals == (protocol.SIMULATED,)


def test_live_session_refuses_a_simulated_page(site: Site) -> None:
    with site.studio.store._writers.begin() as connection:
        for table in ("entities", "biometric_sessions", "kyc_validations"):
            connection.execute(text(f"UPDATE {table} SET is_test = false"))  # noqa: S608 (a name of ours)
    page = site.page()
    answer = page.hello(simulated=True)
    assert (answer["ok"], answer["code"], answer["retryable"]) == (False, "simulated", False)
    assert site.studio.stored()[0].status is SessionStatus.PENDING
    assert page.hello()["ok"]
