"""Settings that were changed over HTTP do what they say, on the paths they are about."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from werkzeug.datastructures import FileStorage

from app.domain.comparison import FaceTemplate, Template
from app.domain.organization import Entity
from app.domain.session import SessionStatus
from tests.api.conftest import Answer, Api
from tests.builders import PORTRAIT_BYTES
from tests.fakes import face_of

PICTURE = b"\xff\xd8\xff\xe0 a picture"
SCORE = 44.0
COSINE = 0.375 + (SCORE - 30) / 70 * 0.625


def alike(reference: FaceTemplate, other: FaceTemplate) -> FaceTemplate:
    """A face that scores 44 with the reference, on the fakes' scale."""
    one, two = reference.template.vector, other.template.vector
    apart = two - one * float(one @ two)
    apart = apart / float((apart @ apart) ** 0.5)
    vector = (one * COSINE + apart * (1 - COSINE**2) ** 0.5).astype("float32")
    return replace(reference, template=Template(reference.template.format, vector))


def change(api: Api, **settings: Any) -> None:
    answer = api.open("/api/kyc/settings", "PATCH", headers=api.headers(), json=settings)
    assert answer.status_code == 200, answer.json


def check(api: Api, entity: Entity) -> Answer:
    form = {"entityId": entity.entity_id, "userImage": FileStorage(BytesIO(PICTURE), "selfie.jpg")}
    return api.post("/api/kyc/biometric", data=form)


def match(api: Api, **fields: str) -> Answer:
    pictures = {
        "documentImage": FileStorage(BytesIO(b"\xff\xd8\xff\xe0 a document"), "d.jpg"),
        "selfieImage": FileStorage(BytesIO(PICTURE), "s.jpg"),
    }
    return api.post("/api/kyc/face-match", data={**fields, **pictures})


@pytest.fixture
def person(api: Api) -> Entity:
    """Enrolled; picture and portrait score 44, and so do picture and document."""
    entity, reference = api.enrolled(), face_of(PORTRAIT_BYTES)
    api.core.faces[PICTURE] = alike(reference, face_of(b"noise"))
    api.core.faces[b"\xff\xd8\xff\xe0 a document"] = reference
    return entity


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({}, "approved"),
        ({"scoreDeclineThreshold": 45}, "declined"),
        ({"reviewBand": 15}, "in_review"),
        ({"reviewBand": 13}, "approved"),
        ({"scoreDeclineThreshold": 43, "reviewBand": 2}, "in_review"),
    ],
)
def test_threshold_and_review_band_of_checks(
    api: Api, person: Entity, settings: dict[str, float], status: str
) -> None:
    change(api, **settings)
    checked, matched = check(api, person), match(api)
    assert matched.json["score"] == pytest.approx(SCORE, abs=0.02)
    assert matched.json["status"] == status
    assert checked.json["match"] is (status != "declined")
    assert matched.json["match"] is (status != "declined")


@pytest.mark.usefixtures("person")
def test_the_floor_raises_what_a_caller_asks_for(api: Api) -> None:
    assert match(api, scoreThreshold="1").json["scoreDeclineThreshold"] == 1
    change(api, scoreDeclineThreshold=60, scoreFloor=50)
    raised = match(api, scoreThreshold="1").json
    assert (raised["scoreDeclineThreshold"], raised["status"]) == (50, "declined")
    assert match(api, scoreThreshold="90").json["scoreDeclineThreshold"] == 90


def end(api: Api, session_id: str) -> None:
    """Rejected, now."""
    with api.store.begin() as uow:
        session = uow.sessions.get(api.organization.organization_id, True, session_id)
        assert session is not None
        ended = replace(session, status=SessionStatus.REJECTED, completed_at=api.clock.now())
        assert uow.sessions.swap(session.status, ended)
        uow.commit()


def test_the_pause_comes_after_as_many_failures_and_lasts_as_long_as_set(api: Api) -> None:
    change(api, entityPause={"failures": 2, "hours": 48})
    entity = api.enrolled()
    for _ in range(2):
        opened = api.open_session(entity)
        assert opened.status_code == 201
        end(api, opened.json["id"])
        api.clock.advance(hours=1)
    paused = api.open_session(entity)
    assert (paused.status_code, paused.json["error"]) == (429, "ENTITY_PAUSED")
    wait = timedelta(seconds=int(paused.headers["Retry-After"]))
    assert wait == timedelta(hours=46)
    change(api, entityPause={"failures": 3})
    assert api.open_session(entity).status_code == 201
