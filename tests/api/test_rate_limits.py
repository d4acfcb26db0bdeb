"""Rates as a caller sees them: 429 in its place among the refusals, and headers on every answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_network

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from app.adapters.trusted_proxies import behind_proxies
from app.api.services import ApiServices, api_services, attach
from app.domain.organization import Scope
from app.services.limit_requests import LimitGuesses, LimitRequests
from app.services.ports import Rate
from tests.api.conftest import BODY_MAX_BYTES, Answer, Api
from tests.api.forms import form
from tests.fakes import FakeRateLimiter

ENTITIES = "/api/entities"
SESSIONS = "/api/kyc/biometric/sessions"
MATCH = "/api/kyc/face-match"
UNKNOWN_ID = "01900000-0000-7000-8000-ffffffffffff"
PERSON = {"type": "person", "name": "N"}
UNKNOWN_KEY = f"bf_test_{'x' * 43}"


def services_of(api: Api) -> ApiServices:
    with api.app.app_context():
        return api_services()


def limit(api: Api, *, creates: int | None = None, reads: int | None = None, failures: int | None = None) -> None:
    """Switch these rates on; None leaves one off."""
    limiter = FakeRateLimiter(api.clock)

    def rate(name: str, per_minute: int | None) -> Rate | None:
        return None if per_minute is None else Rate(name, per_minute)

    services = replace(
        services_of(api),
        limit_requests=LimitRequests(
            limiter=limiter, creates=rate("creates", creates), reads=rate("reads", reads)
        ),
        limit_guesses=LimitGuesses(limiter=limiter, failures=rate("failures", failures)),
    )
    attach(api.app, services)


def rate_headers(answer: Answer) -> tuple[str | None, str | None, str | None]:
    return tuple(answer.headers.get(name) for name in ("RateLimit-Policy", "RateLimit", "Retry-After"))  # type: ignore[return-value]


def is_throttled(answer: Answer) -> bool:
    if answer.status_code != 429:
        return False
    assert answer.json["error"] == "RATE_LIMITED"
    assert answer.json["message"]
    assert int(answer.headers["Retry-After"]) >= 1
    return True


def test_a_key_makes_as_many_requests_as_its_rate_and_is_told_when_to_go_on(api: Api) -> None:
    limit(api, creates=3)
    for left in (2, 1):
        answer = api.post(ENTITIES, PERSON)
        assert answer.status_code == 201
        assert rate_headers(answer) == ('"creates";q=3;w=60', f'"creates";r={left};t=60', None)
    api.clock.advance(seconds=20.5)
    last = api.post(ENTITIES, PERSON)
    assert last.status_code == 201
    assert rate_headers(last) == ('"creates";q=3;w=60', '"creates";r=0;t=40', None)
    refused = api.post(ENTITIES, PERSON)
    assert is_throttled(refused)
    assert rate_headers(refused) == ('"creates";q=3;w=60', '"creates";r=0;t=40', "40")
    assert refused.headers["Cache-Control"] == "no-store"
    api.clock.advance(seconds=39)
    assert is_throttled(api.post(ENTITIES, PERSON))
    api.clock.advance(seconds=1)
    assert api.post(ENTITIES, PERSON).status_code == 201


def test_reads_and_writes_are_counted_apart(api: Api) -> None:
    limit(api, creates=1, reads=2)
    entity = api.enrolled()
    assert api.get(ENTITIES).headers["RateLimit"] == '"reads";r=1;t=60'
    head = api.app.test_client().head(ENTITIES, headers=api.headers())
    assert head.headers["RateLimit"] == '"reads";r=0;t=60'
    assert is_throttled(api.get(f"{ENTITIES}/{entity.entity_id}"))
    assert api.open_session(entity).headers["RateLimit"] == '"creates";r=0;t=60'
    assert is_throttled(api.open(f"/api/kyc/validations/{UNKNOWN_ID}/cancel", "DELETE", headers=api.headers()))


def test_each_key_has_its_own(api: Api) -> None:
    limit(api, reads=1)
    assert api.get(ENTITIES).status_code == 200
    assert is_throttled(api.get(ENTITIES))
    assert api.get(ENTITIES, key=api.new_key()).status_code == 200


def test_headers_are_on_every_answer_of_a_limited_route(api: Api) -> None:
    limit(api, creates=1000, reads=1000, failures=1000)
    entity = api.enrolled()
    reader = api.new_key(Scope.ENTITIES_READ)
    too_large = {"CONTENT_LENGTH": str(BODY_MAX_BYTES + 1)}
    answers = [
        (201, api.post(ENTITIES, PERSON)),
        (201, api.open_session(entity)),
        (400, api.post(ENTITIES, {"type": "robot"})),
        (401, api.open(ENTITIES)),
        (401, api.get(ENTITIES, key=UNKNOWN_KEY)),
        (403, api.post(ENTITIES, PERSON, key=reader)),
        (403, api.open(ENTITIES, headers={**api.headers(), "X-Organization-ID": UNKNOWN_ID})),
        (404, api.get(f"{ENTITIES}/{UNKNOWN_ID}")),
        (409, api.open_session(entity)),
        (413, api.open(ENTITIES, "POST", headers=api.headers(), environ_overrides=too_large)),
    ]
    counted = []
    for status, answer in answers:
        assert answer.status_code == status
        policy, standing, retry_after = rate_headers(answer)
        assert policy in {f'"{name}";q=1000;w=60' for name in ("creates", "reads", "failures")}
        found = re.fullmatch(r'"(creates|reads|failures)";r=(\d+);t=60', standing or "")
        assert found, standing
        assert retry_after is None
        counted.append((found[1], int(found[2])))
    own_creates = [left for name, left in counted if name == "creates"]
    assert own_creates == [999, 998, 997, 999, 996, 995]  # the fourth is the reader's first
    assert [left for name, left in counted if name == "failures"] == [999, 998]


def test_what_breaks_on_our_side_is_counted_and_says_so_too(api: Api) -> None:
    limit(api, reads=2)

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    attach(api.app, replace(services_of(api), find_entity=broken))  # type: ignore[arg-type]
    answer = api.get(ENTITIES)
    assert answer.status_code == 500
    assert answer.headers["RateLimit"] == '"reads";r=1;t=60'


def test_it_stands_behind_what_is_forbidden_and_before_what_is_wrong(api: Api) -> None:
    limit(api, creates=1, reads=1, failures=1000)
    switched_off = api.new_organization(biometric_enabled=False)
    no_secret = api.new_organization("hooli", kyc_webhook_secret_version=None)
    used_up = api.new_organization("initech", monthly_quota=0)
    cases = [
        (api.new_key(Scope.ENTITIES_READ), SESSIONS, "FORBIDDEN"),
        (api.new_key(organization=switched_off), SESSIONS, "NOT_ENABLED"),
        (api.new_key(organization=no_secret), MATCH, "NOT_CONFIGURED"),
        (api.new_key(organization=used_up), SESSIONS, "QUOTA_EXCEEDED"),
        (api.new_key(organization=used_up), MATCH, "QUOTA_EXCEEDED"),
    ]
    for key, path, code in cases:
        for _ in range(3):
            answer = api.post(path, {}, key=key)
            assert (answer.status_code, answer.json["error"]) == (403, code)
    assert api.open(SESSIONS, "POST", headers=api.headers(UNKNOWN_KEY)).status_code == 401
    assert api.post(ENTITIES, PERSON).status_code == 201
    too_large = {"CONTENT_LENGTH": str(BODY_MAX_BYTES + 1)}
    assert is_throttled(api.open(ENTITIES, "POST", headers=api.headers(), environ_overrides=too_large))
    assert is_throttled(api.open(ENTITIES, "POST", headers=api.headers(), data=b"{"))
    assert is_throttled(api.post(SESSIONS, {"entityId": UNKNOWN_ID}))


def test_a_face_match_that_is_throttled_leaves_no_record(api: Api) -> None:
    limit(api, creates=1)
    pictures = {"documentImage": b"document", "selfieImage": b"selfie"}
    assert api.post(MATCH, **form(pictures)).status_code == 200
    assert is_throttled(api.post(MATCH, **form(pictures)))
    assert api.get(f"{MATCH}/verifications").json["pagination"]["total"] == 1


def test_an_answer_that_is_given_again_counts_and_shows_where_the_key_stands_now(api: Api) -> None:
    limit(api, creates=3)
    headers = {**api.headers(), "Idempotency-Key": "once"}
    answers = [api.open(ENTITIES, "POST", headers=headers, json=PERSON) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert answers[0].json == answers[1].json
    assert [answer.headers["RateLimit"] for answer in answers[:2]] == [
        '"creates";r=2;t=60',
        '"creates";r=1;t=60',
    ]


def test_what_is_switched_off_is_not_counted_and_not_shown(api: Api) -> None:
    limit(api, reads=1)
    for _ in range(5):
        answer = api.post(ENTITIES, PERSON)
        assert answer.status_code == 201
        assert rate_headers(answer) == (None, None, None)
    for _ in range(100):
        assert api.open(ENTITIES).status_code == 401


def test_what_needs_no_key_is_not_limited(api: Api) -> None:
    limit(api, creates=1, reads=1, failures=1)
    for path in ("/livez", "/readyz", "/.well-known/jwks.json"):
        for _ in range(3):
            answer = api.open(path)
            assert answer.status_code == 200
            assert rate_headers(answer) == (None, None, None)


def ask(api: Api, key: str | None, address: str, **headers: str) -> Answer:
    """From this address, as the server sees it."""
    given = {**headers, **({"Authorization": f"Bearer {key}"} if key else {})}
    return api.open(ENTITIES, headers=given, environ_overrides={"REMOTE_ADDR": address})


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """What the store is asked in the block."""
    asked: list[str] = []

    def note(*arguments: object) -> None:
        asked.append(str(arguments[2]))

    sa.event.listen(engine, "before_cursor_execute", note)
    yield asked
    sa.event.remove(engine, "before_cursor_execute", note)


class TestStrangers:
    HERE, ELSEWHERE = "203.0.113.5", "198.51.100.7"

    @pytest.mark.parametrize("key", [None, "nonsense", UNKNOWN_KEY])
    def test_are_told_that_their_key_is_wrong_so_often_and_then_to_wait(self, api: Api, key: str | None) -> None:
        limit(api, failures=5)
        for left in (4, 3, 2, 1):
            answer = ask(api, key, self.HERE)
            assert (answer.status_code, answer.json["error"]) == (401, "UNAUTHORIZED")
            assert rate_headers(answer) == ('"failures";q=5;w=60', f'"failures";r={left};t=60', None)
        assert ask(api, key, self.HERE).status_code == 401
        refused = ask(api, key, self.HERE)
        assert is_throttled(refused)
        assert rate_headers(refused) == ('"failures";q=5;w=60', '"failures";r=0;t=60', "60")
        assert "WWW-Authenticate" not in refused.headers
        assert ask(api, key, self.ELSEWHERE).status_code == 401
        api.clock.advance(seconds=60)
        assert ask(api, key, self.HERE).status_code == 401

    def test_do_not_hold_up_good_keys_behind_the_same_address(self, api: Api) -> None:
        limit(api, failures=5)
        for _ in range(20):
            ask(api, UNKNOWN_KEY, self.HERE)
        assert is_throttled(ask(api, UNKNOWN_KEY, self.HERE))
        assert ask(api, api.key, self.HERE).status_code == 200
        assert ask(api, api.new_key(), self.HERE).status_code == 200
        assert is_throttled(ask(api, UNKNOWN_KEY, self.HERE))

    def test_who_flood_us_ask_nothing_of_the_store_but_keys_in_use_go_on(self, api: Api, engine: Engine) -> None:
        limit(api, failures=5)
        assert ask(api, api.key, self.HERE).status_code == 200
        for _ in range(60):
            ask(api, UNKNOWN_KEY, self.HERE)
        with statements(engine) as asked:
            for _ in range(20):
                assert is_throttled(ask(api, UNKNOWN_KEY, self.HERE))
        assert asked == []
        assert ask(api, api.key, self.HERE).status_code == 200

    def test_of_one_network_are_one(self, api: Api) -> None:
        limit(api, failures=2)
        for host in range(2):
            assert ask(api, UNKNOWN_KEY, f"2001:db8:0:1::{host}").status_code == 401
        assert is_throttled(ask(api, UNKNOWN_KEY, "2001:db8:0:1:ffff::9"))
        assert ask(api, UNKNOWN_KEY, "2001:db8:0:2::1").status_code == 401

    def test_are_told_apart_behind_a_trusted_proxy_only(self, api: Api) -> None:
        limit(api, failures=2)
        api.app.wsgi_app = behind_proxies(api.app.wsgi_app, [ip_network("10.0.0.0/8")])  # type: ignore[assignment, method-assign]
        for host in range(5):
            answer = ask(api, UNKNOWN_KEY, "10.0.0.1", **{"X-Forwarded-For": f"203.0.113.{host}"})
            assert answer.status_code == 401
        for host in range(2):
            ask(api, UNKNOWN_KEY, self.ELSEWHERE, **{"X-Forwarded-For": f"192.0.2.{host}"})
        assert is_throttled(ask(api, UNKNOWN_KEY, self.ELSEWHERE, **{"X-Forwarded-For": "192.0.2.77"}))

    def test_a_revoked_key_is_a_strangers(self, api: Api) -> None:
        limit(api, failures=2)
        issued = api.keys.issue(api.organization, [Scope.ADMIN], is_test=True, name="")
        assert ask(api, issued.text, self.HERE).status_code == 200
        api.keys.revoke(api.organization, issued.key.key_id)
        assert [ask(api, issued.text, self.HERE).status_code for _ in range(3)] == [401, 401, 429]
