from __future__ import annotations

import threading

import numpy as np
import pytest

from app.domain.comparison import Calibration, FaceTemplate
from app.domain.errors import MatchingFailed, MatchingUnavailable
from app.domain.pair_scores import PairScores
from app.services.calibrate import (
    SCORES,
    Enrolment,
    PairSets,
    enrol,
    measure,
    recommend,
    score_pairs,
    table_thresholds,
)
from app.services.labelled_pairs import Identities, IdentitySource, LabelledPair, identities_of
from tests.fakes import FAKE_CALIBRATION, FakeMatchingCore, face_of

PICTURES = {
    f"{person}/{number}.jpg": f"{person}{number}".encode() for person in ("ann", "bob", "eve") for number in (1, 2)
}
PAIRS = (
    LabelledPair(2, "ann/1.jpg", "ann/2.jpg", is_mated=True),
    LabelledPair(3, "bob/1.jpg", "bob/2.jpg", is_mated=True),
    LabelledPair(4, "ann/1.jpg", "bob/1.jpg", is_mated=False),
)


def quiet(done: int, total: int) -> None:
    pass


def person_core() -> FakeMatchingCore:
    """Both pictures of a person have one template."""
    return FakeMatchingCore({data: face_of(path.partition("/")[0].encode()) for path, data in PICTURES.items()})


def enrolled(core: FakeMatchingCore) -> Enrolment:
    return enrol(core.create_template, PICTURES.__getitem__, sorted(PICTURES), 2, quiet)


def sets_of(enrolment: Enrolment, *, is_crossed: bool = False) -> PairSets:
    identities = identities_of(PAIRS)
    names = {path: path.partition("/")[0] for path in PICTURES}
    return score_pairs(
        PAIRS, Identities(identities.source, names), enrolment, sorted(PICTURES) if is_crossed else None
    )


def test_what_has_no_template_says_why_and_what_cannot_be_read_is_kept_apart() -> None:
    core = person_core()
    core.faces[PICTURES["ann/1.jpg"]] = None
    core.broken.add(PICTURES["ann/2.jpg"])

    def read(path: str) -> bytes:
        if path == "bob/1.jpg":
            raise FileNotFoundError(2, "No such file or directory")
        return PICTURES[path]

    found = enrol(core.create_template, read, sorted(PICTURES), 2, quiet)
    assert found.failures == {"ann/1.jpg": "No face was found.", "ann/2.jpg": "The image is broken."}
    assert found.missing == {"bob/1.jpg": "No such file or directory"}
    assert found.templates.keys() == {"bob/2.jpg", "eve/1.jpg", "eve/2.jpg"}


def test_a_face_that_cannot_be_described_failed_to_enrol() -> None:
    def refuse(_: bytes) -> FaceTemplate | None:
        raise MatchingFailed("The face could not be described.")

    found = enrol(refuse, PICTURES.__getitem__, ["ann/1.jpg"], 1, quiet)
    assert found.failures == {"ann/1.jpg": "The face could not be described."}


def test_pictures_are_worked_on_at_the_same_time_and_progress_is_told() -> None:
    together, told = threading.Barrier(2, timeout=30), []

    def wait_for_the_other(image: bytes) -> FaceTemplate | None:
        together.wait()
        return face_of(image)

    paths = sorted(PICTURES)
    enrol(wait_for_the_other, PICTURES.__getitem__, paths, 2, lambda done, total: told.append((done, total)))
    assert told == [(number, 6) for number in range(1, 7)]


def test_a_core_that_is_away_ends_the_work() -> None:
    core = person_core()
    core.is_away = True
    with pytest.raises(MatchingUnavailable):
        enrolled(core)


def test_cross_pairs_take_the_place_of_the_labelled_non_mated_ones() -> None:
    sets = sets_of(enrolled(person_core()), is_crossed=True)
    assert (len(sets.mated), len(sets.labelled), len(sets.non_mated)) == (2, 1, 12)
    assert sets.is_crossed
    assert not sets_of(enrolled(person_core())).is_crossed


def test_a_missing_picture_takes_its_pairs_away_and_a_failure_to_enrol_does_not() -> None:
    core = person_core()
    core.faces[PICTURES["bob/1.jpg"]] = None
    failed = enrolled(core)
    assert sets_of(failed).mated.without_template == 1
    missing = Enrolment(failed.templates, {}, {"bob/1.jpg": "gone"})
    sets = sets_of(missing, is_crossed=True)
    assert (len(sets.mated), len(sets.labelled), len(sets.non_mated)) == (1, 0, 8)


def test_cross_pairs_need_folders_that_are_people() -> None:
    with pytest.raises(ValueError, match="one folder a person"):
        score_pairs(PAIRS, Identities(IdentitySource.UNKNOWN, {}), enrolled(person_core()), sorted(PICTURES))


def test_one_kind_of_pair_alone_has_no_error_rates() -> None:
    enrolment, identities = enrolled(person_core()), identities_of(PAIRS)
    with pytest.raises(ValueError, match="no non-mated pair"):
        measure(score_pairs(PAIRS[:2], identities, enrolment, None), (), None)
    with pytest.raises(ValueError, match="no mated pair"):
        measure(score_pairs(PAIRS[2:], identities, enrolment, None), (), None)


def test_people_who_are_told_apart_have_no_errors() -> None:
    report = measure(
        sets_of(enrolled(person_core()), is_crossed=True), table_thresholds(FAKE_CALIBRATION), FAKE_CALIBRATION
    )
    at_default = next(row for row in report.rows if row.threshold.score == 30)
    assert (at_default.fmr.errors, at_default.fmr.trials, at_default.fnmr.errors) == (0, 12, 0)
    assert (at_default.accuracy, report.auc, report.equal_error_rate, report.best[0]) == (1, 1, 0, 1)


def test_without_labelled_impostors_accuracy_is_that_on_cross_pairs() -> None:
    identities = Identities(IdentitySource.FOLDERS, {path: path.partition("/")[0] for path in PICTURES})
    sets = score_pairs(PAIRS[:2], identities, enrolled(person_core()), sorted(PICTURES))
    report = measure(sets, table_thresholds(None), None)
    assert len(sets.labelled) == 0
    right = sum(cosine < 0 for cosine in sets.non_mated.cosines)
    assert report.rows[0].accuracy == (2 + right) / (2 + 12)
    assert report.best[0] == 1


def test_thresholds_stand_where_scores_begin() -> None:
    thresholds = table_thresholds(FAKE_CALIBRATION)
    assert [threshold.score for threshold in thresholds] == list(SCORES)
    assert all(FAKE_CALIBRATION.score(one.cosine).value >= (one.score or 0) for one in thresholds)
    assert all(threshold.score is None for threshold in table_thresholds(None))


def test_a_threshold_is_recommended_where_pairs_support_it() -> None:
    sets = many_pairs(10_000)
    found = recommend(sets, FAKE_CALIBRATION, 0.001)
    assert found.threshold is not None
    assert found.threshold.score is not None
    assert found.row is not None
    assert found.row.fmr.high <= 0.001
    assert found.threshold.score == round(found.threshold.score, 1)
    lower = FAKE_CALIBRATION.score(found.threshold.cosine).value - 0.1
    assert recommend(sets, linear_to(lower), 0.001).threshold != found.threshold


def test_too_few_pairs_are_called_too_few_with_the_number_it_takes() -> None:
    found = recommend(many_pairs(1_000), FAKE_CALIBRATION, 0.001)
    assert found.threshold is None
    assert found.reason is not None
    assert "1000 non-mated pairs are too few" in found.reason
    assert "at least 3838" in found.reason
    assert recommend(many_pairs(3_838), FAKE_CALIBRATION, 0.001).threshold is not None


def test_without_a_scale_a_cosine_is_recommended() -> None:
    found = recommend(many_pairs(10_000), None, 0.01)
    assert found.threshold is not None
    assert found.threshold.score is None
    assert 0.2 < found.threshold.cosine < 0.4


def many_pairs(count: int) -> PairSets:
    """People are not known; cosines of two people are spread by 0.1."""
    random = np.random.default_rng(1)
    non_mated = PairScores(np.clip(random.normal(0, 0.1, count), -1, 1))
    return PairSets(PairScores(np.full(50, 0.7)), non_mated, non_mated)


def linear_to(score: float) -> Calibration:
    return Calibration("linear", (-1.0, 0.0, 1.0), (0.0, score, 100.0))
