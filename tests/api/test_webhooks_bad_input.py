"""What is sent about webhook endpoints and cannot be accepted: refused by name, and nothing has changed."""

from __future__ import annotations

import pytest

from tests.api.conftest import Api
from tests.api.test_webhooks import URL, WEBHOOKS, make, patch, refusal

WRONG_EVENTS: list[tuple[object, str]] = [
    ([], "events"),
    (None, "events"),
    ("biometric.*", "events"),
    ({"0": "*"}, "events"),
    (["*"] * 51, "events"),
    (["*", 7], "events.1"),
    (["*", None], "events.1"),
    ([""], "events.0"),
    ([" *"], "events.0"),
    (["**"], "events.0"),
    ([".*"], "events.0"),
    (["biometric"], "events.0"),
    (["biometric."], "events.0"),
    (["biometric*"], "events.0"),
    (["*.session_approved"], "events.0"),
    (["biometric.session_*"], "events.0"),
    (["BIOMETRIC.*"], "events.0"),
    (["biometric.session_done"], "events.0"),
    (["biometric.session_approved.*"], "events.0"),
    (["kyc.validation_created", "payments.*"], "events.1"),
    (["biometric.*\n"], "events.0"),
    (["x" * 100_000], "events.0"),
]


@pytest.mark.parametrize(("events", "field"), WRONG_EVENTS)
def test_events_that_are_none_are_refused_by_their_place(api: Api, events: object, field: str) -> None:
    answer = api.post(WEBHOOKS, {"url": URL, "events": events})
    assert refusal(answer) == (400, "INVALID_REQUEST")
    assert list(answer.json["fields"]) == [field]
    if events is not None:  # null is left out
        webhook_id = make(api)["id"]
        changed = patch(api, webhook_id, {"events": events})
        assert refusal(changed) == (400, "INVALID_REQUEST")
        assert list(changed.json["fields"]) == [field]
    assert api.get(WEBHOOKS).json["pagination"]["total"] == (0 if events is None else 1)


WRONG_URLS: list[object] = [
    "",
    7,
    ["https://shop.example"],
    "shop.example/hooks",
    "//shop.example/hooks",
    "http://shop.example/hooks",
    "http://localhost:8080/hooks",
    "http://127.0.0.1/hooks",
    "https://localhost/hooks",
    "https://127.0.0.1/hooks",
    "https://10.0.0.7/",
    "https://169.254.169.254/latest/meta-data",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://user:secret@shop.example/",
    "https://user@shop.example/",
    "https://@shop.example/",
    "https://shop.example:0/",
    "https://shop.example:99999/",
    "ftp://shop.example/",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "https://",
    "https:///hooks",
    "https://shop.example/a b",
    "https://shop.example/\t",
    "https://shop.example\\@127.0.0.1/",
    "https://shop.example/" + "a" * 2048,
    "https://shop.example/" + "ñ" * 1024,
    "https://shop.example/" + "路" * 2000,
]


@pytest.mark.parametrize("url", WRONG_URLS)
def test_addresses_that_nothing_may_be_sent_to_are_refused(api: Api, url: object) -> None:
    webhook_id = make(api)["id"]
    for answer in (
        api.post(WEBHOOKS, {"url": url, "events": ["*"]}),
        patch(api, webhook_id, {"url": url, "enabled": False}),
    ):
        assert refusal(answer) == (400, "INVALID_REQUEST")
        assert list(answer.json["fields"]) == ["url"]
        assert "secret" not in str(answer.json)
    assert api.get(f"{WEBHOOKS}/{webhook_id}").json["enabled"] is True
    assert api.get(WEBHOOKS).json["pagination"]["total"] == 1


def test_what_is_missing_is_named(api: Api) -> None:
    assert api.post(WEBHOOKS, {}).json["fields"].keys() == {"url", "events"}
    for body in (b"", b"[]", b"null", b"{"):
        answer = api.open(WEBHOOKS, "POST", headers=api.headers(), data=body)
        assert refusal(answer) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize("enabled", ["true", 1, 0, [], {}])
def test_enabled_is_true_or_false(api: Api, enabled: object) -> None:
    answer = patch(api, make(api)["id"], {"enabled": enabled})
    assert refusal(answer) == (400, "INVALID_REQUEST")
    assert list(answer.json["fields"]) == ["enabled"]
