from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api.conftest import Api

PERSON = {
    "type": "person",
    "name": "Ada Lovelace",
    "externalId": "customer-1",
    "taxId": "20-12345678-3",
    "countryCode": "ar",
    "attributes": {"tier": "gold", "scores": [1, 2.5, None]},
}


def test_a_person_is_registered_and_found_by_both_ids(api: Api) -> None:
    answer = api.post("/api/entities", PERSON)
    assert answer.status_code == 201
    entity = answer.json
    assert entity == {
        **PERSON,
        "countryCode": "AR",
        "id": entity["id"],
        "organizationId": api.organization.organization_id,
        "createdAt": "2026-06-19T14:40:00.000Z",
        "updatedAt": "2026-06-19T14:40:00.000Z",
    }
    assert api.get(f"/api/entities/{entity['id']}").json == entity
    assert api.get(f"/api/entities/{entity['id'].upper()}").json == entity
    assert api.get("/api/entities?externalId=customer-1").json == {
        "entities": [entity],
        "pagination": {"limit": 50, "offset": 0, "total": 1},
    }


def test_a_name_is_enough_and_unknown_fields_do_no_harm(api: Api) -> None:
    answer = api.post("/api/entities", {"type": "person", "name": "Ñandú 🦤", "surprise": {"x": 1}})
    assert answer.status_code == 201
    assert answer.json["name"] == "Ñandú 🦤"
    assert answer.json["externalId"] is None
    assert "surprise" not in answer.json


@pytest.mark.parametrize("field", ["externalId", "taxId"])
def test_a_taken_id_is_a_duplicate(api: Api, field: str) -> None:
    body = {"type": "person", "name": "A", field: "taken"}
    assert api.post("/api/entities", body).status_code == 201
    answer = api.post("/api/entities", body)
    assert (answer.status_code, answer.json["error"]) == (409, "DUPLICATE_ENTITY")
    live = api.new_key(is_test=False)
    assert api.post("/api/entities", body, key=live).status_code == 201


def test_of_parallel_creates_of_one_person_one_is_made(api: Api) -> None:
    body = {"type": "person", "name": "A", "externalId": "taken", "taxId": "taken too"}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: api.post("/api/entities", body), range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    assert {answer.json["error"] for answer in answers if answer.status_code == 409} == {"DUPLICATE_ENTITY"}
    assert api.get("/api/entities").json["pagination"]["total"] == 1


@pytest.mark.parametrize("field", ["externalId", "taxId"])
def test_a_duplicate_names_the_id_that_is_taken_and_not_those_that_nobody_has(api: Api, field: str) -> None:
    api.post("/api/entities", {"type": "person", "name": "nameless"})
    body = {"type": "person", "name": "A", field: "taken"}
    assert api.post("/api/entities", body).status_code == 201
    assert api.post("/api/entities", body).json["message"].startswith(f"{field} is taken")


def test_an_unknown_external_id_is_an_empty_list(api: Api) -> None:
    answer = api.get("/api/entities?externalId=nobody")
    assert answer.status_code == 200
    assert answer.json == {"entities": [], "pagination": {"limit": 50, "offset": 0, "total": 0}}


def test_pages_are_cut_as_asked(api: Api) -> None:
    for number in range(3):
        api.post("/api/entities", {"type": "person", "name": str(number)})
    page = api.get("/api/entities?limit=2&offset=1").json
    assert [entity["name"] for entity in page["entities"]] == ["1", "0"]
    assert page["pagination"] == {"limit": 2, "offset": 1, "total": 3}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "company"}, "type"),
        ({"type": None}, "type"),
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"name": ["x"]}, "name"),
        ({"name": "x" * 257}, "name"),
        ({"externalId": ""}, "externalId"),
        ({"externalId": {"a": 1}}, "externalId"),
        ({"taxId": True}, "taxId"),
        ({"countryCode": "ARG"}, "countryCode"),
        ({"countryCode": "A\n"}, "countryCode"),
        ({"attributes": "text"}, "attributes"),
        ({"attributes": [1]}, "attributes"),
        ({"attributes": {"x": "y" * 10_240}}, "attributes"),
    ],
)
def test_wrong_fields_are_named(api: Api, change: dict[str, object], field: str) -> None:
    answer = api.post("/api/entities", {**PERSON, **change})
    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")
    assert list(answer.json["fields"]) == [field]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "offset=-1", "offset=99999999999", "externalId=", "externalId=%00"],
)
def test_wrong_queries_are_refused(api: Api, query: str) -> None:
    assert api.get(f"/api/entities?{query}").status_code == 400
