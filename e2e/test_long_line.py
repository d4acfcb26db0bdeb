"""Somebody far from the server: each frame's answer takes longer than the pace of frames allows."""

from __future__ import annotations

import pytest

from app.simulation.performance import Performance
from e2e.capture_page import CapturePage
from e2e.conftest import OpenPage
from e2e.performer import Act
from tests.live_server import Api, Json

WAY_MS = 90
"""Each way: with one frame on its way at most five a second would come, and a person would have to look."""


def evidence_of(session: Json, detector: str) -> Json:
    found: list[Json] = session["decision"]["liveness"]["detectors"]
    return next(one for one in found if one["name"] == detector)


@pytest.mark.usefixtures("person")
def test_a_person_on_a_long_line_is_approved_and_no_frame_rate_is_lost(
    open_page: OpenPage, api: Api, entity_id: str, performer: Performance
) -> None:
    created = api.open_session(entity_id, accessibility={"avoid": performer.abilities_to_avoid()})
    page = open_page(Act(performer, way_ms=WAY_MS))
    page.goto(created["sessionUrl"])
    capture = CapturePage(page)
    capture.accept_consent()
    capture.expect_screen("precheck")
    capture.button("start_pressed").click()
    capture.expect_outcome("It's you")
    session = api.session(created["id"])
    track = evidence_of(session, "track")
    assert (session["status"], track["reason"]) == ("approved", "continuous")
    assert track["measured"]["frame_interval_ms"] < 2 * WAY_MS
