"""The page that `bonafide session explain` writes: one file, no script, nothing fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from app.cli.explanation_plot import HEIGHT, WIDTH, Plot, Tick, plots_of, seconds, x_of
from app.domain.detector_evidence import DetectorEvidence
from app.domain.fusion import Standing, limit_of, standing
from app.domain.moment import iso
from app.domain.policy import MIN_CONTINUITY_SCORE, least_passive_score
from app.domain.verdict import ChallengeEvidence, ChallengeOutcome, Decision, LivenessEvidence, ReviewReason
from app.domain.watch import Prompt, Trace
from app.services.explain_session import Explanation

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
STANDINGS = {
    Standing.PASSED: "passed",
    Standing.WARNED: "doubtful",
    Standing.FAILED: "attack",
    Standing.NOT_MEASURED: "not measured",
}
REVIEW_REASONS = {
    ReviewReason.FEW_MOVEMENTS: "fewer than four kinds of movement were left to ask for",
    ReviewReason.LIGHT_UNANSWERED: "no answer to the coloured light was seen",
    ReviewReason.CUTS_COULD_HIDE: "frames came so that joined recordings would not have been seen",
    ReviewReason.SKIN_UNSEEN: "nothing was seen to move that skin can be told from a mask by",
    ReviewReason.CONTINUITY_NOT_MEASURED: "whether it was one face throughout was not measured",
    ReviewReason.FACE_NOT_COMPARED: "the face was not compared",
    ReviewReason.SCORE_IN_REVIEW_BAND: "the score lies in the review band above the threshold",
    ReviewReason.FACE_OF_ANOTHER_ENTITY: "the face is another entity's too",
    ReviewReason.NOT_ALL_SEARCHED: "not everybody who was to be searched could be compared",
}


@dataclass(frozen=True)
class DetectorLine:
    """One row of the table of detectors. `score` and `limit` are 0–100."""

    name: str
    standing: str
    score: float | None
    limit: float
    reason: str
    measured: str


@dataclass(frozen=True)
class PromptMark:
    """A prompt in the plots of its attempt."""

    at: float
    label: str
    outcome: str


@dataclass(frozen=True)
class AttemptPart:
    """One attempt with a trace: its plots and what was asked."""

    number: int
    plots: tuple[Plot, ...]
    marks: tuple[PromptMark, ...]
    ticks: tuple[Tick, ...]


def render(explanation: Explanation) -> str:
    """The whole page."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    decision = explanation.decision
    liveness = None if decision is None else decision.liveness
    return environment.get_template("session_explanation.html").render(
        session=explanation.session,
        decision=decision,
        liveness=liveness,
        detectors=[] if liveness is None else detector_lines(liveness),
        challenges=[] if liveness is None else [(in_words(one.kind.value), one) for one in liveness.challenges],
        attempts=attempt_parts(explanation),
        width=WIDTH,
        height=HEIGHT,
        iso=iso,
        in_words=in_words,
        review_reasons=REVIEW_REASONS,
    )


def detector_lines(liveness: LivenessEvidence) -> list[DetectorLine]:
    """All evidence, what rejects first."""
    order = [STANDINGS[one] for one in (Standing.FAILED, Standing.WARNED, Standing.PASSED, Standing.NOT_MEASURED)]
    passive, continuity = liveness.passive, liveness.continuity_score
    least_passive = least_passive_score(passive, liveness.detectors, liveness.profile)
    frames = f"{passive.frames} frames, {' and '.join(passive.models) or 'no model'}"
    lines = [
        _of_score("passive detectors", passive.score, least_passive, "looks at single frames", frames),
        _of_score("one face", continuity, MIN_CONTINUITY_SCORE, "weakest comparison of the kept frames", ""),
        *(_line(one, liveness.profile) for one in liveness.detectors),
    ]
    return sorted(lines, key=lambda line: order.index(line.standing))


def _of_score(name: str, score: float | None, limit: float, reason: str, measured: str) -> DetectorLine:
    found = Standing.NOT_MEASURED if score is None else Standing.PASSED if score >= limit else Standing.FAILED
    return DetectorLine(name, STANDINGS[found], score, limit, reason, measured)


def _line(one: DetectorEvidence, profile: str) -> DetectorLine:
    measured = ", ".join(f"{in_words(name)} {value:g}" for name, value in one.measured.items())
    return DetectorLine(
        name=in_words(one.detector.value),
        standing=STANDINGS[standing(one, profile)],
        score=one.score,
        limit=limit_of(one.detector, profile),
        reason=in_words(one.reason),
        measured=measured,
    )


def attempt_parts(explanation: Explanation) -> list[AttemptPart]:
    """The plots of each attempt with its prompts, named by how they ended."""
    evidence = _challenges(explanation.decision)
    by_id = {one.challenge_id: one for one in evidence if one.challenge_id is not None}
    older = [one for one in evidence if one.challenge_id is None]
    parts = []
    for number, trace in enumerate(explanation.traces, 1):
        marks = tuple(_mark(trace, prompt, _evidence_of(prompt, by_id, older)) for prompt in trace.prompts)
        parts.append(AttemptPart(number, plots_of(trace), marks, seconds(trace)))
    return parts


def _challenges(decision: Decision | None) -> Sequence[ChallengeEvidence]:
    return () if decision is None or decision.liveness is None else decision.liveness.challenges


def _evidence_of(
    prompt: Prompt, by_id: Mapping[str, ChallengeEvidence], older: list[ChallengeEvidence]
) -> ChallengeEvidence | None:
    """By the challenge's id. What was kept before there were ids has only its order."""
    if prompt.challenge_id is not None:
        return by_id.get(prompt.challenge_id)
    return older.pop(0) if older else None


def _mark(trace: Trace, prompt: Prompt, evidence: ChallengeEvidence | None) -> PromptMark:
    is_same = evidence is not None and evidence.kind is prompt.kind
    outcome = evidence.outcome if evidence is not None and is_same else ChallengeOutcome.INTERRUPTED
    return PromptMark(x_of(trace, prompt.at_ms), in_words(prompt.kind.value), in_words(outcome.value))


def in_words(code: str) -> str:
    """A code as a person reads it."""
    return code.replace("_", " ").replace(":", ": ")
