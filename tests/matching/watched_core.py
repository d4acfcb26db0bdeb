"""The matching core in a process of its own, watched: what it answers, how much memory it takes, what it prints.

A process that hangs, dies or prints does so alone, and its picture can be named.
"""

from __future__ import annotations

import json
import os
import re
import select
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
"""A check takes 3 s at most on one core; what takes this long hangs."""

MEMORY_LINE_MB = 300
"""MiB above idle that one picture may take (issue 3)."""

_LENGTH = struct.Struct(">Q")


@dataclass(frozen=True)
class Outcome:
    """`answer` is "template", "none", "invalid" or what went wrong; `peak_mb` MiB above idle."""

    answer: str
    peak_mb: float = 0.0
    seconds: float = 0.0
    printed: str = ""

    @property
    def is_allowed(self) -> bool:
        """One of the three answers of the contract, in silence and below the memory line."""
        is_answer = self.answer in ("template", "none", "invalid")
        return is_answer and not self.printed and self.peak_mb < MEMORY_LINE_MB


class WatchedCore:
    """A core with one thread, started when it is first asked and again after it had to be ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._printed: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the core)
        self._read_until = 0
        self.memory: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._end()
        self._printed.close()

    def describe(self, image: bytes) -> Outcome:
        """What became of the image."""
        process = self._process or self._start()
        assert process.stdin is not None
        try:
            process.stdin.write(_LENGTH.pack(len(image)) + image)
            process.stdin.flush()
            line = self._line(process)
        except BrokenPipeError:
            line = b""
        if not line:
            code = process.poll()
            self._end()
            return Outcome("hung" if code is None else f"died with {code}", printed=self._news())
        return Outcome(**json.loads(line), printed=self._news())

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.matching.watched_core"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._printed,
        )
        self.memory = json.loads(self._line(self._process))
        self._news()
        return self._process

    def _line(self, process: subprocess.Popen[bytes]) -> bytes:
        """Empty where the process died or did not answer in time."""
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], PATIENCE_S)
        return process.stdout.readline() if ready else b""

    def _news(self) -> str:
        """What was printed since the last time."""
        text = os.pread(self._printed.fileno(), 100_000, self._read_until)
        self._read_until += len(text)
        return text.decode(errors="replace")

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _status_mb(name: str) -> float:
    status = Path("/proc/self/status").read_text("ascii")
    found = re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
    assert found
    return int(found[1]) / 1024


def _forget_peak() -> None:
    """proc(5): the peak begins anew at what is in memory now."""
    Path("/proc/self/clear_refs").write_text("5", "ascii")


def _serve() -> None:
    """Answer images on standard input until it ends. Whatever else is written goes to standard error."""
    import time  # noqa: PLC0415 (what the process imports is measured)

    report = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    from tests.models_fixture import real_core  # noqa: PLC0415
    from tests.portrait import close_up, jpeg  # noqa: PLC0415

    memory = {"before_load": _status_mb("VmRSS")}
    core = real_core(1)
    memory |= {"peak_of_load": _status_mb("VmHWM"), "after_load": _status_mb("VmRSS")}
    for _ in range(20):
        assert core.create_template(jpeg(close_up())) is not None
    idle = memory["after_20_templates"] = _status_mb("VmRSS")
    print(json.dumps(memory), file=report, flush=True)
    from app.domain.errors import InvalidImage  # noqa: PLC0415

    while header := sys.stdin.buffer.read(_LENGTH.size):
        image = sys.stdin.buffer.read(*_LENGTH.unpack(header))
        _forget_peak()
        started = time.monotonic()
        try:
            answer = "none" if core.create_template(image) is None else "template"
        except InvalidImage:
            answer = "invalid"
        except BaseException as error:  # noqa: BLE001 - that there is one is the finding
            answer = repr(error)
        seconds = time.monotonic() - started
        outcome = {"answer": answer, "peak_mb": _status_mb("VmHWM") - idle, "seconds": seconds}
        print(json.dumps(outcome), file=report, flush=True)


if __name__ == "__main__":
    _serve()
