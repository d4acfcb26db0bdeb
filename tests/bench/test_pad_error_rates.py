"""The bench counts as ISO/IEC 30107-3 does, and its sessions are the server's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.domain.challenge import Ability, ChallengeKind, kinds_left
from app.domain.error_rates import wilson
from app.domain.errors import InvalidRequest
from app.domain.verdict import ModelIdentity
from app.simulation.camera import decode
from bench.pad.people import Clip, Listed, clips_of, load, prepare
from bench.pad.report import det_curves, line_of, models_lines, report_on
from bench.pad.sources import altered
from bench.pad.species import SPECIES, TILTING
from bench.pad.studio import Studio, bench_settings
from bench.pad.trial import IN_REVIEW, Material, Plan, Result, avoid_all_but, failed, perform
from tests.portrait import close_up, jpeg
from tests.shared_media import shared_path

REFUSED = Result("x", 0, "ann", False, "rejected", ("passive",), 0.0)
APPROVED = replace(REFUSED, status="approved", stopped_by=(), score=80.0)


def test_attack_counts_as_an_error_where_it_was_approved() -> None:
    tries = [APPROVED, REFUSED, REFUSED, replace(REFUSED, person="bob", is_narrow=True)]
    found = report_on("x", tries, is_bona_fide=False)
    assert (found.tries, found.people, found.errors) == (4, 2, 1)
    assert (found.low, found.high) == wilson(1, 4)
    assert found.stopped_by == {"passive": 3}
    assert "APCER 25.0 %" in line_of(found)


def test_bona_fide_presentation_counts_as_an_error_where_it_was_not_approved() -> None:
    tries = [APPROVED, REFUSED, replace(REFUSED, status=IN_REVIEW)]
    found = report_on("x", tries, is_bona_fide=True)
    assert (found.errors, found.in_review) == (2, 1)
    assert "BPCER 66.7 %" in line_of(found)


def test_review_of_an_attack_is_no_acceptance() -> None:
    found = report_on("x", [replace(REFUSED, status=IN_REVIEW)], is_bona_fide=False)
    assert (found.errors, found.in_review) == (0, 1)


def test_what_could_not_be_played_counts_nowhere() -> None:
    missing = replace(REFUSED, status="unfinished", stopped_by=("no_genuine_session",))
    found = report_on("x", [REFUSED, missing], is_bona_fide=False)
    assert (found.tries, found.not_played, found.errors) == (1, 1, 0)
    assert "not measured" in line_of(report_on("x", [missing], is_bona_fide=False))


def test_a_try_that_went_wrong_counts_nowhere_and_is_named() -> None:
    wrong = failed(Plan("x", 3, 1, is_narrow=True), InvalidRequest("two large faces"))
    assert (wrong.status, wrong.stopped_by, wrong.message) == (
        "error",
        ("InvalidRequest",),
        "InvalidRequest: two large faces",
    )
    missing = replace(REFUSED, status="unfinished", stopped_by=("no_still",))
    found = report_on("x", [REFUSED, wrong, missing], is_bona_fide=False)
    assert (found.tries, found.people, found.not_played) == (1, 1, 2)
    assert found.not_played_by == {"InvalidRequest": 1, "no_still": 1}
    assert found.stopped_by == {"passive": 1}
    assert "2 not played: InvalidRequest 1, no_still 1" in line_of(found)
    assert "not measured (1 not played: InvalidRequest 1)" in line_of(report_on("x", [wrong], is_bona_fide=False))


def test_what_is_not_possible_or_has_not_begun_has_its_line_too() -> None:
    lack = report_on("x", [], is_bona_fide=False, not_possible="nobody shows four kinds")
    assert line_of(lack).split(maxsplit=1) == ["x", "not possible: nobody shows four kinds"]
    assert "not measured (none has ended)" in line_of(report_on("x", [], is_bona_fide=False))


def test_tries_of_the_same_people_make_the_interval_wider_and_never_narrower() -> None:
    """Ann is refused every time, Bob never: of other people nothing is known."""
    one_by_one = [replace(REFUSED, number=number, person="ann") for number in range(20)]
    one_by_one += [replace(APPROVED, number=number, person="bob") for number in range(20)]
    found = report_on("x", one_by_one, is_bona_fide=False)
    assert (found.low, found.high) == wilson(20, 40)
    assert (found.people_low, found.people_high) == (0.0, 1.0)
    assert "[35.2–64.8], over people [0.0–100.0]" in line_of(found)
    none = report_on("x", [replace(one, status="rejected") for one in one_by_one], is_bona_fide=False)
    assert (none.people_low, none.people_high) == wilson(0, 40)


def test_of_one_person_nothing_is_said_of_people() -> None:
    found = report_on("x", [APPROVED, REFUSED], is_bona_fide=False)
    assert (found.people_low, found.people_high) == (None, None)
    assert "over people" not in line_of(found)


def test_models_are_named_and_the_profile_that_a_server_would_not_start_with() -> None:
    models = [ModelIdentity("fr_liveness", "ab" * 32), ModelIdentity("minifasnet_v2", None)]
    (line,) = models_lines(models, ["minifasnet_v2 (missing)"], "standard")
    assert line == "models: fr_liveness abababababab; without minifasnet_v2 (missing)"
    lines = models_lines(models, ["minifasnet_v2 (missing)"], "strict")
    assert len(lines) == 2
    assert "does not start with the profile strict without minifasnet_v2 (missing)" in lines[1]
    assert len(models_lines(models[:1], [], "strict")) == 1


def test_what_was_not_played_has_no_place_in_the_det_plot() -> None:
    wrong = failed(Plan("x", 3, 1, is_narrow=True), ValueError("no"))
    curves = det_curves({"bona_fide": [APPROVED, wrong], "x": [REFUSED, wrong], "y": [wrong]}, "bona_fide")
    assert [(curve.name, curve.marked[:2] if curve.marked else None) for curve in curves] == [("x", (0.0, 0.0))]


def test_det_curve_falls_as_the_limit_rises() -> None:
    attacks = [replace(REFUSED, score=score) for score in (0.0, 20.0, 60.0)]
    genuine = [replace(APPROVED, score=score) for score in (50.0, 70.0, 90.0)]
    (curve,) = det_curves({"bona_fide": genuine, "x": attacks}, "bona_fide")
    apcer, bpcer = ([point[axis] for point in curve.points] for axis in (0, 1))
    assert apcer == sorted(apcer, reverse=True)
    assert bpcer == sorted(bpcer)
    assert curve.points[0] == (1.0, 0.0)
    assert curve.points[-1] == (0.0, 1.0)


@pytest.mark.parametrize("kinds", [TILTING, (ChallengeKind.BLINK,), (ChallengeKind.SMILE, ChallengeKind.LOOK_UP)])
def test_narrowed_draw_has_what_the_attack_can_do_and_at_least_four_kinds(
    kinds: tuple[ChallengeKind, ...],
) -> None:
    left = kinds_left(Ability(name) for name in avoid_all_but(kinds))
    assert set(kinds) <= set(left)
    assert 4 <= len(left) <= 6


def test_altered_frames_are_near_copies() -> None:
    data = jpeg(close_up())
    assert altered(data, "same") == data
    assert len({data, altered(data, "re-encoded"), altered(data, "cropped")}) == 3


def test_mirrored_frames_are_the_same_from_left_to_right() -> None:
    """But for what the JPEG makes of it."""
    data = jpeg(close_up())
    flipped = decode(altered(data, "mirrored"))[:, ::-1].astype(float)
    assert np.abs(flipped - decode(data)).mean() < 3 < np.abs(flipped[:, ::-1] - decode(data)).mean()


def test_screen_replays_are_told_by_the_layout(tmp_path: Path) -> None:
    for name in (
        "video/dev/ann.mp4",
        "spoof/replay_video/dev/ann_real.mp4",
        "spoof/replay_video/dev/ann_replay.mp4",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert {clip.name: clip.is_replay for clip in clips_of(tmp_path)} == {
        "ann": False,
        "ann_real": False,
        "ann_replay": True,
    }


def test_sessions_of_the_bench_are_the_servers_own(tmp_path: Path) -> None:
    """One frozen frame of a real person: three attempts, all refused, one decision in the store."""
    clip = shared_path("media", "video", "dev", "alp_d1.mp4")
    one = Clip(clip, "video/dev/alp_d1.mp4", clip.stem, is_replay=False, identity="alp1")
    listed = prepare(bench_settings(tmp_path), tmp_path, one)
    assert isinstance(listed, Listed)
    assert listed.has_portrait
    assert not listed.is_performer
    assert load(listed.file).portrait
    studio = Studio("standard")
    try:
        material = Material([listed], [])
        result = perform(studio, material, SPECIES["frozen_frame"], Plan("frozen_frame", 0, 1, is_narrow=True))
    finally:
        studio.close()
    assert (result.status, result.person) == ("rejected", "alp_d1")
    assert len(result.failures) == 3
    assert result.stopped_by
    assert result.refusals == ()
    assert not SPECIES["bona_fide"].is_possible(material)
