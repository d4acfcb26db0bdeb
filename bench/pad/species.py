"""All species of the bench, by name: bona fide presentations and presentation attacks."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import partial

import cv2
import numpy as np

from app.domain.challenge import ChallengeKind
from app.domain.face import BgrImage
from app.domain.session import SessionStatus
from app.simulation.camera import decode, encode
from app.simulation.clips import fit
from app.simulation.scene import Filmed, Frozen, Person
from bench.pad.actors import Handled
from bench.pad.instruments import INSTRUMENTS, Print, PuppetOnScreen
from bench.pad.people import load, pictures_of
from bench.pad.recordings import (
    blind_tape,
    looped_tape,
    paused_splices,
    screen_replay,
    slow_splices,
    splices,
    swap,
    swap_and_back,
    two_people,
)
from bench.pad.session import Played, play
from bench.pad.sources import Bot, DrivenPuppet, FilmedPhotograph, OnScreen, Replayed, centred
from bench.pad.studio import Studio
from bench.pad.trial import Material, Plan, Species, frame_ms, session_of, turn

TILTING = (
    ChallengeKind.TURN_LEFT,
    ChallengeKind.TURN_RIGHT,
    ChallengeKind.LOOK_UP,
    ChallengeKind.LOOK_DOWN,
    ChallengeKind.MOVE_CLOSER,
)
"""What can be tried with a picture that is tilted and brought closer."""

THROUGH_HOLES = (ChallengeKind.BLINK, ChallengeKind.SMILE, ChallengeKind.OPEN_MOUTH, ChallengeKind.MOVE_CLOSER)
UNTILTED = (
    ChallengeKind.TURN_LEFT,
    ChallengeKind.TURN_RIGHT,
    ChallengeKind.BLINK,
    ChallengeKind.OPEN_MOUTH,
    ChallengeKind.MOVE_CLOSER,
)
"""What is left to somebody who avoids looks and smiles, in which new skin shows best."""

PUPPET_DRAWS = (UNTILTED, TILTING, THROUGH_HOLES)
ALTERATIONS = ("same", "re-encoded", "cropped", "mirrored")
SIZES = ((480, 640), (640, 480))
RECORDING_MAX = 240
"""Pictures of a recording that are used: each stands so long that no session sees more."""

Chance = random.Random


# People


def _bona_fide(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    """One person's clip; the draw is always narrowed to what it shows."""
    person = load(turn(material.performers, plan).file)
    assert person.performance
    assert person.portrait
    actor = Filmed(Person(person.performance, chance.randrange(2**31)), chance.randrange(2**31), frame_ms(chance))
    caller = studio.organization()
    entity_id = studio.enrol(caller, person.portrait)
    return person.name, play(studio, caller, entity_id, person.performance.abilities_to_avoid(), actor)


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
    actor = Filmed(source, chance.randrange(2**31), frame_ms(chance))
    return listed.name, session_of(studio, plan, portrait, narrow or kinds, actor)


def _puppet(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    """By a program's angles, or by the landmarks of a clip of somebody else, in turns."""
    drivers = [one for one in material.cut_performers if one.cut]
    if plan.number // 2 % 2 == 0 or not drivers:
        kinds = PUPPET_DRAWS[plan.number // 4 % len(PUPPET_DRAWS)]
        return _instrument("puppet", tuple(ChallengeKind), kinds, studio, material, plan, chance)
    listed = material.victims[plan.number % len(material.victims)]
    driver, portrait = load(chance.choice(drivers).file), load(listed.file).portrait
    assert portrait
    assert driver.cuts
    face = studio.face_of(portrait)
    puppet = PuppetOnScreen(decode(portrait), face.landmarks, chance.choice(SIZES))
    source = DrivenPuppet(puppet, driver.meshes, chance.randrange(2**31), driver.cuts.frames_per_second)
    actor = Filmed(source, chance.randrange(2**31), frame_ms(chance))
    return listed.name, session_of(studio, plan, portrait, driver.cuts.kinds(), actor)


def _photograph(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    """A recording of a printed photograph, each once; its own first frame is the reference."""
    folder = material.prints[plan.number]
    images = [_read(path) for path in pictures_of(folder)[:RECORDING_MAX]]
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
        frame_ms(chance),
    )
    return folder.name, session_of(studio, plan, portrait, TILTING, actor)


def _read(path: object) -> BgrImage:
    image = cv2.imread(str(path))
    if image is None:
        raise ValueError(f"{path} cannot be read")
    array = np.asarray(image, dtype=np.uint8)
    return fit(array, 640, 480)


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
    return listed.name, session_of(studio, plan, portrait, TILTING[:4], actor)


def _bot(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    person = load(turn(material.performers, plan).file)
    assert person.performance
    assert person.portrait
    actor = Bot(person.performance, chance.randrange(2**31))
    return person.name, session_of(studio, plan, person.portrait, person.performance.kinds(), actor)


def _replay(studio: Studio, material: Material, plan: Plan, chance: Chance) -> tuple[str, Played]:
    """A genuine session is passed and recorded; then its frames come again, for the same person.

    With the same draw in every other try, else redrawn; untouched, re-encoded, cropped or mirrored by turns.
    """
    person = load(turn(material.performers, plan).file)
    assert person.performance
    assert person.portrait
    avoid = person.performance.abilities_to_avoid()
    for _ in range(RECORDINGS_TRIED):
        # Another organization each time: the ledger would know the clip's frames again.
        caller = studio.organization()
        entity_id = studio.enrol(caller, person.portrait)
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
    alteration = ALTERATIONS[plan.number // 2 % len(ALTERATIONS)]
    shown = MIRRORED if alteration == "mirrored" else {}
    if plan.number % 2 == 0:
        studio.draw.script = [shown.get(kind, kind) for kind in first.asked]
    answers = {kind and shown.get(kind, kind): take for kind, take in takes.items()}
    actor = Replayed(answers, first.still, chance.randrange(2**31), alteration)
    return person.name, play(studio, caller, entity_id, avoid, actor)


RECORDINGS_TRIED = 4
MIRRORED = {
    ChallengeKind.TURN_LEFT: ChallengeKind.TURN_RIGHT,
    ChallengeKind.TURN_RIGHT: ChallengeKind.TURN_LEFT,
}
"""What a movement becomes where left and right are exchanged."""


def _has_performers(material: Material) -> bool:
    return bool(material.performers)


def _has_cuts(material: Material) -> bool:
    return bool(material.cut_performers)


def _has_others(material: Material) -> bool:
    able = {one.identity for one in material.people if one.cut and not one.is_replay}
    return _has_cuts(material) and len(able) > 1


def _has_victims(material: Material) -> bool:
    return bool(material.victims)


NO_PERFORMER = "nobody shows four kinds without a jump"
NO_CUTS = "nobody shows four kinds, not even by cuts"
NO_OTHERS = f"{NO_CUTS}, or there is nobody else who shows any"
NO_VICTIM = "there is no good still of anybody"


def _of_print(name: str, kinds: Sequence[ChallengeKind], narrow: Sequence[ChallengeKind] | None = None) -> Species:
    shown = {"screen": "still_on_screen"}.get(name, name)
    return Species(shown, partial(_instrument, name, kinds, narrow), _has_victims, NO_VICTIM)


_ALL = (
    Species("bona_fide", _bona_fide, _has_performers, NO_PERFORMER, is_bona_fide=True),
    _of_print("flat_print", (ChallengeKind.MOVE_CLOSER,), TILTING),
    _of_print("tilted_print", TILTING),
    _of_print("bent_print", TILTING),
    _of_print("cut_out", tuple(ChallengeKind), THROUGH_HOLES),
    _of_print("screen", (ChallengeKind.MOVE_CLOSER,), TILTING),
    Species("clip_replayed_blind", blind_tape, _has_cuts, NO_CUTS),
    Species("looped_clip", looped_tape, _has_cuts, NO_CUTS),
    Species("spliced_clips", splices, _has_cuts, NO_CUTS),
    Species("spliced_paused", paused_splices, _has_cuts, NO_CUTS),
    Species("spliced_slow", slow_splices, _has_cuts, NO_CUTS),
    Species("person_swapped", swap, _has_others, NO_OTHERS),
    Species("swapped_back", swap_and_back, _has_others, NO_OTHERS),
    Species(
        "two_people",
        two_people,
        lambda material: _has_performers(material) and len({one.identity for one in material.victims}) > 1,
        f"{NO_PERFORMER}, or there is no good still of anybody else",
    ),
    Species("frozen_frame", _frozen, _has_victims, NO_VICTIM),
    Species("injected_bot", _bot, _has_performers, NO_PERFORMER),
    Species("replayed_session", _replay, _has_performers, NO_PERFORMER),
    Species("puppet", _puppet, _has_victims, NO_VICTIM),
    Species(
        "nuaa_photographs",
        _photograph,
        lambda material: bool(material.prints),
        "there are no recordings of printed photographs",
        lambda material: len(material.prints),
    ),
    Species(
        "screen_replays",
        screen_replay,
        lambda material: bool(material.replays),
        "there are no clips of screens",
        lambda material: len(material.replays),
    ),
)

SPECIES: Mapping[str, Species] = {one.name: one for one in _ALL}
