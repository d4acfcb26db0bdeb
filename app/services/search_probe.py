"""Whose face is it besides: what an organization's policy has searched before anything is decided of a face.

What comes of a search is written only as long as the search still holds. Whatever makes an enrolment searchable
is told of in the audit trail by the transaction that does it, and the trail is numbered in the order of commits:
so the number that was reached before a search says, under the lock of the numbers, whether anything came since.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from app.domain.comparison import Template
from app.domain.errors import MatchingUnavailable
from app.domain.settings import SessionPolicy
from app.domain.verdict import SearchEvidence
from app.services.audit import VALIDATION
from app.services.blocklist import SearchBlocklist
from app.services.cross_entity import ProbeOf, SearchOthers
from app.services.store import Store, UnitOfWork

SEARCH_ROUNDS = 10
"""Searches of one probe until it is put off. Those of one process take turns, so that only other processes can
overtake one: each has to commit within every round."""

T = TypeVar("T")


class SearchOvertaken(Exception):
    """Enrolments have changed since the search."""


@dataclass(frozen=True)
class ProbeSearched:
    """Evidence of what was searched; None: the policy has nobody searched.

    `rests_on` are other entities' validations that count only as long as they are approved. `as_of` is the
    number of the organization's last audit entry before the search, None where there was no search.
    """

    cross_entity: SearchEvidence | None = None
    blocklist: SearchEvidence | None = None
    rests_on: tuple[str, ...] = ()
    as_of: int | None = None

    def hold(self, uow: UnitOfWork, organization_id: str) -> None:
        """`SearchOvertaken` where a validation has changed since. From here to the commit none changes.

        Last before the commit: everybody who commits for the organization waits for this lock, which the commit
        itself would take next. Where nobody was searched nothing is asked.
        """
        if self.as_of is None or uow.audit.last_sequence(organization_id) == self.as_of:
            return
        if uow.audit.is_any_after(organization_id, self.as_of, VALIDATION):
            raise SearchOvertaken


NOBODY_SEARCHED = ProbeSearched()


@dataclass(frozen=True, kw_only=True)
class SearchProbe:
    """`MatchingUnavailable`, `StoreUnavailable`: not now. Whoever asks waits, and decides nothing without.

    One for the process: it keeps whose turn it is.
    """

    store: Store
    others: SearchOthers
    blocklist: SearchBlocklist
    _turns: dict[str, threading.Lock] = field(default_factory=dict)
    _making: threading.Lock = field(default_factory=threading.Lock)

    def and_write(
        self, whose: ProbeOf, probe: Template, policy: SessionPolicy, write: Callable[[ProbeSearched], T]
    ) -> T:
        """Search, and have written what comes of it; once more as long as `write` says `SearchOvertaken`.

        `write` has the search held (`ProbeSearched.hold`) in the transaction that it commits.
        `MatchingUnavailable` where enrolments change faster than they can be searched. No lock of the store is
        held during a search.
        """
        if not policy.searches:
            return write(NOBODY_SEARCHED)
        with self._turn_of(whose.organization_id):
            for _ in range(SEARCH_ROUNDS):
                searched = self._search(whose, probe, policy)
                with contextlib.suppress(SearchOvertaken):
                    return write(searched)
        raise MatchingUnavailable("Enrolments are changing faster than they can be searched.")

    def _search(self, whose: ProbeOf, probe: Template, policy: SessionPolicy) -> ProbeSearched:
        with self.store.read() as uow:
            as_of = uow.audit.last_sequence(whose.organization_id)
        blocked = self.blocklist(whose, probe, policy) if policy.blocklist else None
        if not policy.searches_others:
            return ProbeSearched(blocklist=blocked, as_of=as_of)
        others = self.others(whose, probe, policy.duplicate_threshold)
        return ProbeSearched(others.evidence, blocked, others.rests_on, as_of)

    def _turn_of(self, organization_id: str) -> threading.Lock:
        with self._making:
            return self._turns.setdefault(organization_id, threading.Lock())
