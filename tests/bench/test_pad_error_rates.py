"""The bench counts as ISO/IEC 30107-3 does, and its sessions are the server's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.challenge import Ability, ChallengeKind, kinds_left
from app.domain.error_rates import wilson
from bench.pad.people import clips_of, load, prepare
from bench.pad.report import det_curves, line_of, report_on
from bench.pad.sources import altered
from bench.pad.species import SPECIES, TILTING
from bench.pad.studio import Studio, bench_settings
from bench.pad.trial import IN_REVIEW, Material, Plan, Result, avoid_all_but, perform
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


def test_screen_replays_are_told_by_the_layout(tmp_path: Path) -> None:
    for name in (
        "video/dev/ann.mp4",
        "spoof/replay_video/dev/ann_real.mp4",
        "spoof/replay_video/dev/ann_replay.mp4",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert {path.stem: is_replay for path, is_replay in clips_of(tmp_path)} == {
        "ann": False,
        "ann_real": False,
        "ann_replay": True,
    }


def test_sessions_of_the_bench_are_the_servers_own(tmp_path: Path) -> None:
    """One frozen frame of a real person: three attempts, all refused, one decision in the store."""
    clip = shared_path("media", "video", "dev", "alp_d1.mp4")
    listed = prepare(bench_settings(tmp_path), clip, False, tmp_path)
    assert listed is not None
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
