"""What is done beside the requests: named tasks, by turns, in one daemon thread of the serving process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.domain.errors import MatchingUnavailable, StoreUnavailable
from app.services.ports import Clock

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 5.0
"""After a failure; doubled with each further one."""

LONGEST_PAUSE_SECONDS = 60.0
"""During an outage a task is tried at least this often, so that it goes on soon after."""

STOP_SECONDS = 2.0
"""How long the end of the process waits for a batch that is under way."""

OUTAGES = (MatchingUnavailable, StoreUnavailable)


@dataclass(frozen=True)
class Task:
    """`run` does one short batch and says whether it wants to go on at once; else it is called again later."""

    name: str
    run: Callable[[], bool]
    every_seconds: float


def log_failure(what: str, error: Exception) -> None:
    """For tasks that go on although something in them failed as it never should."""
    log.error("%s failed", what, exc_info=error)


@dataclass
class _Turn:
    """When a task is due, and what stands in its way."""

    task: Task
    due_ms: int
    failures: int = 0
    outage: type[Exception] | None = None


class Background:
    """Runs tasks by turns. `step` is the whole loop's body; `start` calls it in a thread until `stop`."""

    def __init__(self, tasks: Sequence[Task], clock: Clock) -> None:
        now = clock.monotonic_ms()
        self._turns = [_Turn(task, now) for task in tasks]
        self._clock = clock
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="background", daemon=True)

    def start(self) -> None:
        """Once, in the process that serves: threads do not survive a fork."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Begin nothing new. Returns at once."""
        self._is_stopping.set()

    def stop(self) -> None:
        """Begin nothing new and wait a moment for what runs. What is cut off is made up for later."""
        self.ask_to_stop()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def _loop(self) -> None:
        pause = 0.0
        while not self._is_stopping.wait(pause):
            pause = self.step()

    def step(self) -> float:
        """Run every task that is due once; seconds until the next one is."""
        for turn in self._turns:
            if turn.due_ms <= self._clock.monotonic_ms() and not self._is_stopping.is_set():
                pause = self._run(turn)
                turn.due_ms = self._clock.monotonic_ms() + round(pause * 1_000)
        next_ms = min((turn.due_ms for turn in self._turns), default=self._clock.monotonic_ms() + 1_000)
        return max(0, next_ms - self._clock.monotonic_ms()) / 1_000

    def _run(self, turn: _Turn) -> float:
        """Seconds until its next turn. An outage is told when it begins and when it is over."""
        try:
            goes_on = turn.task.run()
        except OUTAGES as error:
            if turn.outage is not type(error):
                log.warning("%s waits: %s", turn.task.name, error)
            turn.outage = type(error)
        except Exception as error:  # noqa: BLE001 - one task's bug must not end the others
            log_failure(turn.task.name, error)
            turn.outage = None
        else:
            if turn.outage is not None:
                log.warning("%s goes on", turn.task.name)
            turn.outage, turn.failures = None, 0
            return 0.0 if goes_on else turn.task.every_seconds
        turn.failures += 1
        return _pause_after(turn)


def _pause_after(turn: _Turn) -> float:
    """A task that fails for a bug of its own needs not be tried more often than it runs anyway."""
    longest = LONGEST_PAUSE_SECONDS if turn.outage else max(turn.task.every_seconds, LONGEST_PAUSE_SECONDS)
    return min(FIRST_PAUSE_SECONDS * 2.0 ** min(turn.failures - 1, 20), longest)
