"""The main job: the person who was verified before comes back, and is let through."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import pytest
from playwright.sync_api import Page

from app.domain.challenge import Ability
from app.simulation.performance import Performance
from e2e.capture_page import CapturePage
from e2e.conftest import DESKTOP, PHONE, OpenPage
from e2e.integrator import Integrator
from e2e.performer import Act
from tests.live_server import Api, Json, LiveServer
from tests.synthetic_performer import synthetic_performer


def verified_claims(server: LiveServer, token: str, organization_id: str) -> dict[str, Any]:
    """What the signed result says, checked with nothing but the published keys."""
    keys = jwt.PyJWKSet.from_dict(httpx.get(f"{server.url}/.well-known/jwks.json").json())
    key = keys[str(jwt.get_unverified_header(token)["kid"])]
    claims: dict[str, Any] = jwt.decode(token, key, algorithms=["EdDSA"], audience=organization_id)
    return claims


def not_interrupted(challenges: list[Json]) -> list[Json]:
    """A busy machine may have interrupted an attempt, at no cost."""
    return [item for item in challenges if item["outcome"] not in ("interrupted", "resumed")]


def expect_approved(session: Json) -> None:
    """The verdict with all its evidence."""
    liveness, face_match = session["decision"]["liveness"], session["decision"]["faceMatch"]
    assert (session["status"], session["rejectionCode"], session["attempts"]) == ("approved", None, 1)
    assert (liveness["status"], face_match["status"]) == ("approved", "approved")
    challenges = not_interrupted(liveness["challenges"])
    assert {item["outcome"] for item in challenges} == {"passed"}
    assert all(item["measured"] >= item["required"] for item in challenges)
    assert face_match["score"] >= face_match["threshold"]
    # The performer is a canvas behind a changed getUserMedia, and the page says so.
    assert session["decision"]["injection"]["risk"] == "elevated"


@pytest.mark.usefixtures("person")
def test_full_page_session_is_approved_and_returns_with_a_signed_result(
    open_page: OpenPage,
    api: Api,
    server: LiveServer,
    entity_id: str,
    performer: Performance,
    integrator: Integrator,
) -> None:
    avoid = performer.abilities_to_avoid()
    created = api.open_session(entity_id, callback=integrator.callback, accessibility={"avoid": avoid})
    page = open_page(Act(performer), viewport=PHONE)
    page.goto(created["sessionUrl"])
    capture = CapturePage(page)
    capture.expect_screen("consent")
    capture.shoot("consent")
    capture.accept_consent()
    capture.expect_screen("precheck")
    capture.shoot("precheck")
    capture.button("start_pressed").click()
    capture.expect_screen("align", "challenge")
    capture.shoot("align")
    capture.expect_screen("challenge")
    capture.expect_hint("return_to_centre", "relax_face", "move_back")
    capture.shoot("challenge")
    capture.expect_outcome("It's you")
    capture.shoot("approved")
    page.wait_for_url(f"{integrator.origin}/done**")

    session = api.session(created["id"])
    expect_approved(session)
    returned = integrator.returns[-1]
    claims = verified_claims(server, returned.pop("result"), session["organizationId"])
    assert returned == {"order": "7", "sessionId": created["id"], "status": "approved"}
    assert (claims["sub"], claims["status"]) == (created["id"], "approved")


@pytest.mark.usefixtures("person")
def test_session_in_a_frame_of_another_origin_tells_the_parent_and_waits_for_continue(
    open_page: OpenPage, api: Api, entity_id: str, performer: Performance, integrator: Integrator
) -> None:
    avoid = performer.abilities_to_avoid_but(Ability.HEAD_TURN)
    created = api.open_session(entity_id, callback=integrator.callback, accessibility={"avoid": avoid})
    page = open_page(Act(performer), viewport=DESKTOP)
    page.goto(integrator.embed(created["sessionUrl"], created["iframeAllow"]))
    capture = CapturePage(page, framed_by(page))
    capture.start_camera()
    capture.expect_screen("challenge")
    capture.shoot("iframe-challenge")
    capture.expect_outcome("Thank you, all done")
    capture.shoot("iframe-in-review")

    messages = page.evaluate("window.messages")
    assert {(item["source"], item["v"], item["sessionId"]) for item in messages} == {
        ("bonafide", 1, created["id"])
    }
    types = [item["type"] for item in messages]
    assert types[0] == "ready"
    assert types.count("started") == 1
    assert types.index("started") < types.index("completed")
    assert types.count("completed") == 1
    steps = [item["data"]["step"] for item in messages if item["type"] == "step"]
    assert [step for step in ("consent", "precheck", "align", "challenge", "outcome") if step in steps] == [
        "consent",
        "precheck",
        "align",
        "challenge",
        "outcome",
    ]
    assert created["sessionUrl"].rsplit("/", 1)[1] not in str(messages)
    assert "score" not in str(messages)
    # A frame never takes the whole window away by itself.
    assert urlsplit(page.url).path.startswith("/embed/")
    capture.within.get_by_role("link", name="Continue").click()
    page.wait_for_url(f"{integrator.origin}/done**")
    assert integrator.returns[-1]["sessionId"] == created["id"]
    assert api.session(created["id"])["inReview"] is True


def framed_by(page: Page) -> Any:  # noqa: ANN401 (Playwright's own type is Frame | None)
    """The session's frame on the integrator's page."""
    handle = page.wait_for_selector("iframe#check")
    assert handle is not None
    return handle.content_frame()


def test_portrait_that_a_program_bends_does_all_that_is_asked_and_is_refused(
    open_page: OpenPage, api: Api
) -> None:
    """Landmarks alone cannot tell it from a head; that its skin never changes can, if it looks or smiles."""
    performer = synthetic_performer()
    avoid = performer.abilities_to_avoid_but(Ability.LOOK)
    created = api.open_session(
        api.enrol("Synthetic performer", performer.portrait), accessibility={"avoid": avoid}
    )
    page = open_page(Act(performer), viewport=DESKTOP)
    page.goto(created["sessionUrl"])
    capture = CapturePage(page)
    capture.start_camera()
    capture.expect_outcome("We could not confirm it's you")
    session = api.session(created["id"])
    assert (session["status"], session["rejectionCode"]) == ("rejected", "CAPTURE_DECLINED")
    liveness = session["decision"]["liveness"]
    assert {one["outcome"] for one in not_interrupted(liveness["challenges"])} == {"passed"}
    assert liveness["status"] == "declined"
    assert "texture" in [one["name"] for one in liveness["detectors"] if one["status"] == "failed"]
