"""Messages as they come from a page: every field bounded, unknown ones ignored, wrong ones refused."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationError

from app.domain.challenge import Ability
from app.hosted.protocol import CAMERA_SIGNALS

ShortText = Annotated[str, Field(max_length=64)]
Name = Annotated[str, Field(max_length=64, pattern=r"^[a-z0-9_]+$")]
"""What is stored or logged has no text of a stranger's choosing in it."""
Number = Annotated[float, Field(strict=True, ge=0, le=1e15)]
Seq = Annotated[StrictInt, Field(ge=-1, le=2**31)]


class PageMessage(BaseModel):
    """Base of all messages of the page."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


class Accessibility(PageMessage):
    """What the person asked for on the page itself."""

    avoid: Annotated[list[Ability], Field(max_length=8)] = []
    more_time: StrictBool = False


class Embed(PageMessage):
    """How the page is embedded, as far as it can see."""

    iframe: StrictBool = False
    camera_allowed: StrictBool = True


class Hello(PageMessage):
    """First message of a page. `page_id` names this very page, across its reconnections."""

    page_id: Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9-]+$")]
    last_seq: Seq = -1
    language: ShortText = "en"
    embed: Embed = Embed()
    accessibility: Accessibility = Accessibility()
    simulated: StrictBool = False
    """Nobody is before this page's camera, and it says so: a test of an integration (`bonafide simulate`)."""


class Handoff(PageMessage):
    """The person would rather use their phone."""


class Watch(PageMessage):
    """The page follows what the phone does."""


class Consent(PageMessage):
    """The person's answer to the consent text of that version."""

    version: ShortText
    accepted: StrictBool


class Camera(PageMessage):
    """The camera that is live, or the trouble with it."""

    width: Annotated[StrictInt, Field(ge=0, le=16_384)] | None = None
    height: Annotated[StrictInt, Field(ge=0, le=16_384)] | None = None
    fps: Annotated[float, Field(strict=True, ge=0, le=1_000)] | None = None
    facing: ShortText | None = None
    label_class: Literal["physical", "virtual", "unknown"] = "unknown"
    signals: Annotated[list[Name], Field(max_length=16)] = []
    error: ShortText | None = None

    def injection_signals(self) -> list[str]:
        """What the page says against its own camera, as far as the protocol knows it."""
        virtual = ["virtual_camera_label"] * (self.label_class == "virtual")
        return virtual + [f"page:{name}" for name in self.signals if name in CAMERA_SIGNALS]


class Frame(PageMessage):
    """Header of a frame; the JPEG follows as an attachment."""

    seq: Seq
    captured_at_ms: Number
    challenge_id: ShortText | None = None
    nonce: ShortText


class SwapChallenge(PageMessage):
    """The person cannot do this movement."""

    challenge_id: ShortText
    reason: ShortText = ""


class LightReady(PageMessage):
    """The person has read the notice of the light challenge, and lets the screen shine or not."""

    accepted: StrictBool


class Visibility(PageMessage):
    """The picture was hidden or is seen again. `reason`: by another page, or by a dialog of this one."""

    hidden: StrictBool
    reason: Literal["page", "dialog"] = "page"


class TelemetryEvent(PageMessage):
    """One thing that happened on the page."""

    name: Name
    at_ms: Number
    value: Annotated[float, Field(strict=True)] | None = None


class Telemetry(PageMessage):
    """A batch of what happened on the page; never anything about the person."""

    events: Annotated[list[TelemetryEvent], Field(max_length=50)]


Message = TypeVar("Message", bound=PageMessage)


def read_message(kind: type[Message], payload: object) -> Message | None:
    """The message, or None where the payload is not one."""
    try:
        return kind.model_validate(payload)
    except (ValidationError, RecursionError):
        return None
