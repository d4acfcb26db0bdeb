"""A receiver of webhooks on loopback, in a process of its own: it answers 200 at once and remembers what came.

    python -m bench.webhook_receiver PORT
    python -m bench.webhook_receiver PORT --hang 15      # answers nothing for so many seconds, then 200

`GET /counts` tells how many requests came under how many ids, and when the first and the last of them did;
`GET /told` is a line for each request: id, sequence, event, object, status and path.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

PROJECT = Path(__file__).resolve().parents[1]
START_SECONDS = 20


class Receiver:
    """What came, as short lines."""

    def __init__(self, hang_seconds: float) -> None:
        self.hang_seconds = hang_seconds
        self.ids: set[str] = set()
        self.told: list[str] = []
        self.first_at = self.last_at = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept alive."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                request, *lines = head.decode("latin-1").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                answer = await self.answer(request.split()[1], headers, body)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def answer(self, path: str, headers: dict[str, str], body: bytes) -> bytes:
        if path == "/counts":
            counts = {"requests": len(self.told), "ids": len(self.ids)}
            return json.dumps(counts | {"first": self.first_at, "last": self.last_at}).encode()
        if path == "/told":
            return "\n".join(self.told).encode()
        if self.hang_seconds:
            await asyncio.sleep(self.hang_seconds)
        self.last_at = time.monotonic()
        self.first_at = self.first_at or self.last_at
        self.ids.add(headers["webhook-id"])
        self.told.append(f"{_line(headers['webhook-id'], body)} {path}")
        return b""


def _line(message_id: str, body: bytes) -> str:
    told = json.loads(body)
    payload = told["payload"]
    return f"{message_id} {told['sequence']} {told['event']} {payload['id']} {payload['status']}"


@contextmanager
def running_receiver(port: int, hang_seconds: float = 0.0) -> Iterator[str]:
    """Its address."""
    command = [sys.executable, "-m", "bench.webhook_receiver", str(port), "--hang", str(hang_seconds)]
    process = subprocess.Popen(command, cwd=PROJECT)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url)
        yield url
    finally:
        process.kill()
        process.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            httpx.get(f"{url}/counts")
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


async def _run(port: int, hang_seconds: float) -> None:
    server = await asyncio.start_server(Receiver(hang_seconds).serve, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("port", type=int)
    parser.add_argument("--hang", type=float, default=0.0, help="seconds before each answer")
    options = parser.parse_args()
    asyncio.run(_run(options.port, options.hang))


if __name__ == "__main__":
    main()
