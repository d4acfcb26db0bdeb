"""The page says hello: the session begins, or the page is shown where it stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from app.domain.capture import CaptureRun
from app.domain.capture_config import CaptureConfig
from app.domain.capture_events import AttemptFailed
from app.domain.capture_phase import CapturePhase
from app.domain.challenge import Ability, ChallengeKind, kinds_left, number_of_challenges
from app.domain.light import LightStanding
from app.domain.session import (
    BiometricSession,
    HostedSession,
    SessionStatus,
    overdue_status,
    waits_for_person,
)
from app.domain.settings import OrganizationSettings, SessionPolicy
from app.domain.verdict import ChallengeOutcome
from app.services.attempts import AttemptLedger
from app.services.audit import record
from app.services.capture_view import CaptureView, OutcomePresenter, view_of
from app.services.end_session import begin_session
from app.services.live_capture import LiveCapture, LiveCaptures
from app.services.ports import Clock, Randomness
from app.services.read_session import end_if_overdue
from app.services.session_policy import policy_now
from app.services.store import Store, UnitOfWork

ROOM_TO_MOVE_CLOSER = 0.74
"""Share of the frame's height a face may fill where moving closer by a fifth may be asked."""


class UnknownHostedSession(Exception):
    """No such hosted session; the link was never valid."""


class HandoffOver(Exception):
    """The page came by a handoff that is void by now: the session goes on elsewhere."""


@dataclass(frozen=True)
class LoadedSession:
    """A session with what is needed to show and run it. `policy` is its workflow's, over the settings."""

    session: BiometricSession
    hosted: HostedSession
    settings: OrganizationSettings
    policy: SessionPolicy
    organization_name: str


def load_session(uow: UnitOfWork, hosted_session_id: str) -> LoadedSession:
    """Read a session by its hosted id. `UnknownHostedSession` where there is none."""
    found = uow.sessions.by_hosted_id(hosted_session_id)
    organization = uow.organizations.get(found[0].organization_id) if found else None
    if found is None or organization is None:
        raise UnknownHostedSession
    policy = policy_now(uow, found[0])
    name = organization.settings.branding.name or organization.name
    return LoadedSession(found[0], found[1], organization.settings, policy, name)


@dataclass(frozen=True, kw_only=True)
class ReadCapture:
    """The state of a session for its page, without beginning anything (link previews fetch pages)."""

    store: Store
    clock: Clock
    randomness: Randomness
    presenter: OutcomePresenter
    live: LiveCaptures
    abandon_after: timedelta

    def __call__(self, hosted_session_id: str) -> tuple[LoadedSession, CaptureView]:
        """`UnknownHostedSession` where there is none. A session whose time is over ends here."""
        with self.store.read() as uow:
            loaded = load_session(uow, hosted_session_id)
        if self._overdue(loaded) is not None:
            loaded = self._end_overdue(hosted_session_id)
        outcome = self.presenter.outcome_of(loaded.session)
        live = self.live.get(hosted_session_id)
        return loaded, view_of(loaded.session, loaded.hosted, live, outcome, loaded.policy.max_attempts)

    def _overdue(self, loaded: LoadedSession) -> SessionStatus | None:
        return overdue_status(loaded.session, loaded.hosted, self.clock.now(), self.abandon_after)

    def _end_overdue(self, hosted_session_id: str) -> LoadedSession:
        with self.store.begin() as uow:
            session = load_session(uow, hosted_session_id).session
            end_if_overdue(uow, self.randomness, session, self.clock.now(), self.abandon_after)
            uow.commit()
        with self.store.read() as uow:
            return load_session(uow, hosted_session_id)


@dataclass(frozen=True, kw_only=True)
class StartCapture:
    """`hello`: begins a pending session, binds the page, and makes the run that judges its frames."""

    store: Store
    clock: Clock
    randomness: Randomness
    presenter: OutcomePresenter
    live: LiveCaptures
    ledger: AttemptLedger
    read_capture: ReadCapture

    def __call__(
        self,
        hosted_session_id: str,
        *,
        page_id: str,
        avoid: Iterable[Ability],
        has_more_time: bool,
        handoff_id: str | None = None,
    ) -> CaptureView:
        """`UnknownHostedSession` where there is none. Safe to repeat: the same page finds its run again.

        `handoff_id` is the handoff by which the page came. `HandoffOver` where it is void; a page that came
        by the session's own link takes the session, so handoffs that stand are void then.
        """
        self.read_capture(hosted_session_id)
        with self.store.begin() as uow:
            loaded = load_session(uow, hosted_session_id)
            loaded = self._begin(uow, loaded, page_id)
            self._settle_handoff(uow, loaded, handoff_id)
            uow.commit()
        session, hosted = loaded.session, loaded.hosted
        outcome = self.presenter.outcome_of(session)
        if outcome is not None:
            self.live.drop(hosted_session_id)
            return view_of(session, hosted, None, outcome, loaded.policy.max_attempts)
        live = self._run_for(loaded, page_id, frozenset(avoid), has_more_time)
        if live is None:
            return self.read_capture(hosted_session_id)[1]
        return view_of(session, hosted, live, None, loaded.policy.max_attempts)

    def _begin(self, uow: UnitOfWork, loaded: LoadedSession, page_id: str) -> LoadedSession:
        session, hosted, now = loaded.session, loaded.hosted, self.clock.now()
        if session.status is SessionStatus.PENDING:
            session = begin_session(uow, self.randomness, session, now) or session
        if session.status is SessionStatus.IN_PROGRESS and hosted.page_id != page_id:
            hosted = replace(hosted, page_id=page_id)
            uow.sessions.save_hosted(hosted)
            uow.sessions.touch(session.session_id, now)
            record(
                uow,
                self.randomness,
                now,
                organization_id=session.organization_id,
                actor="capture_subject",
                action="hosted_session.page_bound",
                object_id=session.session_id,
            )
        return replace(loaded, session=session, hosted=hosted)

    def _settle_handoff(self, uow: UnitOfWork, loaded: LoadedSession, handoff_id: str | None) -> None:
        if not waits_for_person(loaded.session, loaded.hosted):
            return
        hosted_session_id = loaded.hosted.hosted_session_id
        if handoff_id is None:
            uow.handoffs.void_standing(hosted_session_id, self.clock.now())
            return
        handoff = uow.handoffs.get(handoff_id)
        if handoff is None or handoff.hosted_session_id != hosted_session_id or not handoff.is_taken:
            raise HandoffOver

    def _run_for(
        self, loaded: LoadedSession, page_id: str, avoid: frozenset[Ability], has_more_time: bool
    ) -> LiveCapture | None:
        """The page's own run where it has one, as the person now wants it, else a new one.

        What was used up stays used up. None where the session ends here: its last attempt was broken off.
        """
        hosted_session_id = loaded.hosted.hosted_session_id
        with self.live.locked(hosted_session_id) as live:
            swapped = live.swapped if live else frozenset()
            config = capture_config(loaded.session, loaded.policy, avoid | swapped, has_more_time)
            if live is not None and live.page_id == page_id:
                live.run.reconfigure(config)
                return live
            fresh = self._new_live(loaded, page_id, config)
            if self._settle(live, fresh) is not None:
                self.live.drop(hosted_session_id)
                return None
            if live is not None:
                self._take_over(live, fresh)
            self.live.put(fresh, self.clock.monotonic_ms())
        return fresh

    def _new_live(self, loaded: LoadedSession, page_id: str, config: CaptureConfig) -> LiveCapture:
        run = CaptureRun(
            config,
            choose=self.randomness.choose,
            choose_colour=self.randomness.choose,
            new_id=self.randomness.object_id,
            new_nonce=self.randomness.nonce,
        )
        return LiveCapture(
            hosted_session_id=loaded.hosted.hosted_session_id,
            run=run,
            page_id=page_id,
            attempts_allowed=loaded.policy.max_attempts,
            attempts_used=loaded.hosted.attempts_used,
            quality_retries_used=loaded.hosted.quality_retries_used,
        )

    def _settle(self, live: LiveCapture | None, fresh: LiveCapture) -> BiometricSession | None:
        """An attempt that nobody can go on with counts as interrupted. The session, where that ends it.

        Frames still on their way to the old page are void, and so is its still, for which everything was shown.
        """
        if live is None:
            is_broken_off = fresh.attempts_left == 0 and self._waits(fresh.hosted_session_id)
        else:
            is_broken_off = live.run.phase is CapturePhase.CAPTURE
            live.run.interrupt(self.clock.now())
            live.run.stop()
        if not is_broken_off:
            return None
        return self.ledger.fail(live or fresh, AttemptFailed(ChallengeOutcome.INTERRUPTED.value, is_free=True))

    def _waits(self, hosted_session_id: str) -> bool:
        """Whether the last attempt is unsettled. Read again: the still may just have come, and its run be gone."""
        with self.store.read() as uow:
            loaded = load_session(uow, hosted_session_id)
        return waits_for_person(loaded.session, loaded.hosted)

    def _take_over(self, live: LiveCapture, fresh: LiveCapture) -> None:
        """What the session has used up stays used up.

        The counts are the old page's own: it may have begun an attempt since the store was read.
        """
        fresh.run.record.evidence = list(live.run.evidence)
        fresh.attempts_used, fresh.quality_retries_used = live.attempts_used, live.quality_retries_used
        fresh.injection_signals, fresh.failures = live.injection_signals, live.failures
        fresh.swapped = live.swapped


def capture_config(
    session: BiometricSession,
    policy: SessionPolicy,
    avoid: frozenset[Ability] = frozenset(),
    has_more_time: bool = False,
) -> CaptureConfig:
    """What the session asks: its workflow, the integrator's wishes and the person's own on the page, together."""
    kinds = kinds_left(session.avoid | avoid)
    factor = 2 if session.has_more_time or has_more_time else 1
    raised_to = max(session.challenges_at_least or 0, policy.challenges_at_least or 0)
    base = CaptureConfig(
        kinds=kinds,
        number_of_challenges=number_of_challenges(len(kinds), raised_to),
    )
    light = light_standing(session, policy, avoid)
    quality = base.quality
    if ChallengeKind.MOVE_CLOSER in kinds:
        quality = replace(quality, max_face_height_share=ROOM_TO_MOVE_CLOSER)
    return replace(
        base,
        # Where no movement can be asked no attempt begins that could be counted; a person reviews those anyway.
        light=light if base.number_of_challenges else LightStanding.NOT_ASKED,
        quality=quality,
        challenge_limit_ms=base.challenge_limit_ms * factor,
        align_limit_ms=base.align_limit_ms * factor,
        attempt_limit_ms=base.attempt_limit_ms * factor,
        attempt_bytes=base.attempt_bytes * factor,
    )


def light_standing(session: BiometricSession, policy: SessionPolicy, avoid: frozenset[Ability]) -> LightStanding:
    """Whether the page is to shine. `avoid` is what the person has said on the page.

    The integrator knows whom they send and may waive it. What the page says, an attacker can say as well: nobody
    is flashed at who does not want it, and what is missing then counts as missing.
    """
    if not policy.light_challenge:
        return LightStanding.NOT_ASKED
    if Ability.FLASH in session.avoid:
        return LightStanding.AVOIDED
    return LightStanding.DECLINED if Ability.FLASH in avoid else LightStanding.ASKED
