"""`bonafide session explain`: a page that says why, and nothing that it must not show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from app.adapters.db.unit_of_work import SqlStore
from app.cli import cli
from app.cli.explanation import REVIEW_REASONS, attempt_parts, detector_lines, render
from app.cli.explanation_plot import WIDTH, plots_of, x_of
from app.config import Settings
from app.dev_secrets import make_dev_secrets
from app.domain.challenge import ChallengeKind
from app.domain.detector_evidence import Detector, DetectorEvidence
from app.domain.policy import MIN_PASSIVE_SCORE_CARRIED
from app.domain.verdict import AttemptFailure, ChallengeOutcome, PassivePadEvidence, ReviewReason
from app.domain.watch import Prompt, Trace, TracePoint
from app.main import open_infrastructure, prepare_store
from app.services.explain_session import Explanation
from tests import builders
from tests.builders import Builder, add_organization
from tests.domain.evidence import judged
from tests.fakes import EPOCH, SeededRandomness

FAILED = DetectorEvidence(Detector.SHAPE, 12.0, "moves_like_a_plane", {"residual_ratio": 0.01})


def trace(*, seconds: int = 20) -> Trace:
    """Ten frames a second; the face is away in the fifth second."""
    points = []
    for number in range(seconds * 10):
        seen = None if 40 <= number < 60 else float(number % 20)
        points.append(TracePoint(number * 100, None, seen, seen, seen, 0.1, 0.2, 0.0, 1.0, 120.0))
    return Trace(tuple(points), (Prompt(0, ChallengeKind.TURN_LEFT, 1_500), Prompt(1, ChallengeKind.SMILE, 9_000)))


def explanation(*detectors: DetectorEvidence, traces: tuple[Trace, ...] = ()) -> Explanation:
    decision = builders.decision()
    assert decision.liveness is not None
    decision = replace(decision, liveness=replace(decision.liveness, detectors=detectors))
    build = Builder(SeededRandomness())
    session, _ = build.session(build.entity(build.organization()))
    return Explanation(replace(session, decision=decision), decision, traces)


def test_every_detector_is_shown_with_its_reason_and_what_it_measured() -> None:
    page = render(explanation(FAILED, DetectorEvidence(Detector.TRACK, None, "too_few_frames")))
    assert "moves like a plane" in page
    assert "residual ratio 0.01" in page
    assert page.index("moves like a plane") < page.index("too few frames")
    assert re.search(r'class="standing attack">attack<', page)
    assert re.search(r'class="standing not measured">not measured<', page)


def test_the_plots_carry_the_prompts() -> None:
    page = render(explanation(traces=(trace(), trace(seconds=5))))
    assert page.count("<svg") == 6
    assert "Attempt 1" in page
    assert "Attempt 2" in page
    assert page.count("turn left:") == 6
    for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(svg)  # noqa: S314 (our own)


def pairing(
    asked: list[tuple[ChallengeKind, ChallengeOutcome]], shown: list[int], *, has_ids: bool
) -> list[tuple[str, str]]:
    """Label and outcome of the marks, where only these of the challenges saw a frame."""
    first = explanation(traces=())
    assert first.decision is not None
    assert first.decision.liveness is not None
    (one,) = first.decision.liveness.challenges
    ids = [f"id-{number}" if has_ids else None for number in range(len(asked))]
    challenges = tuple(
        replace(one, kind=kind, outcome=outcome, challenge_id=challenge_id)
        for (kind, outcome), challenge_id in zip(asked, ids, strict=True)
    )
    prompts = tuple(Prompt(number, asked[number][0], 500 * number, ids[number]) for number in shown)
    liveness = replace(first.decision.liveness, challenges=challenges)
    traces = (Trace(trace().points, prompts[:1]), Trace(trace().points, prompts[1:]))
    whole = replace(first, decision=replace(first.decision, liveness=liveness), traces=traces)
    return [(mark.label, mark.outcome) for part in attempt_parts(whole) for mark in part.marks]


SITTING = [
    (ChallengeKind.BLINK, ChallengeOutcome.PASSED),
    (ChallengeKind.SMILE, ChallengeOutcome.SWAPPED),
    (ChallengeKind.BLINK, ChallengeOutcome.TIMED_OUT),
    (ChallengeKind.LOOK_UP, ChallengeOutcome.INTERRUPTED),
    (ChallengeKind.TURN_LEFT, ChallengeOutcome.PASSED),
]


def test_prompts_are_paired_by_what_they_are_and_not_by_their_order() -> None:
    """Challenges that were swapped or interrupted before a frame came have no mark, and shift none."""
    assert pairing(SITTING, [0, 2, 4], has_ids=True) == [
        ("blink", "passed"),
        ("blink", "timed out"),
        ("turn left", "passed"),
    ]


def test_a_prompt_without_evidence_was_interrupted() -> None:
    assert pairing(SITTING[:1], [0], has_ids=True) == [("blink", "passed")]
    plain = explanation(traces=(Trace(trace().points, (Prompt(0, ChallengeKind.TURN_LEFT, 900, "another"),)),))
    assert [mark.outcome for part in attempt_parts(plain) for mark in part.marks] == ["interrupted"]


def test_prompts_without_ids_are_paired_by_their_order() -> None:
    assert pairing(SITTING, [0, 1, 2, 3, 4], has_ids=False) == [
        ("blink", "passed"),
        ("smile", "swapped"),
        ("blink", "timed out"),
        ("look up", "interrupted"),
        ("turn left", "passed"),
    ]


def test_a_line_breaks_where_there_was_no_face() -> None:
    (head, *_) = plots_of(trace())
    yaw = head.lines[0].path
    assert yaw.count("M") == 2
    assert len(re.findall("[ML]", yaw)) == 180


def test_time_runs_from_edge_to_edge() -> None:
    shown = trace()
    assert (x_of(shown, 0), x_of(shown, shown.points[-1].at_ms)) == (0, WIDTH)


@pytest.mark.parametrize("shown", [Trace((), ()), Trace(trace().points[:1], ()), Trace(trace().points[40:60], ())])
def test_next_to_nothing_can_be_plotted_too(shown: Trace) -> None:
    assert "<svg" in render(explanation(traces=(shown,)))


def test_what_a_client_sent_is_text_and_no_markup() -> None:
    plain = explanation()
    page = render(replace(plain, session=replace(plain.session, rejection_message="<script>alert(1)</script>")))
    assert "<script" not in page


def test_a_session_without_evidence_says_so() -> None:
    plain = explanation()
    assert "nothing was captured" in render(replace(plain, decision=None))


def test_what_was_measured_is_shown_of_a_session_that_ended_without_a_verdict() -> None:
    page = render(replace(explanation(traces=(trace(),)), decision=None))
    assert "ended before a capture was whole" in page
    assert "<h3>Attempt 1</h3>" in page


def test_a_review_says_what_a_person_has_to_look_at() -> None:
    plain = explanation()
    assert plain.decision
    reviewed = replace(plain.decision, review_reasons=(ReviewReason.CUTS_COULD_HIDE, ReviewReason.SKIN_UNSEEN))
    assert re.search(r"Left to a person: .*joined recordings.*; .*skin", render(replace(plain, decision=reviewed)))
    assert set(REVIEW_REASONS) == set(ReviewReason)


def test_attempts_that_failed_before_anything_was_asked_are_told() -> None:
    plain = explanation()
    assert plain.decision
    failures = (AttemptFailure(1, EPOCH, "not_aligned", False), AttemptFailure(1, EPOCH, "timed_out", True))
    page = render(replace(plain, decision=replace(plain.decision, failures=failures)))
    assert re.search(r"Attempt 1 failed at \S+: not aligned, which cost none\.", page)
    assert re.search(r"Attempt 1 failed at \S+: timed out\.", page)


def test_one_network_that_others_outweigh_is_not_called_an_attack() -> None:
    """In the standard profile SHAPE and TEXTURE carry what a single network doubts."""
    sure = [DetectorEvidence(one, 90.0, "as_people_do") for one in (Detector.SHAPE, Detector.TEXTURE)]
    liveness = judged(passive=PassivePadEvidence(17.0, 8, ("fr_liveness",)), detectors=sure)
    passive = next(line for line in detector_lines(liveness) if line.name == "passive detectors")
    assert (passive.standing, passive.limit) == ("passed", MIN_PASSIVE_SCORE_CARRIED)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlStore]:
    """That of a development server."""
    monkeypatch.setenv("BONAFIDE_DATA_DIR", str(tmp_path))
    for name in ("DATABASE_URL", "SECRET_KEYS", "MASTER_KEYS", "SIGNING_KEYS"):
        monkeypatch.delenv(f"BONAFIDE_{name}", raising=False)
    make_dev_secrets(tmp_path)
    settings = Settings.from_env({"BONAFIDE_DATA_DIR": str(tmp_path)})
    prepare_store(settings)
    store = open_infrastructure(settings).store
    yield store
    store.close()


def test_the_command_writes_the_page_and_the_audit_trail_says_who_looked(store: SqlStore, tmp_path: Path) -> None:
    build = Builder(SeededRandomness())
    organization = add_organization(store, build.organization())
    entity = build.entity(organization)
    session, hosted = build.session(entity)
    with store.begin() as uow:
        uow.entities.add(entity)
        uow.sessions.add(session, hosted)
        uow.commit()
    out = tmp_path / "why.html"
    result = CliRunner().invoke(cli, ["session", "explain", session.session_id, "--out", str(out)])
    assert (result.exit_code, result.stdout.strip()) == (0, str(out)), result.output
    assert session.session_id in out.read_text(encoding="utf-8")
    with store.read() as uow:
        actions = [entry.action for entry in uow.audit.of_organization(organization.organization_id)]
    assert actions == ["biometric_session.explained"]


@pytest.mark.usefixtures("store")
def test_an_unknown_session_is_named_as_such() -> None:
    result = CliRunner().invoke(cli, ["session", "explain", "019a0000-0000-7000-8000-000000000000"])
    assert result.exit_code == 1
    assert "No such session." in result.output
