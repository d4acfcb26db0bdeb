"""A session handed to a phone: links end once, whoever says hello last has the session, and who is sent on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.handoff import HANDOFFS_MAX, AskingDevice, Handoff, HandoffState
from app.domain.session import SessionStatus
from app.services.capture_view import Outcome, Redirect
from app.services.handoff import (
    HandoffNotExpected,
    Handoffs,
    HandoffsUsedUp,
    LinkProblem,
    LinkUnusable,
    make_handoffs,
)
from app.services.start_capture import HandoffOver
from tests.services.studio import Studio, make_studio

DEVICE = AskingDevice("Chrome", "Windows")
LIFETIME = timedelta(hours=1)
REDIRECT = Redirect("https://shop.example/done", "approved")


@pytest.fixture
def studio(sqlite_store: SqlStore) -> Studio:
    return make_studio(sqlite_store)


@pytest.fixture
def on_any_store(store: SqlStore) -> Studio:
    return make_studio(store)


def handoffs_of(studio: Studio) -> Handoffs:
    return make_handoffs(studio.store, studio.clock, studio.randomness, studio.read_capture, LIFETIME)


def asked(studio: Studio) -> Handoff:
    return handoffs_of(studio).request(studio.hosted_id, DEVICE)


def stored(studio: Studio, handoff: Handoff) -> Handoff:
    with studio.store.read() as uow:
        found = uow.handoffs.get(handoff.handoff_id)
    assert found is not None
    return found


def problem(studio: Studio, handoff: Handoff, number: int | None = None) -> LinkProblem:
    """Why the link cannot be read, or cannot be taken by this number."""
    handoffs, link = handoffs_of(studio), handoff.handoff_id
    use = partial(handoffs.read, link) if number is None else partial(handoffs.take, link, number)
    with pytest.raises(LinkUnusable) as refused:
        use()
    return refused.value.problem


def from_phone(studio: Studio, handoff: Handoff, page_id: str = "phone-1") -> None:
    studio.start_capture(
        studio.hosted_id, page_id=page_id, avoid=(), has_more_time=False, handoff_id=handoff.handoff_id
    )


def test_reading_uses_nothing_up_and_taking_works_once(on_any_store: Studio) -> None:
    studio = on_any_store
    studio.hello()
    handoff = asked(studio)
    assert stored(studio, handoff) == handoff
    assert (handoff.browser, handoff.system, handoff.state) == ("Chrome", "Windows", HandoffState.OPEN)
    for _ in range(3):
        assert handoffs_of(studio).read(handoff.handoff_id)[0] == handoff
    taken = handoffs_of(studio).take(handoff.handoff_id, handoff.number)
    assert stored(studio, handoff) == taken
    assert problem(studio, handoff) is LinkProblem.USED
    assert problem(studio, handoff, handoff.number) is LinkProblem.USED
    actions = [action for action in studio.audit() if "handoff" in action]
    assert actions == ["hosted_session.handoff_asked", "hosted_session.handoff_taken"]


def test_wrong_number_ends_the_link_for_good(studio: Studio) -> None:
    studio.hello()
    handoff = asked(studio)
    wrong = next(one for one in handoff.choices if one != handoff.number)
    assert problem(studio, handoff, wrong) is LinkProblem.REFUSED
    assert problem(studio, handoff, handoff.number) is LinkProblem.REFUSED
    assert asked(studio).handoff_id != handoff.handoff_id


def test_link_runs_out_and_a_later_one_takes_its_place(studio: Studio) -> None:
    studio.hello()
    first, second = asked(studio), asked(studio)
    assert problem(studio, first, first.number) is LinkProblem.VOID
    studio.clock.advance(minutes=10)
    third = asked(studio)
    assert problem(studio, second) is LinkProblem.VOID
    for _ in range(5):  # the page stays open, and says so
        studio.clock.advance(minutes=10)
        assert handoffs_of(studio).watch(studio.hosted_id, is_waiting=True) is not None
    assert handoffs_of(studio).read(third.handoff_id)[0] == third
    studio.clock.advance(minutes=10)
    assert problem(studio, third, third.number) is LinkProblem.EXPIRED


def test_session_that_nobody_waits_for_still_runs_out(studio: Studio) -> None:
    studio.hello()
    handoff = asked(studio)
    studio.clock.advance(minutes=16)
    assert problem(studio, handoff, handoff.number) is LinkProblem.OVER
    assert studio.stored()[0].status is SessionStatus.ABANDONED
    with pytest.raises(HandoffNotExpected):
        asked(studio)


def test_links_of_a_session_are_bounded(studio: Studio) -> None:
    studio.hello()
    for _ in range(HANDOFFS_MAX):
        asked(studio)
    with pytest.raises(HandoffsUsedUp):
        asked(studio)


def test_nothing_is_handed_over_before_it_begins_or_once_the_phone_has_it(studio: Studio) -> None:
    with pytest.raises(HandoffNotExpected):
        asked(studio)
    studio.hello()
    handoff = asked(studio)
    handoffs_of(studio).take(handoff.handoff_id, handoff.number)
    with pytest.raises(HandoffNotExpected):
        asked(studio)


def test_unknown_link(studio: Studio) -> None:
    studio.hello()
    handoff = replace(asked(studio), handoff_id=studio.randomness.object_id())
    assert problem(studio, handoff) is LinkProblem.UNKNOWN
    assert problem(studio, handoff, 11) is LinkProblem.UNKNOWN


def test_phone_has_the_session_until_the_computer_takes_it_back(studio: Studio) -> None:
    studio.hello()
    handoff = asked(studio)
    with pytest.raises(HandoffOver):
        from_phone(studio, handoff)
    handoffs_of(studio).take(handoff.handoff_id, handoff.number)
    from_phone(studio, handoff)
    assert studio.stored()[1].page_id == "phone-1"
    studio.hello()
    assert stored(studio, handoff).state is HandoffState.VOID
    with pytest.raises(HandoffOver):
        from_phone(studio, handoff)
    assert studio.stored()[1].page_id == "page-1"
    assert handoffs_of(studio).watch(studio.hosted_id) is None


def test_handoff_of_another_session_opens_none(studio: Studio) -> None:
    studio.hello()
    handoff = asked(studio)
    handoffs_of(studio).take(handoff.handoff_id, handoff.number)
    with pytest.raises(HandoffOver):
        from_phone(studio.again(), handoff)


def test_of_many_phones_at_once_one_takes_the_session(on_any_store: Studio) -> None:
    studio = on_any_store
    studio.hello()
    handoff = asked(studio)

    def take(_: int) -> bool:
        try:
            handoffs_of(studio).take(handoff.handoff_id, handoff.number)
        except LinkUnusable:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(8))) == 1


@pytest.mark.parametrize(
    ("method", "on_phone", "on_computer"),
    [
        ("initiator", (None, "computer"), (REDIRECT, None)),
        ("completer", (REDIRECT, None), (None, "phone")),
        ("both", (REDIRECT, None), (REDIRECT, None)),
    ],
)
def test_callback_method_says_who_is_sent_on(
    sqlite_store: SqlStore, method: str, on_phone: tuple[object, object], on_computer: tuple[object, object]
) -> None:
    studio = make_studio(sqlite_store, settings={"callback_method": method})
    studio.hello()
    outcome = Outcome("approved", None, REDIRECT)
    result_for = handoffs_of(studio).result_for

    def told(*, is_phone: bool | None) -> tuple[object, object]:
        result = result_for(studio.hosted_id, outcome, is_phone=is_phone)
        return result.redirect, result.continue_on

    assert told(is_phone=False) == (REDIRECT, None), "without a handoff the one device is both"
    handoff = asked(studio)
    assert told(is_phone=False) == (REDIRECT, None), "a link that nobody opened changes nothing"
    handoffs_of(studio).take(handoff.handoff_id, handoff.number)
    assert (told(is_phone=True), told(is_phone=False)) == (on_phone, on_computer)
    assert told(is_phone=None) == on_phone, "the phone has completed it"
    studio.withdraw(studio.hosted_id, ends_handoff=True)
    assert (told(is_phone=True), told(is_phone=False)) == ((None, "computer"), (REDIRECT, None))


def silent(studio: Studio) -> None:
    """The phone's battery is empty: nothing comes of it any more."""
    studio.clock.advance(minutes=16)


def taken_back(studio: Studio) -> None:
    """The integrator cancels through the API."""
    studio.cancel(studio.caller, studio.session.session_id)


@pytest.mark.parametrize("method", ["initiator", "completer", "both"])
@pytest.mark.parametrize("end", [silent, taken_back])
def test_computer_is_sent_on_where_the_phone_has_completed_nothing(
    store: SqlStore, method: str, end: Callable[[Studio], None]
) -> None:
    studio = make_studio(store, settings={"callback_method": method}, callback=REDIRECT.url)
    studio.hello()
    handoff = asked(studio)
    handoffs_of(studio).take(handoff.handoff_id, handoff.number)
    from_phone(studio, handoff)
    end(studio)
    outcome = studio.read_capture(studio.hosted_id)[1].outcome
    assert outcome is not None
    assert outcome.redirect is not None
    result_for = handoffs_of(studio).result_for
    assert result_for(studio.hosted_id, outcome, is_phone=False) == outcome
    on_phone = result_for(studio.hosted_id, outcome, is_phone=True)
    assert (on_phone.redirect, on_phone.continue_on) == (None, "computer")


def test_without_a_callback_it_goes_on_where_it_began(studio: Studio) -> None:
    studio.hello()
    handoff = asked(studio)
    handoffs_of(studio).take(handoff.handoff_id, handoff.number)
    result_for = handoffs_of(studio).result_for
    outcome = Outcome("approved", None, None)
    told = [result_for(studio.hosted_id, outcome, is_phone=one).continue_on for one in (True, False)]
    assert told == ["computer", None]
