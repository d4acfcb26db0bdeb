"""All species of the bench, by name: bona fide presentations and presentation attacks."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import cv2
import numpy as np

from app.domain.challenge import ChallengeKind
from app.domain.face import BgrImage
from app.domain.session import SessionStatus
from app.simulation.camera import decode, encode
from app.simulation.clips import fit
from app.simulation.performance import blind_recording
from app.simulation.scene import Filmed, Frozen, Person, Source, Tape
from bench.pad.actors import FixedOrder, Handled, Swapped
from bench.pad.instruments import INSTRUMENTS, Print, PuppetOnScreen
from bench.pad.people import Listed, load
from bench.pad.session import Actor, Played, play
from bench.pad.sources import (
    Bot,
    DrivenPuppet,
    FilmedPhotograph,
    OnScreen,
    Replayed,
    TwoPeople,
    centred,
)
from bench.pad.studio import Studio
from bench.pad.trial import FRAME_MS, Material, Plan, Species, avoid_all_but

TILTING = (
    ChallengeKind.TURN_LEFT,
    ChallengeKind.TURN_RIGHT,
    ChallengeKind.LOOK_UP,
    ChallengeKind.LOOK_DOWN,
    ChallengeKind.MOVE_CLOSER,
)
"""What can be tried with a picture that is tilted and brought closer."""

THROUGH_HOLES = (ChallengeKind.BLINK, ChallengeKind.SMILE, ChallengeKind.OPEN_MOUTH, ChallengeKind.MOVE_CLOSER)
ALTERATIONS = ("same", "re-encoded", "cropped")
SIZES = ((480, 640), (640, 480))
Chance = random.Random
Picture = Callable[[Studio, Material, Plan, Chance, Listed], Source]


def _frame_ms(chance: Chance) -> float:
    return chance.choice(FRAME_MS)


def _session(studio: Studio, plan: Plan, portrait: bytes, kinds: Sequence[ChallengeKind], actor: Actor) -> Played:
    """A session of somebody with that reference; narrowed to these kinds where the plan says so."""
    caller = studio.organization()
    entity_id = studio.enrol(caller, portrait)
    return play(studio, caller, entity_id, avoid_all_but(kinds) if plan.is_narrow else [], actor)


# People


def _bona_fide(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    """One person's clip; the draw is always narrowed to what it shows."""
    person = load(_turn(material.performers, plan).file)
    assert person.performance
    assert person.portrait
    actor = Filmed(Person(person.performance, chance.randrange(2**31)), chance.randrange(2**31), _frame_ms(chance))
    caller = studio.organization()
    entity_id = studio.enrol(caller, person.portrait)
    return person.name, play(studio, caller, entity_id, person.performance.abilities_to_avoid(), actor)


def _turn(people: Sequence[Listed], plan: Plan) -> Listed:
    """Everybody equally often, in both kinds of draw."""
    return people[(plan.number // 2) % len(people)]


# Instruments in a hand


def _instrument(
    name: str,
    kinds: Sequence[ChallengeKind],
    narrow: Sequence[ChallengeKind] | None,
    studio: Studio,
    material: Material,
    plan: Plan,
    chance: Chance,
) -> tuple[str, Played]:
    """A picture of the victim, made into an instrument; `kinds` is what the attacker answers with it."""
    listed = material.victims[plan.number % len(material.victims)]
    portrait = load(listed.file).portrait
    assert portrait
    face, image = studio.face_of(portrait), decode(portrait)
    make = {**INSTRUMENTS, "flat_print": Print, "screen": OnScreen}[name]
    instrument = make(image, face.landmarks, chance.choice(SIZES))
    tremor = 0.5 if name == "screen" else 1.0
    source = Handled(instrument, kinds, chance.randrange(2**31), tremor)
    actor = Filmed(source, chance.randrange(2**31), _frame_ms(chance))
    return listed.name, _session(studio, plan, portrait, narrow or kinds, actor)


def _puppet(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    """By a program's angles, or by the landmarks of a clip of somebody else, in turns."""
    drivers = [one for one in material.cut_performers if one.cut]
    if plan.number // 2 % 2 == 0 or not drivers:
        kinds = TILTING if chance.random() < 0.5 else THROUGH_HOLES
        return _instrument("puppet", tuple(ChallengeKind), kinds, studio, material, plan, chance)
    listed = material.victims[plan.number % len(material.victims)]
    driver, portrait = load(chance.choice(drivers).file), load(listed.file).portrait
    assert portrait
    assert driver.cuts
    face = studio.face_of(portrait)
    puppet = PuppetOnScreen(decode(portrait), face.landmarks, chance.choice(SIZES))
    source = DrivenPuppet(puppet, driver.meshes, chance.randrange(2**31), driver.cuts.frames_per_second)
    actor = Filmed(source, chance.randrange(2**31), _frame_ms(chance))
    return listed.name, _session(studio, plan, portrait, driver.cuts.kinds(), actor)


def _photograph(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    """A recording of a printed photograph, each once; its own first frame is the reference."""
    folder = material.prints[plan.number]
    images = [_read(path) for path in sorted(folder.glob("*.jpg"))]
    portrait = encode(images[0], 95)
    try:
        face = studio.face_of(portrait)
    except ValueError:
        return folder.name, Played(None, failures=["no_face_in_recording"])
    images = [centred(image, face) for image in images]
    try:
        face = studio.face_of(encode(images[0], 95))
    except ValueError:
        return folder.name, Played(None, failures=["no_face_in_recording"])
    actor = Filmed(
        Handled(FilmedPhotograph(images, face), TILTING, chance.randrange(2**31), 0.5, is_recording=True),
        chance.randrange(2**31),
        _frame_ms(chance),
    )
    return folder.name, _session(studio, plan, portrait, TILTING, actor)


def _read(path: object) -> BgrImage:
    image = cv2.imread(str(path))
    if image is None:
        raise ValueError(f"{path} cannot be read")
    array = np.asarray(image, dtype=np.uint8)
    return fit(array, 640, 480)


# Recordings


def _tape(is_looped: bool, studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    """The clip as it stands, or a loop of everything it shows."""
    person = load(_turn(material.cut_performers, plan).file)
    assert person.cuts
    assert person.portrait
    if is_looped:
        tape = Tape(list(blind_recording(person.cuts)), person.cuts.frames_per_second)
    else:
        tape = Tape(person.tape, person.tape_rate, chance.randrange(len(person.tape)))
    actor = Filmed(tape, chance.randrange(2**31), _frame_ms(chance))
    return person.name, _session(studio, plan, person.portrait, person.cuts.kinds(), actor)


def _splices(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    """The right take at each prompt by a hard cut; every third time an order fixed before the draw."""
    person = load(_turn(material.cut_performers, plan).file)
    assert person.cuts
    assert person.portrait
    seed = chance.randrange(2**31)
    source: Source = FixedOrder(person.cuts, seed) if plan.number % 3 == 2 else Person(person.cuts, seed)
    actor = Filmed(source, chance.randrange(2**31), _frame_ms(chance))
    return person.name, _session(studio, plan, person.portrait, person.cuts.kinds(), actor)


def _swap(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    """The victim rests and gives the still; others show the movements."""
    able = [one for one in material.people if one.cut and not one.is_replay]
    performers = material.cut_performers
    listed = performers[plan.number % len(performers)]
    person = load(listed.file)
    others = [load(one.file).cuts for one in able if one.name != listed.name]
    known = [one for one in others if one is not None]
    assert person.cuts
    assert person.portrait
    source = Swapped(person.cuts, known, chance.randrange(2**31))
    actor = Filmed(source, chance.randrange(2**31), _frame_ms(chance))
    kinds = tuple(kind for kind in ChallengeKind if any(kind in one.movements for one in known))
    return person.name, _session(studio, plan, person.portrait, kinds, actor)


def _two(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    """A genuine performer, and somebody who comes into the picture."""
    listed = _turn(material.performers, plan)
    person = load(listed.file)
    assert person.performance
    assert person.portrait
    other = load(chance.choice([one for one in material.victims if one.name != listed.name]).file).portrait
    assert other
    source = TwoPeople(
        Person(person.performance, chance.randrange(2**31)),
        studio.face_of(person.performance.idle[0]),
        decode(other),
        studio.face_of(other),
    )
    actor = Filmed(source, chance.randrange(2**31), _frame_ms(chance))
    return person.name, _session(studio, plan, person.portrait, person.performance.kinds(), actor)


def _screen_replay(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    """A recording of a screen, each once: its takes at the prompts where it shows any, else as it stands."""
    person = load(material.replays[plan.number].file)
    assert person.portrait
    source: Source = Tape(person.tape, person.tape_rate)
    kinds: Sequence[ChallengeKind] = ()
    if person.cuts and person.cuts.movements:
        source, kinds = Person(person.cuts, chance.randrange(2**31)), tuple(person.cuts.movements)
    actor = Filmed(source, chance.randrange(2**31), _frame_ms(chance))
    return person.name, _session(studio, plan, person.portrait, kinds, actor)


# Without a camera


def _frozen(
    studio: Studio,
    material: Material,
    plan: Plan,
    chance: Chance,  # noqa: ARG001 (one shape for all)
) -> tuple[str, Played]:
    listed = material.victims[plan.number % len(material.victims)]
    portrait = load(listed.file).portrait
    assert portrait
    actor = Frozen(encode(decode(portrait), 80))
    return listed.name, _session(studio, plan, portrait, TILTING[:4], actor)


def _bot(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    person = load(_turn(material.performers, plan).file)
    assert person.performance
    assert person.portrait
    actor = Bot(person.performance, chance.randrange(2**31))
    return person.name, _session(studio, plan, person.portrait, person.performance.kinds(), actor)


def _replay(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    """A genuine session is passed and recorded; then its frames come again, for the same person.

    With the same draw in every other try, else redrawn; untouched, re-encoded or cropped by turns.
    """
    person = load(_turn(material.performers, plan).file)
    assert person.performance
    assert person.portrait
    caller = studio.organization()
    entity_id = studio.enrol(caller, person.portrait)
    avoid = person.performance.abilities_to_avoid()
    for _ in range(RECORDINGS_TRIED):
        genuine = Filmed(Person(person.performance, chance.randrange(2**31)), chance.randrange(2**31))
        first = play(studio, caller, entity_id, avoid, genuine, keeps_frames=True)
        if first.session is not None and first.session.status is SessionStatus.APPROVED:
            break
    else:
        return person.name, Played(None, failures=["no_genuine_session"])
    takes: dict[ChallengeKind | None, list[tuple[float, bytes]]] = {}
    seen: set[int | None] = set()
    for at_ms, index, data in first.sent:
        kind = None if index is None else first.asked[index]
        is_new = index not in seen and kind in takes
        if is_new and kind is not None:
            takes[kind] = []
        seen.add(index)
        takes.setdefault(kind, []).append((at_ms, data))
    if plan.number % 2 == 0:
        studio.draw.script = list(first.asked)
    actor = Replayed(takes, first.still, chance.randrange(2**31), ALTERATIONS[plan.number % 3])
    return person.name, play(studio, caller, entity_id, avoid, actor)


RECORDINGS_TRIED = 4


def _has_performers(material: Material) -> bool:
    return bool(material.performers)


def _has_cuts(material: Material) -> bool:
    return bool(material.cut_performers)


def _has_victims(material: Material) -> bool:
    return bool(material.victims)


def _of_print(name: str, kinds: Sequence[ChallengeKind], narrow: Sequence[ChallengeKind] | None = None) -> Species:
    shown = {"screen": "still_on_screen"}.get(name, name)
    return Species(shown, partial(_instrument, name, kinds, narrow), _has_victims)


_ALL = (
    Species("bona_fide", _bona_fide, _has_performers, is_bona_fide=True),
    _of_print("flat_print", (ChallengeKind.MOVE_CLOSER,), TILTING),
    _of_print("tilted_print", TILTING),
    _of_print("bent_print", TILTING),
    _of_print("cut_out", tuple(ChallengeKind), THROUGH_HOLES),
    _of_print("screen", (ChallengeKind.MOVE_CLOSER,), TILTING),
    Species("clip_replayed_blind", partial(_tape, False), _has_cuts),
    Species("looped_clip", partial(_tape, True), _has_cuts),
    Species("spliced_clips", _splices, _has_cuts),
    Species(
        "person_swapped",
        _swap,
        lambda material: _has_cuts(material) and sum(bool(one.cut) for one in material.people) > 1,
    ),
    Species("two_people", _two, lambda material: _has_performers(material) and len(material.victims) > 1),
    Species("frozen_frame", _frozen, _has_victims),
    Species("injected_bot", _bot, _has_performers),
    Species("replayed_session", _replay, _has_performers),
    Species("puppet", _puppet, _has_victims),
    Species(
        "nuaa_photographs",
        _photograph,
        lambda material: bool(material.prints),
        lambda material: len(material.prints),
    ),
    Species(
        "screen_replays",
        _screen_replay,
        lambda material: bool(material.replays),
        lambda material: len(material.replays),
    ),
)

SPECIES: Mapping[str, Species] = {one.name: one for one in _ALL}
