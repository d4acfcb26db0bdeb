"""A create that is sent twice is carried out once, and answered the same both times.

The key is reserved in a transaction of its own. What the request then writes and the answer to it are committed
together, or neither: there is no moment at which the object exists and its answer is lost. A process that dies
leaves nothing but the reservation, which ends by itself; a request that outlived its reservation finds that out
before it writes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from app.domain.errors import IdempotencyConflict, IdempotencyInProgress, StoreUnavailable
from app.domain.idempotency import IdempotencyRecord, KeptAnswer, place_of
from app.domain.organization import Caller
from app.services.ports import AnswerSeal, AnswerVault, Clock, Randomness
from app.services.store import HeldTransaction, Store, UnitOfWork

LEASE = timedelta(minutes=5)
"""How long a reservation outlives a process that died. Far beyond any request: a face match that waits for a
matching core out of reach takes 90 s. Should one take longer still, it is refused when it comes to write."""

SWEEP_BATCH = 500
"""Records a transaction: on SQLite it keeps other writers waiting."""


@dataclass(frozen=True)
class Run:
    """One request with a key. `kept` is the answer to give again; without one the request is to be carried out."""

    kept: KeptAnswer | None
    _keep: Callable[[KeptAnswer], None]

    def keep(self, answer: KeptAnswer) -> None:
        """Commit the answer and what was written for it. `IdempotencyInProgress` where another run took over."""
        self._keep(answer)


@dataclass(frozen=True, kw_only=True)
class Idempotency:
    """`lifetime` is how long an answer is given again."""

    store: Store
    vault: AnswerVault
    clock: Clock
    randomness: Randomness
    lifetime: timedelta

    @contextlib.contextmanager
    def __call__(self, caller: Caller, key: str, digest: bytes) -> Iterator[Run]:
        """Carry a request out in the block, in its thread. `digest` is a SHA-256 of all that makes it what it is.

        `IdempotencyInProgress` where the same request runs. Where the key belongs to another request,
        `IdempotencyConflict` as soon as the block would write: what it finds wrong before that is told first.
        A block that ends without `keep` has not happened: nothing is committed and the key is free again.
        """
        seal = self.vault.seal_of(caller.organization.organization_id)
        mine = self._new(caller, key, seal.fingerprint(digest))
        standing = self._reserve(mine)
        if standing is None:
            with self._carrying_out(mine, seal) as run:
                yield run
        elif standing.fingerprint != mine.fingerprint:
            with self.store.hold(_raiser(IdempotencyConflict())) as held:
                yield Run(None, lambda _: held.commit(_nothing))
        elif standing.sealed is None:
            raise IdempotencyInProgress
        else:
            yield Run(seal.open(standing.place, standing.sealed), _raiser(RuntimeError("it is kept already")))

    @contextlib.contextmanager
    def refusing(self, refusal: Exception) -> Iterator[None]:
        """Raise `refusal` where the block would write, or at its end: what it finds wrong before is told first."""
        with self.store.hold(_raiser(refusal)):
            yield
        raise refusal

    def _new(self, caller: Caller, key: str, fingerprint: str) -> IdempotencyRecord:
        place = place_of(caller.organization.organization_id, caller.is_test, key)
        return IdempotencyRecord(
            **vars(place),
            fingerprint=fingerprint,
            holder=self.randomness.object_id(),
            ends_at=self.clock.now() + LEASE,
        )

    def _reserve(self, mine: IdempotencyRecord) -> IdempotencyRecord | None:
        """None where the key is ours now, else the record that has it."""
        with self.store.begin() as uow:
            if uow.idempotency.take(mine, self.clock.now()):
                uow.commit()
                return None
            standing = uow.idempotency.get(mine.place)
        if standing is None:  # given back since
            raise IdempotencyInProgress
        return standing

    @contextlib.contextmanager
    def _carrying_out(self, mine: IdempotencyRecord, seal: AnswerSeal) -> Iterator[Run]:
        held = None
        try:
            with self.store.hold(lambda uow: _require(uow, mine)) as held:
                yield Run(None, lambda answer: self._keep(held, mine, seal, answer))
        finally:
            if held is None or not held.is_committed:
                self._give_back(mine)

    def _keep(self, held: HeldTransaction, mine: IdempotencyRecord, seal: AnswerSeal, answer: KeptAnswer) -> None:
        ends_at = self.clock.now() + self.lifetime
        answered = replace(mine, ends_at=ends_at, sealed=seal.seal(mine.place, answer))
        held.commit(lambda uow: uow.idempotency.answer(answered))

    def _give_back(self, mine: IdempotencyRecord) -> None:
        """Unless it was answered: a commit that failed may still have happened.

        A store that is away keeps the key until the lease ends.
        """
        with contextlib.suppress(StoreUnavailable), self.store.begin() as uow:
            if uow.idempotency.give_back(mine):
                uow.commit()


@dataclass(frozen=True, kw_only=True)
class SweepIdempotency:
    """Removes what ended: of no use to anybody, and the answers are personal data."""

    store: Store
    clock: Clock

    def __call__(self) -> bool:
        """One batch; whether there may be more."""
        with self.store.begin() as uow:
            removed = uow.idempotency.remove_ended(self.clock.now(), SWEEP_BATCH)
            uow.commit()
        return removed == SWEEP_BATCH


def _require(uow: UnitOfWork, mine: IdempotencyRecord) -> None:
    """Nobody took over; and nobody does until the commit."""
    if not uow.idempotency.is_held(mine):
        raise IdempotencyInProgress


def _nothing(_: UnitOfWork) -> None:
    """There is nothing more to write."""


def _raiser(error: Exception) -> Callable[[object], None]:
    def fail(_: object) -> None:
        raise error

    return fail
