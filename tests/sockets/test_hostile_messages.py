"""Messages as an attacker (or a broken page) sends them: each gets its own answer, the server stays up."""

from __future__ import annotations

import json
import struct

import httpx
import pytest

from app.simulation.performance import Performance
from tests.live_server import Api, LiveServer
from tests.portrait import close_up, jpeg
from tests.sockets.bot import consent_version
from tests.sockets.conftest import OpenBot, new_session
from tests.sockets.raw import join, raw_socket, wait_until_closed

WRONG: tuple[object, ...] = (
    None,
    True,
    7,
    1e308,
    "x",
    "\0",
    [],
    [[]],
    {},
    {"page_id": 7},
    {"version": [], "accepted": "yes"},
)
MAX_FRAME_BYTES = 262_144


def refused(answer: object, code: str) -> bool:
    """Whether the acknowledgement says no with that code, and nothing about why inside."""
    return (
        isinstance(answer, dict)
        and answer["ok"] is False
        and answer["code"] == code
        and set(answer) >= {"retryable", "support_id"}
        and "Traceback" not in str(answer)
    )


def test_wrong_types_in_every_message_are_refused_and_the_session_goes_on(
    open_bot: OpenBot, session_url: str
) -> None:
    bot = open_bot(session_url).connect()
    assert bot.hello()["ok"]
    for event in ("hello", "consent", "frame", "swap_challenge", "visibility", "telemetry"):
        for payload in WRONG:
            assert refused(bot.ask(event, payload), "invalid_message"), (event, payload)
    for payload in ({"width": -1}, {"signals": "all"}, {"label_class": 3}, 7, None):
        assert refused(bot.ask("camera", payload), "invalid_message"), payload
    assert refused(bot.ask("no_such_event", {}), "unknown_event")
    assert refused(bot.ask("frame", bot.header(10**30), b""), "invalid_message")
    assert bot.hello()["state"] == "consent"


def test_frames_are_refused_before_consent_and_before_the_camera(
    open_bot: OpenBot, server: LiveServer, session_url: str
) -> None:
    bot = open_bot(session_url).connect()
    frame = jpeg(close_up())
    assert refused(bot.frame(frame), "superseded")
    bot.hello()
    assert refused(bot.frame(frame), "not_expected")
    assert refused(bot.ask("camera", {"width": 640}), "not_expected")
    assert refused(bot.ask("consent", {"version": "another", "accepted": True}), "invalid_message")
    assert bot.ask("consent", {"version": consent_version(server, bot.token), "accepted": True})["ok"]
    assert refused(bot.frame(frame), "not_expected")
    assert bot.ask("camera", {"width": 640})["ok"]
    assert bot.frame(frame)["ok"]


def test_frames_after_the_end_are_refused(open_bot: OpenBot, session_url: str) -> None:
    bot = open_bot(session_url).connect().begin()
    assert bot.ask("cancel", {})["result"]["outcome"] == "abandoned"
    assert refused(bot.frame(jpeg(close_up())), "not_expected")
    assert refused(bot.ask("camera", {"width": 640}), "not_expected")
    assert refused(bot.ask("cancel", {}), "not_expected")
    again = open_bot(session_url).connect()
    assert again.hello()["result"]["outcome"] == "abandoned"


def test_what_is_no_frame_is_refused_one_by_one(open_bot: OpenBot, session_url: str) -> None:
    bot = open_bot(session_url).connect().begin()
    good = jpeg(close_up())
    for data in (
        b"",
        b"garbage" * 100,
        good[:40],
        good[:2] + b"\0" * 5_000,
        huge_jpeg(),
        b"\x89PNG\r\n\x1a\n" * 9,
    ):
        assert refused(bot.frame(data), "not_an_image"), data[:20]
    for wrong in ("text", 7, None, [good.hex()]):
        assert refused(bot.frame(wrong), "invalid_message"), wrong
    assert refused(bot.frame(good), "out_of_order"), "a message that is no frame uses up no number"
    assert refused(bot.frame(good, challenge_id="another"), "other_challenge")
    first = bot.frame(good)
    assert (first["ok"], first["seq"]) == (True, bot.seq)
    for seq, code in ((first["seq"], "stale"), (first["seq"] + 2, "out_of_order")):
        answer = bot.frame(good, seq=seq)
        assert (refused(answer, code), answer["expected_seq"]) == (True, first["seq"] + 1)


def huge_jpeg() -> bytes:
    """A small file whose header says 20,000 × 20,000."""
    data = bytearray(jpeg(close_up()))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 20_000, 20_000)
    return bytes(data)


def test_second_page_supersedes_the_first_whose_frames_no_longer_count(
    open_bot: OpenBot, session_url: str
) -> None:
    first = open_bot(session_url).connect().begin()
    assert first.frame(jpeg(close_up()))["ok"]
    second = open_bot(session_url).connect()
    assert second.hello()["state"] == "camera"
    assert first.wait_for("superseded") == {"code": "superseded"}
    assert first.is_closed.wait(10)
    third = open_bot(session_url).connect()
    assert refused(third.frame(jpeg(close_up())), "superseded")


def test_message_that_is_too_large_closes_its_socket_only(open_bot: OpenBot, session_url: str) -> None:
    bot = open_bot(session_url).connect().begin()
    bot.client.emit("frame", (bot.header(1), b"\xff\xd8" + b"x" * MAX_FRAME_BYTES), namespace="/capture")
    assert bot.is_closed.wait(10)
    # The page comes back as itself and goes on.
    again = open_bot(session_url)
    again.page_id = bot.page_id
    assert again.connect().hello()["state"] in ("camera", "retry")


@pytest.mark.parametrize(
    "packet",
    [
        '459999999999-/capture,["frame",{"_placeholder":true,"num":0}]',
        '452-/capture,["frame",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]',
        "42/capture," + "[" * 20_000,
        "42/capture,{}",
        "49",
        "\0\0\0",
    ],
)
def test_packet_that_no_client_sends_harms_nobody(server: LiveServer, session_url: str, packet: str) -> None:
    token = session_url.rsplit("/", 1)[1]
    before = server.memory_bytes()
    with raw_socket(server) as socket:
        assert json.loads(join(socket, token).removeprefix("40/capture,"))["sid"]
        socket.send(packet)
        if packet.startswith("45"):
            wait_until_closed(socket)
    with raw_socket(server) as socket:
        assert join(socket, token).startswith("40/capture,")
    assert httpx.get(f"{server.url}/livez").status_code == 200
    assert server.memory_bytes() - before < 50_000_000


def test_upload_needs_its_ticket_and_an_image(
    open_bot: OpenBot, server: LiveServer, session_url: str, performer: Performance
) -> None:
    open_bot(session_url).connect().begin()
    url = f"{server.url}/capture"
    for headers in ({}, {"Authorization": "Ticket forged"}, {"Authorization": f"Ticket {'x' * 3_000}"}):
        answer = httpx.post(url, content=performer.idle[0], headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_ticket")
    token = {"Authorization": f"Ticket {session_url.rsplit('/', 1)[1]}"}
    assert httpx.post(url, content=performer.idle[0], headers=token).status_code == 401


def test_bot_that_sends_the_frames_of_another_session_again_gets_none_through(
    open_bot: OpenBot, api: Api, performer: Performance
) -> None:
    """Byte for byte, headers and all, into a session of the same person that waits for them."""
    url = new_session(api, performer)
    genuine = open_bot(url).connect().begin()
    good, sent = jpeg(close_up()), []
    for seq in range(1, 6):
        sent.append(genuine.header(seq))
        assert genuine.ask("frame", sent[-1], good)["ok"]
    assert genuine.ask("cancel", {})["ok"]
    replay = open_bot(new_session(api, performer)).connect().begin()
    for header in sent:
        assert refused(replay.ask("frame", header, good), "other_challenge")
    assert replay.frame(good, seq=len(sent) + 1)["ok"], "the session itself is as good as ever"
