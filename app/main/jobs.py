"""What runs beside the requests, wired."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.adapters.blob_store import EncryptedBlobStore
from app.config import Settings
from app.jobs.background import Background, Task, log_failure
from app.jobs.renewal import RenewalTask
from app.main.infrastructure import Infrastructure, make_template_vault
from app.services.decide_capture import DecideCapture
from app.services.decide_waiting import DecideWaiting
from app.services.expire_sessions import ExpireSessions, TellEnded
from app.services.idempotency import SweepIdempotency
from app.services.ports import MatchingCore
from app.services.prune_events import PruneEvents
from app.services.renew_templates import RenewTemplates
from app.services.replay_ledger import PruneReplays

DECIDE_WAITING_SECONDS = 5.0
"""Somebody may still sit before the page; looking costs one read of a small index."""

EXPIRE_SESSIONS_SECONDS = 5.0
"""An integrator hears of an end that soon; looking costs one read of two small indexes."""

SWEEP_IDEMPOTENCY_SECONDS = 10 * 60.0
"""Ended records are in nobody's way: a key that is used again takes the record's place."""

PRUNE_EVENTS_SECONDS = 10 * 60.0
"""They are kept for weeks: minutes are nothing."""

PRUNE_REPLAYS_SECONDS = 10 * 60.0
"""What is older is not looked at any more."""

RENEW_TEMPLATES_SECONDS = 15 * 60.0
"""For enrolments that another process with another recognizer brought in; a change of our own starts us anew."""


def make_renew_templates(
    settings: Settings, infrastructure: Infrastructure, core: MatchingCore, blobs: EncryptedBlobStore
) -> RenewTemplates:
    """Shared by the background and the command line."""
    return RenewTemplates(
        store=infrastructure.store,
        blobs=blobs,
        vault=make_template_vault(settings, infrastructure),
        core=core,
        clock=infrastructure.clock,
        randomness=infrastructure.randomness,
        note_failure=log_failure,
    )


@dataclass(frozen=True)
class Pages:
    """Pages that are connected here: which, how one is told how it stands, and how its capture is forgotten."""

    open: Callable[[], Sequence[str]]
    tell: Callable[[str], None]
    forget: Callable[[str], None]


def make_expire_sessions(settings: Settings, infrastructure: Infrastructure) -> ExpireSessions:
    """For any process: several do no harm. Needs no secrets."""
    return ExpireSessions(
        store=infrastructure.store,
        clock=infrastructure.clock,
        randomness=infrastructure.randomness,
        abandon_after=timedelta(seconds=settings.limits.abandon_after_seconds),
        note_failure=log_failure,
    )


def make_housekeeping(settings: Settings, infrastructure: Infrastructure) -> list[Task]:
    """What any process may do, several at once: it needs neither models nor secrets."""
    expire = make_expire_sessions(settings, infrastructure)
    sweep = SweepIdempotency(store=infrastructure.store, clock=infrastructure.clock)
    prune = PruneEvents(
        store=infrastructure.store,
        clock=infrastructure.clock,
        retention=timedelta(days=settings.limits.event_retention_days),
    )
    prune_replays = PruneReplays(
        store=infrastructure.store,
        clock=infrastructure.clock,
        retention=timedelta(days=settings.limits.replay_ledger_days),
    )
    return [
        Task("ending sessions whose time is over", expire, EXPIRE_SESSIONS_SECONDS),
        Task("removing kept answers that ended", sweep, SWEEP_IDEMPOTENCY_SECONDS),
        Task("removing events that are over", prune, PRUNE_EVENTS_SECONDS),
        Task("forgetting frames of the replay ledger", prune_replays, PRUNE_REPLAYS_SECONDS),
    ]


def make_background(
    settings: Settings,
    infrastructure: Infrastructure,
    core: MatchingCore,
    blobs: EncryptedBlobStore,
    decide_capture: DecideCapture,
    pages: Pages,
) -> Background:
    """Not started."""
    decide_waiting = DecideWaiting(
        store=infrastructure.store,
        decide_capture=decide_capture,
        clock=infrastructure.clock,
        tell=pages.tell,
        note_failure=log_failure,
    )
    tell_ended = TellEnded(store=infrastructure.store, open_pages=pages.open, tell=pages.tell, forget=pages.forget)
    renewal = RenewalTask(make_renew_templates(settings, infrastructure, core, blobs))
    return Background(
        [
            Task("deciding what waits", decide_waiting, DECIDE_WAITING_SECONDS),
            Task("telling pages that their session has ended", tell_ended, EXPIRE_SESSIONS_SECONDS),
            Task("renewing templates", renewal, RENEW_TEMPLATES_SECONDS),
            *make_housekeeping(settings, infrastructure),
        ],
        infrastructure.clock,
    )
