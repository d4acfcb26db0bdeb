"""One try of one species: who is impersonated, what is before the camera, and what became of it."""

from __future__ import annotations

import random
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.domain.challenge import MIN_KINDS_FOR_VERDICT, Ability, ChallengeKind
from app.domain.detector_evidence import Detector
from app.domain.fusion import RULES, Standing, standing
from app.domain.policy import MIN_CONTINUITY_SCORE, least_passive_score
from app.domain.session import BiometricSession, SessionStatus
from app.domain.verdict import Decision
from bench.pad.people import Listed, said
from bench.pad.session import Actor, Played, play
from bench.pad.studio import Studio

IN_REVIEW = "in_review"
"""A person would look at it: neither accepted nor refused."""

ERROR = "error"
"""The try itself went wrong, so it says nothing about any session."""

NOT_PLAYED = frozenset({"no_genuine_session", "no_face_in_recording", "no_still"})
"""Tries in which nothing was presented: they count nowhere."""

FRAME_MS = (100.0, 125.0, 160.0)
"""The page sends ten frames a second; a busy phone or a slow uplink makes eight or six of them."""


@dataclass(frozen=True)
class Material:
    """What tries can be made of. `prints` are recordings of printed photographs: folders of single frames."""

    people: Sequence[Listed]
    prints: Sequence[Path]

    @property
    def performers(self) -> Sequence[Listed]:
        return [one for one in self.people if one.is_performer]

    @property
    def victims(self) -> Sequence[Listed]:
        """Who can be impersonated by a picture."""
        return [one for one in self.people if one.has_portrait and not one.is_replay]

    @property
    def cut_performers(self) -> Sequence[Listed]:
        return [one for one in self.people if not one.is_replay and len(one.cut_able) >= MIN_KINDS_FOR_VERDICT]

    def identity_of(self, name: str) -> str:
        """Whom a clip of that name shows; of what is no clip the name itself."""
        return next((one.identity for one in self.people if one.name == name), name)

    @property
    def replays(self) -> Sequence[Listed]:
        return [one for one in self.people if one.is_replay]


@dataclass(frozen=True)
class Plan:
    """One try: `number` counts within the species, `is_narrow` asks only for what the attack can do."""

    species: str
    number: int
    seed: int
    is_narrow: bool


@dataclass(frozen=True)
class Result:
    """`status` is the session's, `stopped_by` empty where it was approved, `score` the weakest part, 0–100.

    Of a try that went wrong the status is `ERROR`, and `message` says how.
    """

    species: str
    number: int
    person: str
    is_narrow: bool
    status: str
    stopped_by: tuple[str, ...]
    score: float
    detectors: Mapping[str, float | None] = field(default_factory=dict)
    asked: int = 0
    failures: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    frames: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    message: str = ""
    identity: str = ""
    measured: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def is_accepted(self) -> bool:
        return self.status == SessionStatus.APPROVED.value

    @property
    def is_played(self) -> bool:
        """Whether something was presented."""
        return self.status != ERROR and not NOT_PLAYED & set(self.stopped_by)


Run = Callable[[Studio, Material, Plan, random.Random], tuple[str, Played]]
"""Plays a try; the person's name and how it went."""


@dataclass(frozen=True)
class Species:
    """A presentation attack instrument species, or bona fide presentations.

    `count` is how many tries there are of it where that is not a matter of choice (each recording once);
    `lack` says what is missing where it is not possible.
    """

    name: str
    run: Run
    is_possible: Callable[[Material], bool]
    lack: str
    count: Callable[[Material], int] | None = None
    is_bona_fide: bool = False

    def tries(self, material: Material, chosen: int) -> int:
        """How many there are; `chosen` where that can be chosen."""
        if not self.is_possible(material):
            return 0
        return self.count(material) if self.count else chosen


def plans_of(species: Sequence[Species], material: Material, tries: int, seed: int) -> Iterator[Plan]:
    """By turns through the species, so that a run that is cut short has some of each.

    Half of the tries of an attack face the whole draw; recordings that there are only once are given the better
    chance.
    """
    counts = [(one, one.tries(material, tries)) for one in species]
    for number in range(max((count for _, count in counts), default=0)):
        for one, count in counts:
            if number < count:
                is_narrow = one.is_bona_fide or one.count is not None or number % 2 == 1
                yield Plan(one.name, number, seed, is_narrow=is_narrow)


def turn(people: Sequence[Listed], plan: Plan) -> Listed:
    """Everybody equally often, in both kinds of draw."""
    return people[(plan.number // 2) % len(people)]


def frame_ms(chance: random.Random) -> float:
    return chance.choice(FRAME_MS)


def session_of(
    studio: Studio, plan: Plan, portrait: bytes, kinds: Sequence[ChallengeKind], actor: Actor
) -> Played:
    """A session of somebody with that reference; narrowed to these kinds where the plan says so."""
    caller = studio.organization()
    entity_id = studio.enrol(caller, portrait)
    return play(studio, caller, entity_id, avoid_all_but(kinds) if plan.is_narrow else [], actor)


def failed(plan: Plan, error: BaseException) -> Result:
    """A try that raised."""
    name, message = type(error).__name__, said(error)
    return Result(plan.species, plan.number, "", plan.is_narrow, ERROR, (name,), 0.0, message=message)


def perform(studio: Studio, material: Material, species: Species, plan: Plan) -> Result:
    """Play the try and read the verdict."""
    seed = zlib.crc32(f"{plan.seed}/{plan.species}/{plan.number}".encode())
    chance = random.Random(seed)  # noqa: S311 (reproducible on purpose)
    studio.draw.chance, studio.draw.script = random.Random(seed + 1), []  # noqa: S311
    studio.clock.advance(3_600_000.0)
    cpu = time.process_time()
    person, played = species.run(studio, material, plan, chance)
    result = read(plan, person, played, studio.profile, time.process_time() - cpu)
    return replace(result, identity=material.identity_of(person))


def read(plan: Plan, person: str, played: Played, profile: str, cpu_seconds: float) -> Result:
    """What a session's end says."""
    session = played.session
    status = "unfinished" if session is None else IN_REVIEW if session.is_in_review else session.status.value
    decision = session.decision if session else None
    liveness = decision.liveness if decision else None
    return Result(
        species=plan.species,
        number=plan.number,
        person=person,
        is_narrow=plan.is_narrow,
        status=status,
        stopped_by=stopped_by(session, played, profile),
        score=weakest(decision, profile),
        detectors={one.detector.value: one.score for one in liveness.detectors} if liveness else {},
        measured=measured_of(decision),
        asked=len(played.asked),
        failures=tuple(played.failures),
        refusals=tuple(sorted(set(played.refusals))),
        frames=played.frames,
        seconds=round(played.seconds, 1),
        cpu_seconds=round(cpu_seconds, 2),
    )


def measured_of(decision: Decision | None) -> Mapping[str, Mapping[str, float]]:
    """What each detector measured, and the two comparison scores."""
    if decision is None or decision.liveness is None:
        return {}
    face_match, continuity = decision.face_match, decision.liveness.continuity_score
    compared = {"continuity": continuity, "reference": face_match.score if face_match else None}
    identity = {name: score for name, score in compared.items() if score is not None}
    return {**{one.detector.value: one.measured for one in decision.liveness.detectors}, "identity": identity}


def stopped_by(session: BiometricSession | None, played: Played, profile: str) -> tuple[str, ...]:
    """Everything that would have refused by itself, else what left it to a person; empty where it was approved."""
    if session is None or session.decision is None:
        return (played.failures[-1] if played.failures else "no_verdict",)
    if session.status is SessionStatus.APPROVED:
        return ()
    decision, found = session.decision, []
    liveness, face_match = decision.liveness, decision.face_match
    if liveness is not None:
        if face_match is None and played.failures:
            found.append(f"challenge:{played.failures[-1]}")
        if liveness.passive.score is None:
            found.append("passive:not_measured")
        elif liveness.passive.score < least_passive_score(liveness.passive, liveness.detectors, profile):
            found.append("passive")
        if liveness.continuity_score is not None and liveness.continuity_score < MIN_CONTINUITY_SCORE:
            found.append("continuity")
        failed = [one for one in liveness.detectors if standing(one, profile) is Standing.FAILED]
        found += [f"{one.detector.value}:{one.reason}" for one in failed]
    if face_match is not None and not face_match.is_match:
        found.append("face_match")
    return tuple(found or (f"review:{one.value}" for one in decision.review_reasons)) or ("other",)


def weakest(decision: Decision | None, profile: str) -> float:
    """The lowest of what is measured, 0 where the challenges were not passed: the abscissa of the DET plot."""
    liveness = decision.liveness if decision else None
    if liveness is None or liveness.passive.score is None or decision is None or decision.face_match is None:
        return 0.0
    rules = RULES[profile]
    scores = [
        one.score
        for one in liveness.detectors
        if one.score is not None and rules[Detector(one.detector)].rejects_below is not None
    ]
    return round(min([liveness.passive.score, *scores]), 2)


def avoid_all_but(kinds: Sequence[ChallengeKind]) -> list[str]:
    """Abilities that leave at least these kinds and as few others as a verdict needs."""
    wanted = {kind.ability for kind in kinds}
    for ability in (
        Ability.LOOK,
        Ability.HEAD_TURN,
        Ability.BLINK,
        Ability.SMILE,
        Ability.MOUTH,
        Ability.APPROACH,
    ):
        if sum(1 for kind in ChallengeKind if kind.ability in wanted) >= MIN_KINDS_FOR_VERDICT:
            break
        wanted.add(ability)
    return [ability.value for ability in Ability if ability not in wanted and ability is not Ability.FLASH]
