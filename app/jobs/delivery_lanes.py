"""Whose turn it is to be told: every receiver has a lane, and none takes the room of the others.

A lane begins narrow and grows with every prompt answer. A slow receiver stays narrow. One that fails rests for as
long as its failures took, a few times over: one that hangs is tried seldom, one that refuses at once costs nothing
and has each delivery tried on its own schedule. Lanes that are not known to answer promptly share a part of the
room only, so that the others find some however many hang.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from app.services.deliver_webhooks import Claimed

FIRST_WIDTH = 2
PROMPT_MS = 2_000
"""An answer within that time is prompt. What runs longer gives its place in the queue to others."""

FIRST_REST_MS = 1_000
LONGEST_REST_MS = 30_000
"""Between two attempts at a receiver that fails; doubled with each, and soon enough to see that it is back."""

HELD_WHILE_FAILING = 16
"""For a receiver that fails quickly: they are tried one after the other, in no time."""

REST_TIMES = 2
"""A rest is no longer than so many times what the failure took: what is cheap to try is tried."""

PUT_OFF_MS = 1_000
"""For what has no room now, so that it is not claimed again at once by a worker that does not know the lane."""

PROMPT_TIMES = 8
"""A prompt lane with room takes so many times its greatest width at once: it will be through with them soon."""

HELD_TIMES = 4
"""So many times what may be in flight may be held at most, in flight or waiting."""

LANES_MAX = 10_000


class Result(Enum):
    """What an attempt says of its receiver. A refusal is an answer as good as any."""

    PROMPT = "prompt"
    SLOW = "slow"
    TROUBLE = "trouble"


class Change(Enum):
    """What is worth a line in the log."""

    FAILS = "fails"
    IS_BACK = "is_back"


@dataclass
class Lane:
    """One receiver (`Delivery.lane`). `width` attempts may be in flight; `begun_ms` are those that are."""

    name: str
    width: int = FIRST_WIDTH
    is_prompt: bool = False
    failures: int = 0
    fails_quickly: bool = False
    rests_until_ms: int = 0
    waiting: deque[Claimed] = field(default_factory=deque)
    begun_ms: dict[str, int] = field(default_factory=dict)

    @property
    def held(self) -> int:
        return len(self.waiting) + len(self.begun_ms)

    def room(self, now_ms: int) -> int:
        """How much more of it may be held: as much as is in flight may wait, and nothing while it hangs."""
        if self.hangs(now_ms):
            return 0
        if self.failures and not self.fails_quickly:
            return 1 if self.held == 0 and now_ms >= self.rests_until_ms else 0
        return max(0, (HELD_WHILE_FAILING if self.failures else 2 * self.width) - self.held)

    def hangs(self, now_ms: int) -> bool:
        """Whether an attempt lasts longer than a prompt answer."""
        return any(now_ms - begun >= PROMPT_MS for begun in self.begun_ms.values())

    def may_begin(self, now_ms: int) -> bool:
        return len(self.begun_ms) < self.width and now_ms >= self.rests_until_ms


def _growing_ms(failures: int) -> int:
    return min(FIRST_REST_MS << min(failures - 1, 20), LONGEST_REST_MS) if failures else 0


class Lanes:
    """All receivers that are known, with what is held for them. For one thread."""

    def __init__(self, in_flight_max: int, width_max: int) -> None:
        self._in_flight_max, self._width_max = in_flight_max, width_max
        self._hesitant_max = max(1, in_flight_max * 3 // 4)
        self._lanes: OrderedDict[str, Lane] = OrderedDict()
        self._active: dict[str, Lane] = {}
        self._turns: deque[str] = deque()

    @property
    def in_flight(self) -> int:
        return sum(len(lane.begun_ms) for lane in self._active.values())

    @property
    def room(self) -> int:
        """How many more may be held."""
        return self._in_flight_max * HELD_TIMES - sum(lane.held for lane in self._active.values())

    @property
    def first_room(self) -> int:
        """What there is room for in a lane that is not known."""
        return Lane("", min(FIRST_WIDTH, self._width_max)).room(0)

    def rooms(self, now_ms: int) -> Mapping[str, int]:
        """How much may be claimed now for each lane that is known: nothing for one that rests or is full."""
        return {lane.name: self._room(lane, now_ms) for lane in self._lanes.values()}

    def _room(self, lane: Lane, now_ms: int) -> int:
        room = lane.room(now_ms)
        return PROMPT_TIMES * self._width_max if room and lane.is_prompt else room

    def take_in(self, claimed: Sequence[Claimed], now_ms: int) -> Sequence[Claimed]:
        """Let them wait for their turn. Those without room are to be put off.

        With many lanes that are not known to be prompt there can be less room than for each of them alone.
        """
        lanes = [self._lane(one) for one in claimed]
        ready = {lane.name for lane in lanes if lane.is_prompt and lane.room(now_ms)}
        put_off = []
        for one, lane in zip(claimed, lanes, strict=True):
            if lane.name in ready or (lane.room(now_ms) and self._may_hold_for(lane)):
                lane.waiting.append(one)
                self._active[lane.name] = lane
                if lane.name not in self._turns:
                    self._turns.append(lane.name)
            else:
                put_off.append(one)
        self._forget_idle()
        return put_off

    def next(self, now_ms: int) -> Claimed | None:
        """The next to begin, in flight from now on; None where nothing may begin."""
        if self.in_flight >= self._in_flight_max:
            return None
        for _ in range(len(self._turns)):
            lane = self._lanes[self._turns[0]]
            self._turns.rotate(-1)
            if lane.may_begin(now_ms) and (lane.is_prompt or self._hesitant < self._hesitant_max):
                one = lane.waiting.popleft()
                lane.begun_ms[one.delivery.delivery_id] = now_ms
                if not lane.waiting:
                    self._turns.remove(lane.name)
                return one
        return None

    def ended(self, claimed: Claimed, result: Result | None, now_ms: int, took_ms: int = 0) -> Change | None:
        """No longer in flight, after so long. `result` is None where nothing was sent."""
        lane = self._lane(claimed)
        lane.begun_ms.pop(claimed.delivery.delivery_id, None)
        self._note_idle(lane)
        if result is Result.TROUBLE:
            return self._fail(lane, now_ms, took_ms)
        if result is None:
            return None
        failed_before, lane.failures, lane.rests_until_ms = lane.failures, 0, 0
        lane.fails_quickly = False
        lane.is_prompt = result is Result.PROMPT
        if lane.is_prompt:
            lane.width = min(lane.width + 1, self._width_max)
        else:
            lane.width = min(FIRST_WIDTH, self._width_max)
        return Change.IS_BACK if failed_before else None

    def _fail(self, lane: Lane, now_ms: int, took_ms: int) -> Change | None:
        """What was in flight together fails together, and counts once."""
        if now_ms < lane.rests_until_ms:
            return None
        lane.failures += 1
        lane.fails_quickly = took_ms < PROMPT_MS
        lane.width, lane.is_prompt = 1, False
        lane.rests_until_ms = now_ms + min(_growing_ms(lane.failures), REST_TIMES * took_ms)
        return Change.FAILS if lane.failures == 1 else None

    def stalled(self, now_ms: int) -> Sequence[Claimed]:
        """What waits behind a failure, or behind an attempt that lasts: to be put off, as by `take_in`."""
        put_off: list[Claimed] = []
        for lane in list(self._active.values()):
            if lane.hangs(now_ms):
                lane.width, lane.is_prompt = min(lane.width, FIRST_WIDTH), False
            elif not lane.failures or lane.fails_quickly or now_ms >= lane.rests_until_ms:
                continue
            if lane.waiting:
                put_off += lane.waiting
                lane.waiting.clear()
                self._turns.remove(lane.name)
                self._note_idle(lane)
        return put_off

    def drop_waiting(self) -> Sequence[Claimed]:
        """All that has not begun; it waits no longer."""
        dropped: list[Claimed] = []
        for name in self._turns:
            lane = self._lanes[name]
            dropped += lane.waiting
            lane.waiting.clear()
            self._note_idle(lane)
        self._turns.clear()
        return dropped

    def is_half_empty(self, claimed: Claimed) -> bool:
        """Whether the lane is through with much of what it had, and does not hang."""
        lane = self._lane(claimed)
        return (not lane.failures or lane.fails_quickly) and lane.held <= lane.width

    @property
    def _hesitant(self) -> int:
        """In flight to receivers that are not known to be prompt."""
        return sum(len(lane.begun_ms) for lane in self._active.values() if not lane.is_prompt)

    def _may_hold_for(self, lane: Lane) -> bool:
        """Half of what may be held is for prompt lanes."""
        if lane.is_prompt:
            return True
        return (
            sum(one.held for one in self._active.values() if not one.is_prompt)
            < self._in_flight_max * HELD_TIMES // 2
        )

    def _note_idle(self, lane: Lane) -> None:
        if not lane.held:
            self._active.pop(lane.name, None)

    def _lane(self, claimed: Claimed) -> Lane:
        """The one that was used last is at the end."""
        name = claimed.delivery.lane
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = Lane(name, min(FIRST_WIDTH, self._width_max))
        self._lanes.move_to_end(name)
        return lane

    def _forget_idle(self) -> None:
        """What was learnt of a receiver is not kept for ever."""
        if len(self._lanes) <= LANES_MAX:
            return
        idle = [name for name in self._lanes if name not in self._active]
        for name in idle[: len(self._lanes) - LANES_MAX]:
            del self._lanes[name]
