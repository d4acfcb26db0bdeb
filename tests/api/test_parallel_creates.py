"""Fifty creates at once, each in a thread of its own, against a real store: one session, whatever the keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from app.domain.organization import Entity
from tests.api.conftest import Api
from tests.api.keyed import Sent, send

SESSIONS = "/api/kyc/biometric/sessions"
PARALLEL = 50


def create(api: Api, entity: Entity, key: str) -> Sent:
    return send(api, SESSIONS, key, {"json": {"entityId": entity.entity_id}})


def at_once(work: Callable[[int], Sent]) -> Sequence[Sent]:
    """Fifty threads that wait for each other before they begin."""
    start = Barrier(PARALLEL)

    def begin(number: int) -> Sent:
        start.wait(30)
        return work(number)

    with ThreadPoolExecutor(PARALLEL) as threads:
        return list(threads.map(begin, range(PARALLEL)))


def session_ids(api: Api, entity: Entity) -> list[str]:
    listed = api.get(f"{SESSIONS}?entityId={entity.entity_id}&limit=100").json["sessions"]
    return [session["id"] for session in listed]


def test_one_key_makes_one_session(api: Api) -> None:
    entity = api.enrolled()
    sent = at_once(lambda _: create(api, entity, "one key"))
    made = [one for one in sent if one.status_code == 201]
    assert made
    assert len({one.data for one in made}) == 1
    assert {one.outcome for one in sent} <= {201, "IDEMPOTENCY_IN_PROGRESS"}
    assert all(one.headers["Retry-After"] == "1" for one in sent if one.status_code == 409)
    again = create(api, entity, "one key")
    assert (again.status_code, again.data) == (201, made[0].data)
    assert session_ids(api, entity) == [again.json["id"]]
    assert [action for _, action in api.actions()].count("biometric_session.created") == 1


def test_different_keys_make_one_session_and_name_it_to_the_others(api: Api) -> None:
    entity = api.enrolled()
    sent = at_once(lambda number: create(api, entity, f"key {number}"))
    assert Counter(one.outcome for one in sent) == {201: 1, "ACTIVE_SESSION_EXISTS": PARALLEL - 1}
    (made,) = (number for number, one in enumerate(sent) if one.status_code == 201)
    assert session_ids(api, entity) == [sent[made].json["id"]]
    assert {one.json["activeSessionId"] for one in sent if one.status_code == 409} == {sent[made].json["id"]}
    for number, one in enumerate(sent):
        again = create(api, entity, f"key {number}")
        assert again.outcome == one.outcome
        if number == made:
            assert again.data == one.data


def test_one_key_for_fifty_persons_makes_one_session(api: Api) -> None:
    """Fifty requests that are not the same: one has the key, the others are in conflict with it."""
    persons = [api.enrolled() for _ in range(PARALLEL)]
    sent = at_once(lambda number: create(api, persons[number], "one key"))
    assert Counter(one.outcome for one in sent) == {201: 1, "IDEMPOTENCY_CONFLICT": PARALLEL - 1}
    assert sum(len(session_ids(api, person)) for person in persons) == 1
