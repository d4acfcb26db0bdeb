"""A capture page for load: the real socket of a running server, many of them in one thread, with little to do.

Pictures are made beforehand, and frames are masked with zeros (RFC 6455 leaves the mask to the client), so that
the load generator leaves the cores to the server. Everything else is as the page does it on a short line: one
frame in flight, the next after the pause that the last answer asked for and not faster than ten a second, on the
camera's next picture.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from app.domain.challenge import ChallengeKind
from app.simulation.performance import Performance, kind_of_wire
from app.simulation.player import Player

NAMESPACE = "/capture"
FRAME_SECONDS, CAMERA_SECONDS = 0.1, 1 / 30
REFUSED_SECONDS = 0.25
ANSWER_SECONDS = 30.0
BUSY_SECONDS = 5.0
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
Json = dict[str, Any]


class Gone(Exception):
    """The server has closed the socket, or refused it; the text says with which code."""


@dataclass
class Seen:
    """What pages measure together. Times in seconds of `time.monotonic`; an age ends with the answer."""

    ages: list[tuple[float, float]] = field(default_factory=list)
    refusals: dict[str, int] = field(default_factory=dict)
    verdicts: list[float] = field(default_factory=list)
    durations: list[float] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    challenges: list[float] = field(default_factory=list)

    def ages_ms(self, since: float = 0.0, until: float = float("inf")) -> list[float]:
        """Of the frames that were answered meanwhile."""
        return [1_000 * age for at, age in self.ages if since <= at < until]


class Socket:
    """Socket.IO 5 over one websocket, as much of it as a page needs."""

    def __init__(self, on_event: Callable[[str, Json], None]) -> None:
        self._on_event, self._number = on_event, 0
        self._answers: dict[int, asyncio.Future[Json]] = {}
        self._joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reading: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def join(self, origin: str, token: str) -> None:
        """`Gone` where the server does not let it in."""
        host = urlsplit(origin)
        reader, self._writer = await asyncio.open_connection(host.hostname, host.port)
        head = (
            f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host.netloc}\r\nOrigin: {origin}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {KEY}\r\n\r\n"
        )
        self._writer.write(head.encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in answer.split(b"\r\n", 1)[0]:
            raise Gone(answer.split(b"\r\n", 1)[0].decode())
        self._reading = asyncio.create_task(self._read(reader))
        self._send(TEXT, f"40{NAMESPACE},{json.dumps({'token': token})}".encode())
        await asyncio.wait_for(asyncio.shield(self._joined), ANSWER_SECONDS)

    async def ask(self, event: str, payload: Json, attachment: bytes | None = None) -> Json:
        """Send a message; the server's answer to it."""
        self._number += 1
        number, told = self._number, list[object]((event, payload))
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        if attachment is None:
            self._send(TEXT, f"42{NAMESPACE},{number}{json.dumps(told)}".encode())
        else:
            told.append({"_placeholder": True, "num": 0})
            self._send(TEXT, f"451-{NAMESPACE},{number}{json.dumps(told)}".encode())
            self._send(BINARY, attachment)
        return await asyncio.wait_for(answer, ANSWER_SECONDS)

    def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        if self._writer is not None:
            self._writer.close()

    def _send(self, opcode: int, data: bytes) -> None:
        assert self._writer is not None
        length = len(data)
        if length < 126:
            head = bytes([0x80 | opcode, 0x80 | length])
        elif length < 65_536:
            head = bytes([0x80 | opcode, 0x80 | 126]) + length.to_bytes(2, "big")
        else:
            head = bytes([0x80 | opcode, 0x80 | 127]) + length.to_bytes(8, "big")
        self._writer.write(head + bytes(4) + data)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        gone = Gone("closed")
        try:
            while True:
                opcode, data = await _message(reader)
                if opcode == CLOSE:
                    break
                if opcode == PING:
                    self._send(PONG, data)
                elif opcode == TEXT:
                    self._take(data.decode())
        except Gone as refused:
            gone = refused
        except (OSError, asyncio.IncompleteReadError):
            pass
        waiting: list[asyncio.Future[Any]] = [self._joined, *self._answers.values()]
        for one in waiting:
            if not one.done():
                one.set_exception(gone)

    def _take(self, text: str) -> None:
        kind, rest = text[:2], text[2:].removeprefix(f"{NAMESPACE},")
        if text == "2":
            self._send(TEXT, b"3")
        elif kind == "40" and not self._joined.done():
            self._joined.set_result(None)
        elif kind == "44":
            raise Gone(str(json.loads(rest).get("data", {}).get("code", "refused")))
        elif kind == "42":
            name, *payload = json.loads(rest)
            self._on_event(name, payload[0] if payload else {})
        elif kind == "43":
            number, _, body = rest.partition("[")
            waiting = self._answers.pop(int(number), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(json.loads(f"[{body}")[0])


async def _message(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readexactly(2)
    length = head[1] & 0x7F
    if length >= 126:
        length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
    return head[0] & 0x0F, await reader.readexactly(length)


REACTION_SPREAD = 0.3
"""Reactions differ by up to so much of their mean: who takes the very same time again and again is a script, and
TIMING says so."""


class Prompted(Player):
    """Somebody who takes so long to react on average, where it is given."""

    def __init__(self, performance: Performance, seed: int, reaction_ms: float | None) -> None:
        super().__init__(performance, seed)
        self._reaction_ms, self._chance = reaction_ms, random.Random(seed)  # noqa: S311 (a simulation)

    def ask(self, kind: ChallengeKind, now_ms: float) -> None:
        """A challenge is shown."""
        super().ask(kind, now_ms)
        if self._reaction_ms is not None:
            spread = self._chance.uniform(1 - REACTION_SPREAD, 1 + REACTION_SPREAD)
            self._due_ms = now_ms + spread * self._reaction_ms


@dataclass
class LivePage:
    """One page of one session.

    `passes` are seconds from the camera's start to each passed challenge. `post` uploads the still: address,
    ticket and picture in, the answer out. `film` makes the file of what is before the camera, if it is none yet.
    """

    session_url: str
    performance: Performance
    consent: str
    seen: Seen
    post: Callable[[str, str, bytes], Any]
    seed: int = 1
    reaction_ms: float | None = None
    film: Callable[[bytes, float], bytes] = lambda frame, _: frame
    passes: list[float] = field(default_factory=list)
    _nonce: str = ""
    _challenge: str | None = None
    _seq: int = 0
    _ticket: str = ""
    _retries: int = 0
    _outcome: Json | None = None
    began: float = 0.0
    _passed_at: float = 0.0
    _asked_at: float = 0.0

    def __post_init__(self) -> None:
        self._player, self._told = Prompted(self.performance, self.seed, self.reaction_ms), asyncio.Event()
        self._chance = random.Random(self.seed)  # noqa: S311 (reproducible on purpose)
        self._page_id, self._socket = str(uuid.uuid4()), Socket(self._heard)

    async def open(self) -> None:
        """As far as the consent."""
        address = urlsplit(self.session_url)
        await self._socket.join(f"{address.scheme}://{address.netloc}", address.path.rsplit("/", 1)[-1])
        _expect(await self._socket.ask("hello", self._hello()))

    async def play(self) -> str:
        """Everything, to the outcome. `Gone` where the server does not go along."""
        await self.open()
        _expect(await self._socket.ask("consent", {"version": self.consent, "accepted": True}))
        began = time.monotonic()
        await self._begin()
        self.seen.waits.append(time.monotonic() - began)
        began = self.began = time.monotonic()
        try:
            while self._outcome is None:
                await self._step()
        finally:
            self.close()
        self.seen.durations.append(time.monotonic() - began)
        outcome = str(self._outcome.get("outcome"))
        self.seen.outcomes[outcome] = self.seen.outcomes.get(outcome, 0) + 1
        return outcome

    def close(self) -> None:
        self._socket.close()

    def _hello(self) -> Json:
        return {"page_id": self._page_id, "last_seq": self._seq, "language": "en"}

    async def _begin(self) -> None:
        """The camera is live; where there is no room, come back as the page does."""
        camera = {"width": 640, "height": 480, "fps": 30, "facing": "user", "label_class": "physical"}
        self._challenge = None
        self._player.rest()
        answer = await self._socket.ask("camera", camera)
        while answer.get("code") == "busy":
            await asyncio.sleep(BUSY_SECONDS)
            self._socket.close()
            self._socket = Socket(self._heard)
            address = urlsplit(self.session_url)
            await self._socket.join(f"{address.scheme}://{address.netloc}", address.path.rsplit("/", 1)[-1])
            answer = await self._socket.ask("hello", self._hello())
            if answer.get("ok"):
                answer = await self._socket.ask("camera", camera)
        self._nonce = str(_expect(answer).get("nonce") or "")

    async def _step(self) -> None:
        if self._ticket:
            await self._upload()
        elif self._retries:
            self._retries = 0
            await self._begin()
        else:
            await self._frame()

    async def _frame(self) -> None:
        started = time.monotonic()
        await asyncio.sleep(self._chance.uniform(0, CAMERA_SECONDS))
        if self._has_news():
            return
        sent = time.monotonic()
        header = {
            "seq": self._seq + 1,
            "captured_at_ms": 1_000 * sent,
            "challenge_id": self._challenge,
            "nonce": self._nonce,
        }
        picture = self.film(self._player.frame(1_000 * sent), 1_000 * sent)
        answer = await self._socket.ask("frame", header, picture)
        answered = time.monotonic()
        self._seq = int(answer["expected_seq"]) - 1 if answer.get("expected_seq") else self._seq + 1
        pause = (answer.get("next_in_ms") or 0) / 1_000
        if answer.get("ok"):
            self.seen.ages.append((answered, answered - sent))
        else:
            code = str(answer.get("code"))
            self.seen.refusals[code] = self.seen.refusals.get(code, 0) + 1
            pause = max(pause, REFUSED_SECONDS)
        if self._ticket and not self._passed_at:
            self._passed_at = sent
        await asyncio.sleep(max(pause, FRAME_SECONDS - (answered - started), 0.0))

    async def _upload(self) -> None:
        ticket, self._ticket = self._ticket, ""
        now_ms = 1_000 * time.monotonic()
        still = self.film(self._player.frame(now_ms), now_ms)
        answer = await self.post(self.session_url, ticket, still)
        self._outcome = self._outcome or answer.get("result")
        while not self._has_news():
            self._told.clear()
            await asyncio.wait_for(self._told.wait(), ANSWER_SECONDS)
        if self._outcome is not None:
            self.seen.verdicts.append(time.monotonic() - self._passed_at)
        self._passed_at = 0.0

    def _has_news(self) -> bool:
        """Whether something was told that the page has to act upon."""
        return self._outcome is not None or bool(self._retries) or bool(self._ticket)

    def _heard(self, name: str, message: Json) -> None:
        self._told.set()
        self._nonce = str(message.get("nonce") or self._nonce)
        now_ms = 1_000 * time.monotonic()
        if name == "challenge":
            self._challenge, self._asked_at = message["challenge_id"], now_ms
            self._player.ask(kind_of_wire(message["kind"], message["direction"]), now_ms)
        elif name == "challenge_result":
            self._challenge = None
            self._player.rest()
            if message["passed"]:
                self.seen.challenges.append((now_ms - self._asked_at) / 1_000)
                self.passes.append(now_ms / 1_000 - self.began)
        elif name == "light_notice":
            asyncio.get_running_loop().create_task(self._socket.ask("light_ready", {"accepted": False}))
        elif name == "capture_request":
            self._ticket = message["ticket"]
        elif name == "result":
            self._outcome = message
        elif name == "state" and message.get("state") == "retry":
            self._retries += 1


def _expect(answer: Json) -> Json:
    if not answer.get("ok"):
        raise Gone(str(answer.get("code")))
    return answer
