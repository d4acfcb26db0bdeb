"""What bots reach that cannot do what is asked: 10,000 sessions each, of three attempts and three free failures.

    python -m bench.guessing
    python -m bench.guessing --sessions 1000 --kinds 4

Observations are made up (tests/faces.py), the run and its judges are those of real sessions. Nothing but the
judges stands against these bots here: no passive detector looks. Each session draws what its capture subject
avoids from all that leaves as many kinds; the bot knows it, and knows when a challenge was passed. One sees what
is asked as well: it has a recording, and hides the face where the recording shows something else.
"""

from __future__ import annotations

import argparse
import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.domain.capture import FREE_OUTCOMES, CaptureRun
from app.domain.capture_config import CaptureConfig
from app.domain.capture_phase import CapturePhase
from app.domain.challenge import Ability, ChallengeKind, kinds_left, number_of_challenges
from app.domain.error_rates import wilson
from app.domain.face import Observation
from app.services.attempts import MORE_WHEN_USED_UP
from app.services.live_capture import FREE_QUALITY_RETRIES
from app.services.observe_frame import SWAPS_MAX
from tests.faces import RESTING, Face, moved, seen
from tests.fakes import EPOCH, SeededRandomness

SESSIONS, ATTEMPTS = 10_000, 3
BAR = 0.002
"""At most this share of sessions may pass by guessing."""

STEP_MS = 200
STILL = seen(RESTING)
NOBODY = [seen(None)] * 10
"""Longer than a face may be lost."""

SWAP: Sequence[Observation] = []
"""In the place of frames: asks for another movement."""

APEX = 1.3
OUT_AND_BACK = (0.6, APEX, APEX, APEX, APEX, 0.6)
"""Just as long as every kind must be held."""

K = ChallengeKind
TOGETHER = (K.TURN_LEFT, K.LOOK_UP, K.BLINK, K.SMILE, K.OPEN_MOUTH, K.MOVE_CLOSER)
"""What one face can do at once."""

HALF_NOD = 0.7
"""So far does a nod go that no judge counts."""


@dataclass
class Sight:
    """What the bot knows: the kinds left, the one it passed last, and for who reads the page the one asked."""

    kinds: Sequence[ChallengeKind]
    rng: random.Random
    asked: ChallengeKind | None = None
    passed: ChallengeKind | None = None
    swaps: int = 0
    """How many it may still have another movement drawn for."""

    def guess(self, *excluded: ChallengeKind) -> ChallengeKind:
        """A kind that may be asked now."""
        out = {self.passed, *excluded}
        return self.rng.choice([kind for kind in self.kinds if kind not in out] or self.kinds)


Move = tuple[ChallengeKind | None, Sequence[Observation]]
"""Frames, and the kind that they pass."""

Bot = Callable[[Sight], Iterator[Move]]


def shown(*faces: Face) -> Sequence[Observation]:
    """Rest, the faces, rest."""
    return [STILL, *[seen(face) for face in faces], STILL]


def single(kind: ChallengeKind) -> Move:
    """One movement, out and back."""
    return kind, _SINGLE[kind]


_SINGLE: Mapping[ChallengeKind, Sequence[Observation]] = {
    kind: shown(*[moved(kind, share) for share in OUT_AND_BACK]) for kind in ChallengeKind
}


def random_mover(sight: Sight) -> Iterator[Move]:
    """One guess after another: what the number of challenges is reckoned for."""
    while True:
        yield single(sight.guess())


def eyes_first(sight: Sight) -> Iterator[Move]:
    """A slow blink before each guess, wherever one may be asked."""
    while True:
        if K.BLINK in sight.kinds and sight.passed is not K.BLINK:
            yield single(K.BLINK)
        yield single(sight.guess(K.BLINK))


def nods_and_blinks(sight: Sight) -> Iterator[Move]:
    """The slow blink with half a nod, then the head goes down in earnest, then a guess."""
    half = shown(*[moved(K.BLINK, share, moved(K.LOOK_DOWN, HALF_NOD)) for share in OUT_AND_BACK])
    while True:
        yield K.BLINK, half
        yield single(K.LOOK_DOWN)
        yield single(sight.guess(K.BLINK, K.LOOK_DOWN))


def lids_and_head(sight: Sight) -> Iterator[Move]:
    """Lids and head lowered at once, the lids further: one movement for two kinds."""
    both = shown(*[moved(K.BLINK, 1.5 * share, moved(K.LOOK_DOWN, share)) for share in OUT_AND_BACK])
    while True:
        yield K.LOOK_DOWN, both
        yield single(sight.guess(K.BLINK, K.LOOK_DOWN))


def all_at_once(sight: Sight) -> Iterator[Move]:
    """Everything a face can do together, one kind of it further than the others."""
    while True:
        kind = sight.guess()
        face = RESTING
        for other in TOGETHER:
            face = moved(other, APEX, face) if other in sight.kinds and other is not kind else face
        apex = moved(kind, 1.1 * APEX, face if kind in TOGETHER else RESTING)
        yield kind, shown(moved(kind, 0.6), *[apex] * 4, moved(kind, 0.6))


def flashes(sight: Sight) -> Iterator[Move]:
    """A single frame of every kind, far out, before a guess."""
    while True:
        for kind in sight.kinds:
            yield None, shown(moved(kind, 3.0))
        yield single(sight.guess())


def fixed_loop(sight: Sight) -> Iterator[Move]:
    """All kinds in the order of the enumeration, from any point."""
    start = sight.rng.randrange(len(sight.kinds))
    yield from (single(kind) for kind in itertools.islice(itertools.cycle(sight.kinds), start, None))


def shuffled_loop(sight: Sight) -> Iterator[Move]:
    """All kinds in an order of its own, anew each time."""
    while True:
        yield from (single(kind) for kind in sight.rng.sample(sight.kinds, len(sight.kinds)))


def hiding_tape(sight: Sight) -> Iterator[Move]:
    """A recording of all kinds in some order; nobody is in the picture where it does not fit."""
    for kind in itertools.cycle(sight.rng.sample(sight.kinds, len(sight.kinds))):
        while sight.asked is not kind:
            yield None, NOBODY
        yield single(kind)


def swapping_tape(sight: Sight) -> Iterator[Move]:
    """The same, and what does not fit is said to be impossible first, unless what fits would go with it."""
    for kind in itertools.cycle(sight.rng.sample(sight.kinds, len(sight.kinds))):
        while sight.asked is not kind and kind in sight.kinds:
            is_worth_it = sight.swaps and sight.asked and sight.asked.ability is not kind.ability
            yield None, SWAP if is_worth_it else NOBODY
        if kind in sight.kinds:
            yield single(kind)


BOTS: Mapping[str, Bot] = {
    "random mover": random_mover,
    "eyes first": eyes_first,
    "half nod with the blink": nods_and_blinks,
    "lids and head at once": lids_and_head,
    "all at once": all_at_once,
    "flashes, then a guess": flashes,
    "loop in a fixed order": fixed_loop,
    "loop in random orders": shuffled_loop,
    "tape that hides the face": hiding_tape,
    "tape that swaps, then hides": swapping_tape,
}


def config_for(kinds: Sequence[ChallengeKind]) -> CaptureConfig:
    """A session with these kinds left; alignment, a single frame, is not what is tried."""
    number = number_of_challenges(len(kinds))
    return CaptureConfig(kinds=tuple(kinds), number_of_challenges=number, hold_ms=0, hold_frames=1)


def draws_of(kinds: int) -> Sequence[tuple[ChallengeKind, ...]]:
    """Every set of so many kinds that some `avoid` leaves."""
    sets = {
        kinds_left(avoid) for size in range(len(Ability) + 1) for avoid in itertools.combinations(Ability, size)
    }
    return sorted((left for left in sets if len(left) == kinds), key=str)


def session_passes(bot: Bot, kinds: Sequence[ChallengeKind], seed: int) -> bool:
    """Whether one of the attempts of a session succeeds."""
    randomness = SeededRandomness(seed)
    run = CaptureRun(
        config_for(kinds),
        choose=randomness.choose,
        choose_colour=randomness.choose,
        new_id=randomness.object_id,
        new_nonce=randomness.nonce,
    )
    rng = random.Random(seed + 1_000_000_007)  # noqa: S311 (reproducible on purpose)
    now_ms, paid, free, swaps = 0, 0, 0, SWAPS_MAX
    while paid < ATTEMPTS:
        more = MORE_WHEN_USED_UP if free >= FREE_QUALITY_RETRIES else 0
        run.align(paid + free + 1, now_ms, more)
        while run.phase is CapturePhase.ALIGN:
            now_ms += STEP_MS
            run.observe(STILL, now_ms, EPOCH)
        now_ms = _attempt(run, bot(sight := Sight(run.config.kinds, rng, swaps=swaps)), sight, now_ms)
        swaps = sight.swaps
        if run.phase is CapturePhase.CAPTURE:
            return True
        is_free = run.evidence[-1].outcome in FREE_OUTCOMES and free < FREE_QUALITY_RETRIES
        paid, free = paid + (not is_free), free + is_free
    return False


def _attempt(run: CaptureRun, moves: Iterator[Move], sight: Sight, now_ms: int) -> int:
    """Play until the attempt is over; the time then."""
    sight.asked = run.challenge.kind if run.challenge else None
    for kind, frames in moves:
        if frames is SWAP and run.challenge is not None:
            is_swapped = run.swap(run.challenge.challenge_id, now_ms, EPOCH) is not None
            sight.asked, sight.kinds = run.challenge.kind, run.config.kinds
            sight.swaps = sight.swaps - 1 if is_swapped else 0
        for observation in frames:
            asked, now_ms = run.challenge, now_ms + STEP_MS
            run.observe(observation, now_ms, EPOCH)
            if run.challenge is not asked:
                sight.passed, sight.asked = kind, run.challenge.kind if run.challenge else None
                break
        if run.phase is not CapturePhase.CHALLENGE:
            break
    return now_ms


def sessions_passed(bot: Bot, kinds: int, sessions: int, seed: int = 20_261_123) -> int:
    """How many sessions this bot passes. `seed` also draws what is avoided."""
    rng = random.Random(seed)  # noqa: S311 (reproducible on purpose)
    draws = draws_of(kinds)
    return sum(session_passes(bot, rng.choice(draws), rng.getrandbits(48)) for _ in range(sessions))


def main() -> None:
    options = _options()
    print(f"{'bot':<26}{'kinds':>6}{'asked':>7}{'passed':>16}{'rate':>9}   95 % interval")
    over = 0
    for kinds, (name, bot) in itertools.product(options.kinds, BOTS.items()):
        passed = sessions_passed(bot, kinds, options.sessions)
        low, high = wilson(passed, options.sessions)
        count, asked = f"{passed} of {options.sessions:,}", number_of_challenges(kinds)
        is_over = passed > BAR * options.sessions
        over += is_over
        row = f"{name:<26}{kinds:>6}{asked:>7}{count:>16}{passed / options.sessions:>9.2%}"
        print(f"{row}   {low:.2%}–{high:.2%}{'   OVER THE BAR' if is_over else ''}", flush=True)
    print(f"bar {BAR:.1%}: {'held by all' if not over else f'{over} over it'}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    parser.add_argument("--kinds", type=int, nargs="*", default=[8, 7, 6, 5, 4])
    return parser.parse_args()


if __name__ == "__main__":
    main()
