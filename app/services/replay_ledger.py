"""The replay ledger: which frames were seen, by session. What comes again in another was not lived there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.domain.detector_evidence import DetectorEvidence
from app.domain.replay import StoredFingerprints, judge_replay, spread
from app.domain.session import BiometricSession
from app.services.ports import Clock, FingerprintVault
from app.services.store import Store

SESSIONS_COMPARED = 4_096
"""Latest sessions of the organization that are looked through, beside those of the entity: 100,000 frames, 0.2 s
of one core once a session, most of it to decrypt. Who replays another entity's frames has another face."""

ENTITY_SESSIONS_COMPARED = 256

PRUNE_BATCH = 1_000


@dataclass(frozen=True, kw_only=True)
class ReplayLedger:
    """Remembers fingerprints of frames for `retention`, and compares.

    A test session takes part only where its caller asked for that: the same clips go through an integrator's own
    tests again and again. Test and live sessions never meet.
    """

    store: Store
    vault: FingerprintVault
    clock: Clock
    retention: timedelta

    def compare(self, session: BiometricSession, fingerprints: Sequence[int]) -> tuple[DetectorEvidence, ...]:
        """Evidence from an attempt's fingerprints; none where the session takes no part. Reads the store."""
        if not session.is_in_replay_ledger:
            return ()
        with self.store.read() as uow:
            entries = uow.replays.to_compare(
                session, self.clock.now() - self.retention, ENTITY_SESSIONS_COMPARED, SESSIONS_COMPARED
            )
        opened = [one for one in self.vault.open(entries) if one is not None]
        return (judge_replay(fingerprints, opened),)

    def entry(self, session: BiometricSession, fingerprints: Sequence[int]) -> StoredFingerprints | None:
        """What is to be remembered of a session; None where it takes no part. Call it before `Store.begin()`."""
        if not session.is_in_replay_ledger or not fingerprints:
            return None
        return self.vault.seal(session, spread(fingerprints), self.clock.now())


@dataclass(frozen=True, kw_only=True)
class PruneReplays:
    """Removes what the ledger has remembered long enough."""

    store: Store
    clock: Clock
    retention: timedelta

    def __call__(self) -> bool:
        """One batch; whether there may be more."""
        with self.store.begin() as uow:
            removed = uow.replays.remove_before(self.clock.now() - self.retention, PRUNE_BATCH)
            uow.commit()
        return removed == PRUNE_BATCH
