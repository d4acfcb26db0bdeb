"""The arithmetic of the API's bench: when requests are due, what becomes of latencies. No speed is judged."""

from __future__ import annotations

import argparse
import importlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

bench: Any = importlib.import_module("bench.api")  # a program, of no package that mypy knows
OPTIONS = argparse.Namespace(creates=20, gets=100, keys=True)
PEOPLE = [f"entity-{number}" for number in range(100)]


class Slow(BaseHTTPRequestHandler):
    """Answers nobody before two ask; a third is refused."""

    both = threading.Barrier(2)

    def do_GET(self) -> None:
        if self.path == "/refused":
            self.send_error(503)
            return
        self.both.wait(10)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def slow() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_requests_are_due_at_fixed_times_and_never_two_at_once() -> None:
    requests = bench.load(OPTIONS, 2.0, iter(PEOPLE), ["one", "two"])
    assert Counter(request.kind for request in requests) == {"create": 40, "get": 200}
    due = [request.due for request in requests]
    assert due == sorted(set(due))
    assert max(due) < 2.0
    creates = [request for request in requests if request.kind == "create"]
    assert [request.due for request in creates] == pytest.approx([number / 20 for number in range(40)])
    assert len({json.loads(request.body)["entityId"] for request in creates}) == 40
    assert len({request.headers["Idempotency-Key"] for request in creates}) == 40


def test_what_is_due_is_sent_before_what_was_sent_is_answered(slow: str) -> None:
    """A closed loop would send the second when the first is answered, which here it never is."""
    requests = [
        *bench.every(10, 0.2, bench.Request(0, "get", "GET", "/")),
        bench.Request(0.3, "get", "GET", "/refused"),
    ]
    outcomes = bench.run(bench.Target(slow, {}), requests)
    assert Counter(outcome.status for outcome in outcomes) == {200: 2, 503: 1}
    assert max(outcome.latency_ms for outcome in outcomes) >= 100, "the first waited for the second to be due"


def test_no_answer_is_an_error() -> None:
    (outcome,) = bench.run(bench.Target("http://127.0.0.1:9", {}), [bench.Request(0, "get", "GET", "/")])
    assert outcome.status == 0
    assert bench.summary([outcome])["get"]["errors"] == 1


def test_percentiles_are_by_nearest_rank() -> None:
    outcomes = [bench.Outcome("get", float(number), 200) for number in range(1, 201)]
    figures = bench.summary([*outcomes, bench.Outcome("create", 7.0, 201), bench.Outcome("create", 9.0, 500)])
    assert (figures["get"]["p50_ms"], figures["get"]["p95_ms"], figures["get"]["p99_ms"]) == (100, 190, 198)
    assert figures["create"]["errors"] == 1
    assert (figures["create"]["max_ms"], figures["create"]["requests"]) == (9, 2)
    assert bench.percentile([5.0], 1) == bench.percentile([5.0], 99) == 5
