"""Who used the cores, and what memory a process holds: read from /proc, so Linux only."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class CoreTime:
    """Seconds of all cores since some beginning, and of one family of processes and of this process."""

    at: float
    idle: float
    family: float
    own: float

    def since(self, before: CoreTime) -> CoreTime:
        return CoreTime(
            self.at - before.at, self.idle - before.idle, self.family - before.family, self.own - before.own
        )


def core_time(pids: list[int]) -> CoreTime:
    """Now. `pids` with all their descendants are the family."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    idle = (int(fields[3]) + int(fields[4])) / TICKS
    members = [member for pid in pids for member in family(pid)]
    return CoreTime(time.monotonic(), idle, sum(_cpu_of(pid) for pid in members), time.process_time())


def family(pid: int) -> list[int]:
    """The process and all its descendants that still run."""
    try:
        children = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return []
    return [pid, *(member for child in children for member in family(child))]


def _cpu_of(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS
