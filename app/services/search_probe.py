"""Whose face is it besides: what an organization's policy has searched before it decides a session."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.comparison import Template
from app.domain.session import BiometricSession
from app.domain.settings import SessionPolicy
from app.domain.verdict import SearchEvidence
from app.services.blocklist import SearchBlocklist
from app.services.cross_entity import ProbeOf, SearchOthers


@dataclass(frozen=True)
class ProbeSearched:
    """Evidence of what was searched; None: the policy has nobody searched.

    `rests_on` are other entities' validations that count only as long as they are approved.
    """

    cross_entity: SearchEvidence | None = None
    blocklist: SearchEvidence | None = None
    rests_on: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SearchProbe:
    """`MatchingUnavailable`, `StoreUnavailable`: not now. Whoever asks waits, and decides nothing without."""

    others: SearchOthers
    blocklist: SearchBlocklist

    def __call__(self, session: BiometricSession, probe: Template, policy: SessionPolicy) -> ProbeSearched:
        whose = ProbeOf(session.organization_id, session.is_test, session.entity_id)
        blocked = self.blocklist(whose, probe, policy) if policy.blocklist else None
        if not policy.searches_others:
            return ProbeSearched(blocklist=blocked)
        others = self.others(whose, probe, policy.duplicate_threshold)
        return ProbeSearched(others.evidence, blocked, others.rests_on)
