"""The upload of the final still: a stable code for whatever is sent, and never a 500."""

from __future__ import annotations

import io
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.domain.errors import AnalysisUnavailable, MatchingUnavailable, StoreUnavailable
from app.domain.session import HostedState, SessionStatus
from app.domain.verdict import Verdict
from tests.hosted.conftest import IMAGE_MAX_BYTES, TICKET_SECONDS, BuildSite, Page, Site


def code_of(response: TestResponse) -> tuple[int, str]:
    body: dict[str, Any] = response.get_json()
    assert body["ok"] is False
    assert set(body) == {"ok", "code", "retryable", "support_id"}
    return response.status_code, body["code"]


def still_of(site: Site) -> bytes:
    return site.studio.picture("still")


@pytest.fixture
def waiting(site: Site) -> Site:
    """A session whose challenges are passed."""
    site.studio.up_to_still()
    return site


def test_still_with_its_ticket_is_decided(waiting: Site) -> None:
    response = waiting.upload(still_of(waiting), waiting.ticket())
    body = response.get_json()
    assert (response.status_code, body["ok"], body["state"]) == (200, True, "done")
    assert body["result"]["outcome"] == Verdict.APPROVED.value.lower()
    assert "score" not in response.text
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "header",
    ["", "Ticket", "Ticket ", "Ticket forged", "Ticket a.b.c", f"Ticket {'x' * 3_000}", "Bearer x", "ticket"],
)
def test_without_a_ticket_nothing_is_read(site: Site, header: str) -> None:
    response = site.app.test_client().post("/capture", data=b"still", headers={"Authorization": header})
    assert code_of(response) == (401, "bad_ticket")
    assert code_of(site.upload()) == (401, "bad_ticket")


def test_session_token_is_no_ticket(waiting: Site) -> None:
    assert code_of(waiting.upload(still_of(waiting), waiting.token)) == (401, "bad_ticket")


def test_ticket_that_was_changed_is_refused(waiting: Site) -> None:
    ticket = waiting.ticket()
    for place in (0, len(ticket) // 2, len(ticket) - 1):
        other = "A" if ticket[place] != "A" else "B"
        changed = f"{ticket[:place]}{other}{ticket[place + 1 :]}"
        assert code_of(waiting.upload(still_of(waiting), changed)) == (401, "bad_ticket")


def test_ticket_expires(waiting: Site) -> None:
    ticket = waiting.ticket()
    waiting.studio.clock.advance(seconds=TICKET_SECONDS + 1)
    assert code_of(waiting.upload(still_of(waiting), ticket)) == (401, "bad_ticket")


def test_ticket_of_another_attempt_or_challenge_is_not_expected(waiting: Site) -> None:
    for ticket in (waiting.ticket(attempt=2), waiting.ticket(attempt=0), waiting.ticket(nonce="another")):
        assert code_of(waiting.upload(still_of(waiting), ticket)) == (409, "not_expected")
    assert waiting.upload(still_of(waiting), waiting.ticket()).status_code == 200


def test_ticket_is_worth_one_capture(waiting: Site) -> None:
    ticket = waiting.ticket()
    assert waiting.upload(still_of(waiting), ticket).status_code == 200
    assert code_of(waiting.upload(still_of(waiting), ticket)) == (409, "not_expected")


def test_still_is_not_expected_before_the_challenges_are_passed(site: Site) -> None:
    site.studio.ready().align()
    assert code_of(site.upload(still_of(site), site.ticket())) == (409, "not_expected")


def test_page_whose_session_was_cancelled_meanwhile_is_told(site: Site) -> None:
    page, session = site.page(), site.studio.session
    page.hello("page-0001")
    to_still(site, page)
    ticket = site.ticket()
    site.studio.cancel(site.studio.caller, session.session_id)
    page.heard()
    assert code_of(site.upload(still_of(site), ticket)) == (409, "not_expected")
    assert [name for name, _ in page.heard()] == ["result"]


def to_still(site: Site, page: Page) -> None:
    """As far as the still, with the page bound as that of the studio."""
    studio = site.studio
    page_id = studio.live_capture().page_id
    assert studio.consent()
    assert studio.camera(page_id) is not None
    studio.live_capture().page_id = "page-1"
    while studio.run_of().challenge is None:
        studio.show()
    studio.pass_all()
    studio.live_capture().page_id = page_id
    page.heard()


def test_body_that_is_too_large_is_refused_by_its_size(waiting: Site) -> None:
    body = b"x" * (IMAGE_MAX_BYTES + 1)
    assert code_of(waiting.upload(body, waiting.ticket())) == (413, "too_large")
    assert code_of(chunked(waiting, body)) == (413, "too_large")
    assert waiting.studio.live_capture().stills_refused == 0
    assert chunked(waiting, still_of(waiting)).status_code == 200


def chunked(site: Site, body: bytes) -> TestResponse:
    """As gunicorn hands over a body that does not say how long it is."""
    overrides = {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    return site.upload(None, site.ticket(), environ_overrides=overrides)


def test_length_that_is_no_number_is_never_a_500(waiting: Site) -> None:
    waiting.studio.images.broken.add(b"")
    for length, expected in (("junk", 400), ("-1", 400), ("9" * 400, 413)):
        response = waiting.upload(b"x", waiting.ticket(), environ_overrides={"CONTENT_LENGTH": length})
        assert response.status_code == expected, length


def test_what_is_no_image_ends_the_attempt_after_three(waiting: Site) -> None:
    bodies, ticket = (b"", b"garbage", b"\xff\xd8\xff" + b"\0" * 50), waiting.ticket()
    waiting.studio.images.broken |= set(bodies)
    assert [code_of(waiting.upload(body, ticket)) for body in bodies] == [(400, "not_an_image")] * 3
    assert code_of(waiting.upload(still_of(waiting), ticket)) == (409, "not_expected")
    assert waiting.studio.stored()[0].status is SessionStatus.IN_PROGRESS


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_refused_with_a_code(site: Site, method: str) -> None:
    response = site.app.test_client().open("/capture", method=method)
    assert (response.status_code, response.get_json()["error"]) == (405, "METHOD_NOT_ALLOWED")
    assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize("error", [StoreUnavailable("away"), AnalysisUnavailable("no model")])
def test_what_is_away_while_the_still_is_kept_is_unavailable(build_site: BuildSite, error: Exception) -> None:
    def fails(*_: object) -> None:
        raise error

    site = build_site(keep_capture=fails)
    site.studio.up_to_still()
    assert code_of(site.upload(still_of(site), site.ticket())) == (503, "unavailable")
    assert site.studio.keep().hosted.state is HostedState.CAPTURED


def test_read_only_blob_store_keeps_the_session_waiting_for_its_still(waiting: Site) -> None:
    waiting.studio.blobs.is_read_only = True
    assert code_of(waiting.upload(still_of(waiting), waiting.ticket())) == (503, "unavailable")
    waiting.studio.blobs.is_read_only = False
    assert waiting.upload(still_of(waiting), waiting.ticket()).status_code == 200


@pytest.mark.parametrize("error", [MatchingUnavailable("away"), StoreUnavailable("away")])
def test_capture_that_cannot_be_decided_now_is_in_all_the_same(build_site: BuildSite, error: Exception) -> None:
    def fails(*_: object) -> None:
        raise error

    site = build_site(decide_capture=fails)
    site.studio.up_to_still()
    response = site.upload(still_of(site), site.ticket())
    assert (response.status_code, response.get_json()["state"]) == (200, "processing")
    assert site.studio.stored()[1].state is HostedState.CAPTURED


def test_page_that_cannot_be_told_does_not_fail_the_upload(build_site: BuildSite) -> None:
    """The store goes away between the verdict and the telling."""
    site = build_site()
    page = site.page()
    page.hello()
    to_still(site, page)

    def fails(*_: object) -> None:
        raise StoreUnavailable("away")

    site.replace(read_capture=fails)
    response = site.upload(still_of(site), site.ticket())
    assert (response.status_code, response.get_json()["state"]) == (200, "done")
