"""Species that are made of clips: as they stand, cut to what is asked, or with other people in them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from app.domain.challenge import ChallengeKind
from app.simulation.camera import decode
from app.simulation.performance import Performance, blind_recording
from app.simulation.scene import Filmed, Person, Source, Tape
from bench.pad.actors import FixedOrder, HiddenCuts, Paused, Swapped, SwappedBack
from bench.pad.people import Person as Performer
from bench.pad.people import load
from bench.pad.session import Actor, Played
from bench.pad.sources import TwoPeople
from bench.pad.studio import Studio
from bench.pad.trial import Material, Plan, frame_ms, session_of, turn

SLOW_FRAME_MS = (200.0, 240.0)
"""An attacker chooses how often frames come: the fewer, the farther a face may have moved between two."""

OTHERS_MAX = 16
"""Other people who stand ready in one try; more of them are drawn from."""

Chance = random.Random


def blind_tape(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    """The clip as it stands."""
    person, cuts, portrait = _cut_performer(material, plan)
    tape = Tape(person.tape, person.tape_rate, chance.randrange(len(person.tape)))
    return person.name, _of_tape(studio, plan, chance, tape, cuts, portrait)


def looped_tape(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    """A loop of everything the clip shows."""
    person, cuts, portrait = _cut_performer(material, plan)
    tape = Tape(list(blind_recording(cuts)), cuts.frames_per_second)
    return person.name, _of_tape(studio, plan, chance, tape, cuts, portrait)


def _of_tape(studio: Studio, plan: Plan, chance: Chance, tape: Tape, cuts: Performance, portrait: bytes) -> Played:
    actor = Filmed(tape, chance.randrange(2**31), frame_ms(chance))
    return session_of(studio, plan, portrait, cuts.kinds(), actor)


def _cut_performer(material: Material, plan: Plan) -> tuple[Performer, Performance, bytes]:
    person = load(turn(material.cut_performers, plan).file)
    assert person.cuts
    assert person.portrait
    return person, person.cuts, person.portrait


def splices(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    """The right take at each prompt by a hard cut; every third time an order fixed before the draw."""
    make = FixedOrder if plan.number % 3 == 2 else Person
    return _spliced(studio, material, plan, chance, lambda cuts, seed: _filmed(make(cuts, seed), chance))


def paused_splices(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    """The right take at each prompt, and no frame while it is cut to."""

    def make(cuts: Performance, seed: int) -> Actor:
        return Paused(HiddenCuts(cuts, seed), chance.randrange(2**31), frame_ms(chance))

    return _spliced(studio, material, plan, chance, make)


def slow_splices(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    """The right take at each prompt by a hard cut, at fewer frames a second than any page sends."""

    def make(cuts: Performance, seed: int) -> Actor:
        return Filmed(Person(cuts, seed), chance.randrange(2**31), chance.choice(SLOW_FRAME_MS))

    return _spliced(studio, material, plan, chance, make)


def _filmed(source: Source, chance: Chance) -> Actor:
    return Filmed(source, chance.randrange(2**31), frame_ms(chance))


def _spliced(
    studio: Studio, material: Material, plan: Plan, chance: Chance, make: Callable[[Performance, int], Actor]
) -> tuple[str, Played]:
    person, cuts, portrait = _cut_performer(material, plan)
    return person.name, session_of(studio, plan, portrait, cuts.kinds(), make(cuts, chance.randrange(2**31)))


def swap(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    """The victim rests and gives the still; others show the movements, from prompt to prompt."""
    return _swapped(studio, material, plan, chance, is_back=False)


def swap_and_back(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    """Others show the movements, and it is the victim who is back from them."""
    return _swapped(studio, material, plan, chance, is_back=True)


def _swapped(
    studio: Studio, material: Material, plan: Plan, chance: Chance, *, is_back: bool
) -> tuple[str, Played]:
    performers = material.cut_performers
    listed = performers[plan.number % len(performers)]
    person = load(listed.file)
    assert person.cuts
    assert person.portrait
    able = [one for one in material.people if one.cut and not one.is_replay and one.identity != listed.identity]
    if len(able) > OTHERS_MAX:
        able = chance.sample(able, OTHERS_MAX)
    known = [_takes(load(one.file), is_outward=is_back) for one in able]
    others = [one for one in known if one is not None]
    make = SwappedBack if is_back else Swapped
    source = make(person.cuts, others, chance.randrange(2**31))
    kinds = tuple(kind for kind in ChallengeKind if any(kind in one.movements for one in others))
    return person.name, session_of(studio, plan, person.portrait, kinds, _filmed(source, chance))


def _takes(person: Performer, *, is_outward: bool) -> Performance | None:
    """What somebody shows; only as far as the movement has not begun to return."""
    if person.cuts is None or not is_outward:
        return person.cuts
    movements = {kind: take[: person.outward[kind]] for kind, take in person.cuts.movements.items()}
    return replace(person.cuts, movements=movements)


def two_people(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    """A genuine performer, and somebody who comes into the picture."""
    listed = turn(material.performers, plan)
    person = load(listed.file)
    assert person.performance
    assert person.portrait
    other = load(chance.choice([one for one in material.victims if one.identity != listed.identity]).file).portrait
    assert other
    source = TwoPeople(
        Person(person.performance, chance.randrange(2**31)),
        studio.face_of(person.performance.idle[0]),
        decode(other),
        studio.face_of(other),
    )
    kinds: Sequence[ChallengeKind] = person.performance.kinds()
    return person.name, session_of(studio, plan, person.portrait, kinds, _filmed(source, chance))


def screen_replay(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    """A recording of a screen, each once: its takes at the prompts where it shows any, else as it stands."""
    person = load(material.replays[plan.number].file)
    if person.portrait is None:
        return person.name, Played(None, failures=["no_still"])
    source: Source = Tape(person.tape, person.tape_rate)
    kinds: Sequence[ChallengeKind] = ()
    if person.cuts and person.cuts.movements:
        source, kinds = Person(person.cuts, chance.randrange(2**31)), tuple(person.cuts.movements)
    return person.name, session_of(studio, plan, person.portrait, kinds, _filmed(source, chance))
