from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.signed_tokens import SignedTokens
from app.services.ports import PageClaim
from tests.fakes import EPOCH, FakeClock

OLD, NEW = "o" * 40, "n" * 40
HOSTED = "01900000-0000-7000-8000-000000000001"
HANDOFF = "01900000-0000-7000-8000-000000000002"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def tokens(clock: FakeClock) -> SignedTokens:
    return SignedTokens([NEW], clock, upload_ticket_seconds=60)


def test_a_session_has_one_link_at_all_times(tokens: SignedTokens, clock: FakeClock) -> None:
    first = tokens.session_token(HOSTED, EPOCH)
    clock.advance(days=20)
    assert tokens.session_token(HOSTED, EPOCH) == first
    assert tokens.read_session_token(first) == HOSTED
    assert re.fullmatch(r"[A-Za-z0-9._-]+", first)


def test_links_of_two_sessions_differ(tokens: SignedTokens) -> None:
    assert tokens.session_token(HOSTED, EPOCH) != tokens.session_token(HOSTED[:-1] + "2", EPOCH)


def test_links_of_a_handoff_open_what_they_are_for_and_nothing_else(tokens: SignedTokens) -> None:
    handoff, phone = tokens.handoff_token(HOSTED, EPOCH), tokens.phone_token(HOSTED, HANDOFF, EPOCH)
    session, ticket = tokens.session_token(HOSTED, EPOCH), tokens.upload_ticket(HOSTED, 1, "n")
    assert tokens.read_handoff_token(handoff) == HOSTED
    assert tokens.read_page_token(phone) == PageClaim(HOSTED, HANDOFF)
    assert tokens.read_page_token(session) == PageClaim(HOSTED)
    assert [tokens.read_handoff_token(other) for other in (phone, session, ticket, "x")] == [None] * 4
    assert [tokens.read_page_token(other) for other in (handoff, ticket, "x")] == [None] * 3
    assert tokens.read_session_token(phone) is None
    assert len(handoff) < 90, "a code with much in it is hard to read off a screen"


@pytest.mark.parametrize("position", [0, 10, -10, -1])
def test_a_changed_link_is_forged(tokens: SignedTokens, position: int) -> None:
    token = list(tokens.session_token(HOSTED, EPOCH))
    token[position] = "A" if token[position] != "A" else "B"
    assert tokens.read_session_token("".join(token)) is None


@pytest.mark.parametrize("filler", ["!", "=", " ", "\n", "."])
def test_a_link_has_one_spelling(tokens: SignedTokens, filler: str) -> None:
    token = tokens.session_token(HOSTED, EPOCH)
    assert tokens.read_session_token(token + filler) is None
    assert tokens.read_session_token(f"{token[:-5]}{filler}{token[-5:]}") is None


def test_a_link_signed_with_another_secret_is_forged(tokens: SignedTokens, clock: FakeClock) -> None:
    assert SignedTokens([OLD], clock, 60).read_session_token(tokens.session_token(HOSTED, EPOCH)) is None


def test_old_links_work_until_their_secret_is_taken_away(clock: FakeClock) -> None:
    old = SignedTokens([OLD], clock, 60).session_token(HOSTED, EPOCH)
    both = SignedTokens([NEW, OLD], clock, 60)
    assert both.read_session_token(old) == HOSTED
    newest_alone = SignedTokens([NEW], clock, 60)
    assert newest_alone.read_session_token(both.session_token(HOSTED, EPOCH)) == HOSTED
    assert newest_alone.read_session_token(old) is None


def test_a_ticket_says_what_it_is_for(tokens: SignedTokens) -> None:
    assert tokens.read_upload_ticket(tokens.upload_ticket(HOSTED, 2, "nonce")) == (HOSTED, 2, "nonce")


def test_a_ticket_expires(tokens: SignedTokens, clock: FakeClock) -> None:
    ticket = tokens.upload_ticket(HOSTED, 1, "nonce")
    clock.advance(seconds=60)
    assert tokens.read_upload_ticket(ticket) is not None
    clock.advance(seconds=1)
    assert tokens.read_upload_ticket(ticket) is None


def test_a_link_is_no_ticket_and_a_ticket_no_link(tokens: SignedTokens) -> None:
    assert tokens.read_upload_ticket(tokens.session_token(HOSTED, EPOCH)) is None
    assert tokens.read_session_token(tokens.upload_ticket(HOSTED, 1, "nonce")) is None


@given(st.text())
def test_whatever_stands_in_an_address_is_forged_at_worst(token: str) -> None:
    tokens = SignedTokens([NEW], FakeClock(), 60)
    assert tokens.read_session_token(token) is None
    assert tokens.read_upload_ticket(token) is None


@pytest.mark.parametrize("token", ["\ud800", "a.b\udfff.c", "x" * 100_000, ".eJx.x.x", "..", "\x00"])
def test_halves_of_characters_and_monsters_too(tokens: SignedTokens, token: str) -> None:
    assert tokens.read_session_token(token) is None


def test_without_a_secret_nothing_is_signed(clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="secret key"):
        SignedTokens([], clock, 60)
