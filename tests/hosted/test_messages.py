"""Messages of a page, wrong ones above all: reading them never fails, it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.challenge import Ability
from app.hosted import protocol
from app.hosted.messages import (
    Camera,
    Consent,
    Frame,
    Hello,
    PageMessage,
    SwapChallenge,
    Telemetry,
    Visibility,
    read_message,
)

KINDS: list[type[PageMessage]] = [Hello, Consent, Camera, Frame, SwapChallenge, Visibility, Telemetry]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=80)
    | st.binary(max_size=80)
    | st.sampled_from([10**400, -(10**400), 2**63, "\ud800", "\0", "1", "true"])
)
junk = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5)
)
RIGHT: dict[type[PageMessage], dict[str, Any]] = {
    Hello: {"page_id": "page-0001", "last_seq": 3, "language": "es", "accessibility": {"avoid": ["smile"]}},
    Consent: {"version": "1", "accepted": True},
    Camera: {"width": 640, "height": 480, "fps": 29.97, "label_class": "physical", "signals": ["no_label"]},
    Frame: {"seq": 0, "captured_at_ms": 12.5, "challenge_id": None, "nonce": "n"},
    SwapChallenge: {"challenge_id": "c", "reason": "unable"},
    Visibility: {"hidden": True},
    Telemetry: {"events": [{"name": "screen_align", "at_ms": 5, "value": 0.5}]},
}


@settings(max_examples=150, deadline=None)
@given(payload=junk)
def test_junk_is_refused_or_read_and_never_raises(payload: object) -> None:
    for kind in KINDS:
        message = read_message(kind, payload)
        assert message is None or isinstance(message, kind)


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(KINDS), data=st.data())
def test_one_wrong_field_is_refused_or_read_and_never_raises(kind: type[PageMessage], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(kind.model_fields)))
    message = read_message(kind, {**RIGHT[kind], name: data.draw(junk)})
    assert message is None or isinstance(message, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_page_sends_is_read_and_unknown_fields_are_ignored(kind: type[PageMessage]) -> None:
    message = read_message(kind, {**RIGHT[kind], "unknown": [1]})
    assert message is not None
    assert not hasattr(message, "unknown")


def test_cyclic_payload_is_refused() -> None:
    payload: dict[str, object] = {"events": []}
    payload["events"] = [payload]
    assert read_message(Telemetry, payload) is None


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (Hello, "page_id", "short"),
        (Hello, "page_id", "x" * 65),
        (Hello, "page_id", "page-0001\n"),
        (Hello, "page_id", "page_0001'; --"),
        (Hello, "last_seq", -2),
        (Hello, "last_seq", True),
        (Hello, "language", "x" * 65),
        (Hello, "accessibility", {"avoid": ["smile"] * 9}),
        (Hello, "accessibility", {"avoid": ["fly"]}),
        (Hello, "accessibility", {"more_time": 1}),
        (Consent, "accepted", "true"),
        (Consent, "accepted", 1),
        (Consent, "version", 1),
        (Camera, "width", 16_385),
        (Camera, "width", -1),
        (Camera, "width", 640.0),
        (Camera, "fps", float("nan")),
        (Camera, "fps", "30"),
        (Camera, "signals", ["x"] * 17),
        (Camera, "signals", ["\0"]),
        (Camera, "signals", ["no label"]),
        (Camera, "label_class", "other"),
        (Frame, "seq", 2**31 + 1),
        (Frame, "seq", 1.0),
        (Frame, "captured_at_ms", "12"),
        (Frame, "captured_at_ms", True),
        (Frame, "captured_at_ms", float("inf")),
        (Frame, "captured_at_ms", -1),
        (Frame, "challenge_id", "x" * 65),
        (Frame, "nonce", "x" * 65),
        (Frame, "nonce", None),
        (SwapChallenge, "challenge_id", None),
        (Visibility, "hidden", "yes"),
        (Telemetry, "events", [{"name": "x", "at_ms": 1}] * 51),
        (Telemetry, "events", [{"name": "a name\nof two lines", "at_ms": 1}]),
    ],
)
def test_limits_of_fields(kind: type[PageMessage], field: str, value: object) -> None:
    assert read_message(kind, {**RIGHT[kind], field: value}) is None


def test_page_may_avoid_every_ability_at_once() -> None:
    hello = read_message(Hello, {"page_id": "page-0001", "accessibility": {"avoid": list(Ability)}})
    assert hello is not None
    assert len(hello.accessibility.avoid) == len(Ability)


def test_signals_that_the_protocol_names_can_be_sent() -> None:
    camera = read_message(Camera, {"signals": list(protocol.CAMERA_SIGNALS)})
    assert camera is not None
    assert tuple(camera.signals) == protocol.CAMERA_SIGNALS
