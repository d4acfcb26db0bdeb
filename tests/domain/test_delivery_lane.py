"""Which deliveries wait their turn together."""

from __future__ import annotations

import pytest

from app.domain.web_address import MAX_BYTES, webhook_problem
from app.domain.webhook import Delivery
from tests.fakes import EPOCH

ORGANIZATION = "01900000-0000-7000-8000-000000000001"


def delivery(url: str, endpoint_id: str | None = None, organization_id: str = ORGANIZATION) -> Delivery:
    return Delivery("d-1", "e-1", organization_id, True, endpoint_id, url, EPOCH, EPOCH)


def test_an_endpoint_has_the_lane_of_its_address() -> None:
    assert delivery("https://shop.example/hooks?key=1", "w-1").lane == "https://shop.example/hooks?key=1"


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example",
        "https://shop.example/done?session=1",
        "https://SHOP.example:443/#end",
        "https://shop.example./done",
    ],
)
def test_sessions_at_one_server_share_a_lane_however_it_is_written(url: str) -> None:
    assert webhook_problem(url, allows_http_to_loopback=False) is None
    assert delivery(url).lane == delivery("https://shop.example/done").lane


@pytest.mark.parametrize(
    "other",
    [
        delivery("https://shop.example:8443/done"),
        delivery("http://shop.example/done"),
        delivery("https://pay.shop.example/done"),
        delivery("https://shop.example/done", organization_id=ORGANIZATION.replace("1900", "1901")),
        delivery("https://shop.example/done", "w-1"),
    ],
)
def test_another_server_organization_or_endpoint_has_another_lane(other: Delivery) -> None:
    assert other.lane != delivery("https://shop.example/done").lane


def test_a_lane_of_the_longest_address_fits_into_the_index() -> None:
    """PostgreSQL takes keys of up to 2,704 bytes; the time and the tuple's head are among them."""
    host = ".".join(["a" * 60] * 40)
    url = f"https://{host}:65535"[: MAX_BYTES - 8] + "/"
    longest = f"https://{'a' * (MAX_BYTES - len('https://:65535'))}:65535"
    for one in (url, longest):
        assert webhook_problem(one, allows_http_to_loopback=False) is None
        assert len(delivery(one).lane.encode()) <= MAX_BYTES + 64
