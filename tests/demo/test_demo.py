"""The demo integrator over the real API: an honest client, and nothing more than its page needs."""

from __future__ import annotations

import time
from io import BytesIO
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from werkzeug.test import TestResponse

from app.demo.client import ApiRefused, ApiUnreachable, BonafideClient, ResultRefused
from tests.demo.conftest import DemoSite, api_client
from tests.portrait import astronaut, jpeg

PORTRAIT = jpeg(astronaut())


def enrol(site: DemoSite, portrait: bytes = PORTRAIT, name: str = "Ada") -> TestResponse:
    form = {"name": name, "portrait": (BytesIO(portrait), "portrait.jpg")}
    return site.browser.post("/demo/people", data=form, content_type="multipart/form-data")


def start(site: DemoSite, **wishes: Any) -> TestResponse:
    entity_id = enrol(site).get_json()["entityId"]
    return site.browser.post(f"/demo/people/{entity_id}/sessions", json=wishes)


def test_page_loads_nothing_from_elsewhere_and_never_shows_the_key(site: DemoSite) -> None:
    answer = site.browser.get("/demo")
    policy = answer.headers["Content-Security-Policy"]
    assert answer.status_code == 200
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "https://" not in answer.text
    assert site.api_key not in answer.text


def test_enrolled_people_are_listed_newest_first(site: DemoSite) -> None:
    first = enrol(site, name="First").get_json()
    second = enrol(site, name="Second").get_json()
    listed = [person["entityId"] for person in site.browser.get("/demo/people").get_json()["people"]]
    assert listed[:2] == [second["entityId"], first["entityId"]]


def test_what_the_api_refuses_reaches_the_page_in_its_own_words(site: DemoSite) -> None:
    answer = enrol(site, portrait=b"not an image")
    assert answer.status_code == 400
    assert answer.get_json()["error"] == "INVALID_REQUEST"
    assert "portrait" in answer.get_json()["fields"]


@pytest.mark.parametrize("form", [{}, {"name": " "}, {"name": "x" * 81}, {"name": "Ada"}])
def test_half_a_form_is_refused_before_the_api_is_asked(site: DemoSite, form: dict[str, str]) -> None:
    answer = site.browser.post("/demo/people", data=form, content_type="multipart/form-data")
    assert answer.status_code == 400
    assert answer.get_json()["error"] == "DEMO"


def test_session_for_an_iframe_has_no_callback(site: DemoSite) -> None:
    created: dict[str, Any] = start(site, mode="iframe").get_json()
    assert created["iframeAllow"].startswith("camera")
    session = site.browser.get(f"/demo/sessions/{created['id']}").get_json()
    assert (session["status"], session["callback"]) == ("pending", None)


def test_session_for_a_redirect_comes_back_to_the_demo(site: DemoSite) -> None:
    created = start(site, mode="redirect").get_json()
    session = site.browser.get(f"/demo/sessions/{created['id']}").get_json()
    assert session["callback"] == "http://localhost/demo/returned"


def test_second_session_names_the_one_that_stands_and_cancel_clears_the_way(site: DemoSite) -> None:
    entity_id = enrol(site).get_json()["entityId"]
    first = site.browser.post(f"/demo/people/{entity_id}/sessions", json={}).get_json()
    refused = site.browser.post(f"/demo/people/{entity_id}/sessions", json={})
    assert refused.status_code == 409
    assert refused.get_json()["activeSessionId"] == first["id"]
    cancelled = site.browser.post(f"/demo/sessions/{first['id']}/cancel")
    assert cancelled.get_json()["status"] == "cancelled"
    assert site.browser.post(f"/demo/people/{entity_id}/sessions", json={}).status_code == 201


def test_wrong_options_are_refused_by_the_api(site: DemoSite) -> None:
    answer = start(site, accessibility={"avoid": ["flying"]})
    assert answer.status_code == 400
    assert answer.get_json()["error"] == "INVALID_REQUEST"


def test_other_sites_cannot_act_here(site: DemoSite) -> None:
    entity_id = enrol(site).get_json()["entityId"]
    for origin in ("https://evil.example", "null", ""):
        answer = site.browser.post(f"/demo/people/{entity_id}/sessions", json={}, headers={"Origin": origin})
        assert answer.status_code == 403


def test_sessions_of_others_are_unknown_here(site: DemoSite) -> None:
    entity = site.api.create_entity("Made elsewhere")
    site.api.import_portrait(entity["id"], PORTRAIT)
    session = site.api.create_session(entity["id"])
    assert site.browser.get(f"/demo/sessions/{session['id']}").status_code == 404
    assert site.browser.post(f"/demo/sessions/{session['id']}/cancel").status_code == 404
    assert site.browser.post(f"/demo/people/{entity['id']}/sessions", json={}).status_code == 404


def returned_page(site: DemoSite, **query: str) -> str:
    return str(site.browser.get("/demo/returned", query_string=query).text)


def genuine_result(site: DemoSite, session: dict[str, Any]) -> str:
    """As the redirect carries it: asked of the application itself, since nobody sits before a camera here."""
    signer = site.application.flask.extensions["bonafide-api"].signer
    clock = site.application.infrastructure.clock
    organization_id = site.api.get_session(session["id"])["organizationId"]
    return str(signer.sign(organization_id, session["id"], "approved", clock.now()))


def test_genuine_result_is_accepted(site: DemoSite) -> None:
    session = start(site, mode="redirect").get_json()
    page = returned_page(site, sessionId=session["id"], status="approved", result=genuine_result(site, session))
    assert '"status": "approved"' in page
    assert "problem" not in page


def test_result_of_another_session_proves_nothing(site: DemoSite) -> None:
    session, other = start(site).get_json(), start(site).get_json()
    page = returned_page(site, sessionId=session["id"], result=genuine_result(site, other))
    assert "belongs to another session" in page


def test_forged_result_proves_nothing(site: DemoSite) -> None:
    session = start(site).get_json()
    genuine = genuine_result(site, session)
    claims = jwt.decode(genuine, options={"verify_signature": False})
    key_id = jwt.get_unverified_header(genuine)["kid"]
    forged = jwt.encode(claims, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": key_id})
    unsigned = jwt.encode(claims, "", algorithm="none", headers={"kid": key_id})
    for token in (forged, unsigned, "", "x.y.z", genuine[:-4]):
        assert "does not hold" in returned_page(site, sessionId=session["id"], result=token)


def test_result_for_another_organization_or_from_yesterday_is_refused(site: DemoSite) -> None:
    session = start(site).get_json()
    organization_id = site.api.get_session(session["id"])["organizationId"]
    signer = site.application.flask.extensions["bonafide-api"].signer
    now = site.application.infrastructure.clock.now()
    stale = signer.sign(organization_id, session["id"], "approved", now.replace(year=now.year - 1))
    with pytest.raises(ResultRefused):
        site.api.verify_result(stale, organization_id)
    with pytest.raises(ResultRefused):
        site.api.verify_result(genuine_result(site, session), "another-organization")
    held = site.api.verify_result(genuine_result(site, session), organization_id)
    assert (held.session_id, held.status) == (session["id"], "approved")
    assert held.expires_at.timestamp() > time.time()


def test_unknown_session_in_the_return_is_said_so(site: DemoSite) -> None:
    assert "was not started by this run" in returned_page(site, sessionId="<script>", result="x")
    assert "<script>alert" not in returned_page(site, sessionId="<script>alert(1)</script>")


def test_client_tells_refusals_from_silence(site: DemoSite) -> None:
    with pytest.raises(ApiRefused) as refused:
        api_client(site.application, "bf_test_wrong").create_entity("Ada")
    assert (refused.value.status, refused.value.body["error"]) == (401, "UNAUTHORIZED")
    nobody = BonafideClient("http://127.0.0.1:9", site.api_key, sleep=lambda _: None)
    with pytest.raises(ApiUnreachable):
        nobody.create_entity("Ada")
