"""Attackers do what their species says: cut where nothing is sent, come back before the return, or send slowly."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from app.domain.challenge import Ability, ChallengeKind, kinds_left
from app.domain.liveness import LIMITS
from app.domain.session import SessionStatus
from app.simulation.camera import decode, encode
from app.simulation.clip_performer import cut_score
from app.simulation.performance import Performance
from bench.pad import people, recordings, species
from bench.pad.actors import PAUSE_MS, HiddenCuts, Paused, SwappedBack
from bench.pad.people import Listed
from bench.pad.session import Played
from bench.pad.species import SPECIES, UNTILTED
from bench.pad.trial import Material, Plan, avoid_all_but
from tests.faces import RESTING
from tests.simulation.clips import clip_of, movement_of, swaying

K = ChallengeKind
REST, OUT = 60, 120
VICTIM, OTHER = 0, 100
FPS = 20.0


def grey(level: int) -> bytes:
    return encode(np.full((48, 64, 3), level, dtype=np.uint8), 95)


def shows(picture: np.ndarray[Any, Any]) -> int:
    return round(float(picture.mean()))


def performance(who: int, kinds: Sequence[K] = (K.BLINK,), frames: int = 20) -> Performance:
    """Somebody who is so bright; at rest dark, and in a take brighter from frame to frame."""
    takes = {kind: [grey(who + REST + 1 + place) for place in range(frames)] for kind in kinds}
    return Performance("x", 64, 48, FPS, [grey(who + REST)] * 12, takes, grey(who), is_joined=False)


def chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 (reproducible on purpose)


def person(name: str, cuts: Performance, outward: int = 10) -> people.Person:
    return people.Person(
        name=name,
        is_replay=False,
        portrait=cuts.portrait,
        tape=cuts.idle,
        tape_rate=10.0,
        performance=cuts,
        cuts=cuts,
        meshes={},
        outward=dict.fromkeys(cuts.movements, outward),
    )


def listed(name: str, kinds: Sequence[K] = tuple(K), identity: str = "") -> Listed:
    able = tuple(kinds)
    return Listed(name, identity or name, Path(name), False, (64, 48), True, able, able, able, able)


MATERIAL = Material([listed("ann"), listed("bob")], [])


@pytest.fixture
def cast(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Ann and Bob; the actors of their sessions, which are not played."""
    actors: list[Any] = []
    known = {
        "ann": person("ann", performance(VICTIM, tuple(K))),
        "bob": person("bob", performance(OTHER, tuple(K))),
    }

    def keep(*arguments: object) -> Played:
        actors.append(arguments[-1])
        return Played(None)

    monkeypatch.setattr(recordings, "load", lambda file: known[file.name])
    monkeypatch.setattr(recordings, "session_of", keep)
    return actors


def tried(name: str, number: int = 0) -> None:
    plan = Plan(name, number, 1, is_narrow=True)
    SPECIES[name].run(None, MATERIAL, plan, chance(number))  # type: ignore[arg-type]


def test_the_new_species_stand_beside_the_old_ones() -> None:
    assert set(SPECIES) >= {"spliced_clips", "spliced_paused", "spliced_slow", "person_swapped", "swapped_back"}
    assert all(one.lack for one in SPECIES.values())


def test_a_swap_needs_somebody_else_who_is_no_recording_of_a_screen() -> None:
    replay = Listed("c", "c", Path("c"), True, (64, 48), True, (K.BLINK,), (K.BLINK,), (), ())
    for name in ("person_swapped", "swapped_back"):
        assert SPECIES[name].is_possible(MATERIAL)
        assert not SPECIES[name].is_possible(Material([listed("ann"), replay], []))


def test_another_clip_of_the_same_person_is_nobody_else() -> None:
    twice = Material([listed("ann"), listed("ann_again", identity="ann")], [])
    for name in ("person_swapped", "swapped_back", "two_people"):
        assert SPECIES[name].is_possible(MATERIAL)
        assert not SPECIES[name].is_possible(twice)


def test_nobody_gives_way_to_themselves(cast: list[Any]) -> None:
    material = Material([listed("ann"), listed("ann_again", identity="ann"), listed("bob")], [])
    for number in range(8):
        plan = Plan("person_swapped", 3 * number, 1, is_narrow=True)
        SPECIES["person_swapped"].run(None, material, plan, chance(number))  # type: ignore[arg-type]
    others = {other.idle[0] for actor in cast for other in actor.source._others}
    assert others == {performance(OTHER, tuple(K)).idle[0]}


def test_the_other_person_is_gone_before_the_movement_returns() -> None:
    other = performance(OTHER, frames=10)
    actor = SwappedBack(performance(VICTIM), [other], 1)
    assert shows(actor.picture(0.0)) < OTHER
    actor.ask(K.BLINK, 100.0)
    shown = [shows(actor.picture(float(at))) for at in range(100, 5_000, 50)]
    back = next(place for place, level in enumerate(shown) if level < OTHER)
    assert back > 350 / 50, "from the prompt on"
    assert shown[back - 1] - OTHER - REST == pytest.approx(10, abs=1), "to the last frame before the return"
    assert shown[back] == pytest.approx(VICTIM + REST, abs=1)


def test_who_comes_back_early_tries_again_where_it_was_not_accepted_and_not_after() -> None:
    actor = SwappedBack(performance(VICTIM), [performance(OTHER, frames=10)], 1)
    actor.picture(0.0)
    actor.ask(K.BLINK, 0.0)
    shown = [shows(actor.picture(float(at))) > OTHER for at in range(0, 8_000, 50)]
    assert sum(not before and now for before, now in itertools.pairwise(shown)) >= 1
    actor.rest(8_000.0)
    assert not any(shows(actor.picture(float(at))) > OTHER for at in range(8_000, 14_000, 50))


def test_takes_of_the_swap_end_where_the_movement_is_still_far() -> None:
    clip = clip_of([*swaying(30), *movement_of(K.TURN_LEFT), *swaying(30)])
    cut = cut_score(clip)
    count = people._outward(clip, cut)[K.TURN_LEFT]
    way = [step for step in cut.movements[K.TURN_LEFT] if isinstance(step, int)]
    faces = [face for face in (clip.frames[step].face for step in way) if face]
    yaws = [face.pose.yaw_degrees - RESTING.yaw for face in faces]
    assert min(yaws[count - 1], *yaws[10:count]) > LIMITS[K.TURN_LEFT].required - 1
    assert yaws[count] < LIMITS[K.TURN_LEFT].required + 1
    assert count < len(way)
    assert yaws.index(max(yaws)) < count, "past its apex"


def test_the_swap_uses_others_that_far_only_where_it_comes_back(cast: list[Any]) -> None:
    tried("person_swapped")
    tried("swapped_back")
    old, new = (actor.source for actor in cast)
    assert not isinstance(old, SwappedBack)
    assert isinstance(new, SwappedBack)
    assert [len(one._others[0].movements[K.BLINK]) for one in (old, new)] == [20, 10]


def test_a_cut_lies_where_nothing_is_sent_and_little_of_the_take_is_lost() -> None:
    for seed in range(10):
        actor = Paused(HiddenCuts(performance(VICTIM), seed), seed, 100.0)
        now_ms = 0.0
        for _ in range(5):
            now_ms += actor.wait_ms()
            assert shows(actor.source.picture(now_ms)) == REST
        actor.ask(K.BLINK, now_ms)
        gap = actor.wait_ms()
        assert PAUSE_MS[0] <= gap <= PAUSE_MS[1]
        first = shows(actor.source.picture(now_ms + gap)) - REST
        assert 0 <= first <= 0.5 * PAUSE_MS[1] / 1_000 * FPS + 1
        assert actor.wait_ms() < PAUSE_MS[0], "one pause for one prompt"


def test_the_next_prompt_cuts_the_take_off_in_the_same_pause() -> None:
    actor = Paused(HiddenCuts(performance(VICTIM, frames=60), 3), 3, 100.0)
    now_ms = 0.0
    actor.ask(K.BLINK, now_ms)
    for _ in range(12):
        now_ms += actor.wait_ms()
        before = shows(actor.source.picture(now_ms)) - REST
    assert before > 12
    actor.rest(now_ms)
    actor.ask(K.BLINK, now_ms)
    now_ms += actor.wait_ms()
    assert shows(actor.source.picture(now_ms)) - REST < 8


def test_an_alignment_has_one_such_pause_too() -> None:
    for seed in range(10):
        actor = Paused(HiddenCuts(performance(VICTIM), seed), seed, 100.0)
        actor.rest(0.0)
        waits = [actor.wait_ms() for _ in range(30)]
        assert sum(wait >= PAUSE_MS[0] for wait in waits) == 1
        assert max(waits) <= PAUSE_MS[1]
        assert max(waits[6:]) < PAUSE_MS[0]


def test_paused_and_slow_splices_are_what_they_are_called(cast: list[Any]) -> None:
    for number in range(12):
        tried("spliced_paused", number)
    assert all(isinstance(actor, Paused) and isinstance(actor.source, HiddenCuts) for actor in cast)
    cast.clear()
    for number in range(12):
        tried("spliced_slow", number)
    rates = [round(float(np.median([actor.wait_ms() for _ in range(400)])), -1) for actor in cast]
    assert set(rates) == {200.0, 240.0}


def test_a_screen_replay_without_a_still_is_not_played(monkeypatch: pytest.MonkeyPatch) -> None:
    blank = people.Person("b", True, None, [grey(1)], 10.0, None, None, {})
    monkeypatch.setattr(recordings, "load", lambda _: blank)
    plan = Plan("screen_replays", 0, 1, is_narrow=False)
    material = Material([Listed("b", "b", Path("b"), True, (64, 48), False, (), (), (), ())], [])
    name, played = SPECIES["screen_replays"].run(None, material, plan, chance(1))  # type: ignore[arg-type]
    assert (name, played.failures) == ("b", ["no_still"])


def test_puppets_are_narrowed_to_each_draw_equally_often(monkeypatch: pytest.MonkeyPatch) -> None:
    narrowed: Counter[frozenset[str]] = Counter()

    def keep(*arguments: Any) -> tuple[str, Played]:
        narrowed[frozenset(avoid_all_but(arguments[2]))] += 1
        return "ann", Played(None)

    monkeypatch.setattr(species, "_instrument", keep)
    for number in range(24):
        plan = Plan("puppet", number, 1, is_narrow=number % 2 == 1)
        SPECIES["puppet"].run(None, Material([], []), plan, chance(1))  # type: ignore[arg-type]
    assert set(narrowed.values()) == {8}
    assert narrowed[frozenset({"look", "smile"})] == 8


def test_who_avoids_looks_and_smiles_is_asked_five_kinds() -> None:
    left = kinds_left(Ability(name) for name in avoid_all_but(UNTILTED))
    assert left == UNTILTED
    assert len(left) == 5


def replayed(number: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[K]]:
    """The actor of the second session, and the draw that is wished for."""
    asked = [K.TURN_LEFT, K.BLINK]
    sent = [(0.0, None, grey(10)), (100.0, 0, grey(20)), (200.0, 1, grey(30))]
    approved = SimpleNamespace(status=SessionStatus.APPROVED)
    first = Played(approved, asked=asked, sent=sent, still=grey(40))  # type: ignore[arg-type]
    actors: list[Any] = []

    def play(*arguments: object, **_: object) -> Played:
        actors.append(arguments[-1])
        return first

    draw = SimpleNamespace(script=[])
    studio = SimpleNamespace(draw=draw, organization=lambda: None, enrol=lambda *_: "id")
    monkeypatch.setattr(species, "play", play)
    monkeypatch.setattr(species, "load", lambda _: person("ann", performance(VICTIM, tuple(K))))
    plan = Plan("replayed_session", number, 1, is_narrow=False)
    SPECIES["replayed_session"].run(studio, MATERIAL, plan, chance(1))  # type: ignore[arg-type]
    return actors[-1], draw.script


def test_mirrored_frames_answer_the_other_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    actor, script = replayed(6, monkeypatch)
    assert script == [K.TURN_RIGHT, K.BLINK]
    for kind, level in ((K.TURN_RIGHT, 20), (K.BLINK, 30)):
        actor.ask(kind, 0.0)
        assert shows(decode(actor.frame(0.0))) == pytest.approx(level, abs=1)
    actor, script = replayed(0, monkeypatch)
    assert script == [K.TURN_LEFT, K.BLINK]


def test_each_alteration_comes_as_often_with_either_draw(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pairs = [(actor._alteration, bool(script)) for actor, script in (replayed(i, monkeypatch) for i in range(16))]
    assert set(Counter(pairs).values()) == {2}
    assert len(set(pairs)) == 8
