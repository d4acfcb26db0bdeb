"""What the hosted part needs, handed in by the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from app.services.capture_view import OutcomePresenter
from app.services.decide_capture import DecideCapture
from app.services.frame_traffic import FrameTraffic
from app.services.handoff import Handoffs
from app.services.keep_capture import KeepCapture
from app.services.keep_logo import ReadLogo
from app.services.live_capture import LiveCaptures
from app.services.observe_frame import (
    AnswerLight,
    BeginAlignment,
    FrameLimits,
    InterruptCapture,
    ObserveFrame,
    SwapChallenge,
)
from app.services.ports import Clock, SessionLinks
from app.services.record_consent import RecordConsent
from app.services.start_capture import ReadCapture, StartCapture
from app.services.withdraw import Withdraw


@dataclass(frozen=True)
class HostedServices:
    """Use cases of the capture page, its links, and its limits."""

    read_capture: ReadCapture
    start_capture: StartCapture
    record_consent: RecordConsent
    begin_alignment: BeginAlignment
    interrupt_capture: InterruptCapture
    observe_frame: ObserveFrame
    swap_challenge: SwapChallenge
    answer_light: AnswerLight
    keep_capture: KeepCapture
    decide_capture: DecideCapture
    withdraw: Withdraw
    handoffs: Handoffs
    read_logo: ReadLogo
    presenter: OutcomePresenter
    links: SessionLinks
    live: LiveCaptures
    clock: Clock
    frame_limits: FrameLimits
    traffic: FrameTraffic
    max_sockets: int
    image_max_bytes: int
    public_url: str
    public_origin: str
    is_development: bool
    is_able: bool = True
    """Whether the models without which nothing can be decided are there; a session does not begin otherwise."""
