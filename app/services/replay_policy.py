"""The verdict of a session is made again from what was stored: by the settings of then, or by others."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.domain.errors import InvalidState
from app.domain.policy import decide, measured_by
from app.domain.session import BiometricSession, SessionStatus
from app.domain.settings import SessionPolicy
from app.domain.verdict import Decision, RejectionCode, SearchEvidence, Verdict
from app.services.cross_entity import FOUND_MAX
from app.services.operator_sessions import session_of_any
from app.services.session_policy import policy_at
from app.services.store import Store


@dataclass(frozen=True)
class Judged:
    """A verdict by a version of the settings."""

    verdict: Verdict
    rejection_code: RejectionCode | None
    policy_version: int


@dataclass(frozen=True)
class Replay:
    """`recorded` is what policy said; where that was a review, a person may have ended the session since.

    `lacks_search`: the settings ask for a search that was not made then, so they cannot approve.
    """

    session: BiometricSession
    recorded: Judged
    recomputed: Judged
    lacks_search: bool

    @property
    def is_same(self) -> bool:
        """Whether both come to the same."""
        recorded, recomputed = self.recorded, self.recomputed
        return (recorded.verdict, recorded.rejection_code) == (recomputed.verdict, recomputed.rejection_code)


@dataclass(frozen=True, kw_only=True)
class ReplayPolicy:
    """Reads, and changes nothing. Nothing is measured again: neither pictures nor the matching core are asked."""

    store: Store

    def __call__(self, session_id: str, with_version: int | None = None) -> Replay:
        """`with_version` None: the version that the decision names. `ObjectNotFound` for an unknown session.

        `InvalidState` where there is no verdict to make again, `RecordUnreadable` where the version is not kept.
        """
        with self.store.read() as uow:
            session, _ = session_of_any(uow, session_id)
            recorded = recorded_of(session)
            then = policy_at(uow, session, recorded.policy_version)
            policy = then if with_version is None else policy_at(uow, session, with_version)
        assert session.decision is not None
        evidence = _as_searched(measured_by(session.decision, policy), then, policy)
        result = decide(evidence, policy)
        recomputed = Judged(result.verdict, result.rejection_code, policy.policy_version)
        return Replay(session, recorded, recomputed, _lacks_search(evidence, policy))


def recorded_of(session: BiometricSession) -> Judged:
    """What policy made of the session. `InvalidState` where it ended, or runs, without a verdict."""
    decision = session.decision
    if decision is None:
        raise InvalidState(f"The session is {session.status.value} and has no decision.")
    by_person = session.is_in_review or session.rejection_code is RejectionCode.REVIEW_REJECTED
    if by_person or decision.verdict is Verdict.IN_REVIEW:
        return Judged(Verdict.IN_REVIEW, None, decision.policy_version)
    if session.status is SessionStatus.APPROVED:
        return Judged(Verdict.APPROVED, None, decision.policy_version)
    if session.status is SessionStatus.REJECTED:
        return Judged(Verdict.REJECTED, session.rejection_code, decision.policy_version)
    raise InvalidState(f"The session is {session.status.value}: policy did not decide it.")


def _as_searched(evidence: Decision, then: SessionPolicy, policy: SessionPolicy) -> Decision:
    """Faces that another version blocks may not be known: never compared, or hidden behind one that was kept."""
    search = evidence.blocklist
    if search is None:
        return evidence
    before, blocked = frozenset(then.blocklist), frozenset(policy.blocklist)
    unknown = len(blocked - before) + _is_any_hidden(search, before - blocked, policy)
    return replace(evidence, blocklist=replace(search, not_searched=search.not_searched + unknown))


def _is_any_hidden(search: SearchEvidence, removed: frozenset[str], policy: SessionPolicy) -> bool:
    """Whether entities that are blocked no more may have kept others out of the evidence.

    Of those below the threshold only the best was kept, of those above it the first few.
    """
    stood_in_front = any(one.entity_id in removed for one in search.found)
    return stood_in_front and (policy.duplicate_threshold < search.threshold or len(search.found) >= FOUND_MAX)


def _lacks_search(evidence: Decision, policy: SessionPolicy) -> bool:
    """Whether somebody that this policy has searched was not."""
    searches = [evidence.cross_entity] if policy.searches_others else []
    searches += [evidence.blocklist] if policy.blocklist else []
    return any(search is None or search.not_searched > 0 for search in searches)
