"""A hosted session handed from the computer it was opened on to a phone, and who is sent on afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

HANDOFFS_MAX = 10
"""Links that one session may ask for: enough for every honest mishap, and a bound to guessing."""

NUMBERS = range(10, 100)
"""Numbers to match have two digits: read at a glance, and told apart when they are read out."""
CHOICES = 3
"""Numbers the phone chooses among. One wrong choice ends the link, so a guess is worth a third."""

Choose = Callable[[Sequence[int]], int]


class HandoffState(StrEnum):
    """`OPEN` until it ends in one of the others, once: the store moves it by compare-and-swap."""

    OPEN = "open"
    TAKEN = "taken"
    """The phone has the session."""
    REFUSED = "refused"
    """Another number than the computer's was chosen."""
    VOID = "void"
    """A later link, or the computer itself, has taken its place; or the session ended and not by the phone."""


STANDING = frozenset({HandoffState.OPEN, HandoffState.TAKEN})


@dataclass(frozen=True)
class AskingDevice:
    """What the phone is told of the computer, in the words of its makers. None: nothing we know."""

    browser: str | None = None
    system: str | None = None


_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""In order: most browsers name Chrome and Safari as well."""
_SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def asking_device(user_agent: str) -> AskingDevice:
    """Family and system only. Nothing of a stranger's text is kept, and nobody is told apart by it."""
    return AskingDevice(_named(_BROWSERS, user_agent), _named(_SYSTEMS, user_agent))


def _named(known: Sequence[tuple[str, str]], user_agent: str) -> str | None:
    return next((name for mark, name in known if mark in user_agent), None)


@dataclass(frozen=True)
class Handoff:
    """One link. `number` is what the computer shows, `choices` what the phone chooses among, in rising order."""

    handoff_id: str
    hosted_session_id: str
    organization_id: str
    state: HandoffState
    number: int
    choices: tuple[int, ...]
    created_at: datetime
    expires_at: datetime
    browser: str | None = None
    system: str | None = None
    ended_at: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether its link still leads somewhere."""
        return self.state is HandoffState.OPEN and now < self.expires_at

    @property
    def is_taken(self) -> bool:
        """Whether the phone has the session."""
        return self.state is HandoffState.TAKEN


def draw_numbers(choose: Choose) -> tuple[int, tuple[int, ...]]:
    """The number, and all the choices. None is another one read backwards, and all begin differently."""
    left = list(NUMBERS)
    drawn: list[int] = []
    while len(drawn) < CHOICES:
        number = choose(left)
        drawn.append(number)
        left = [one for one in left if not _is_alike(one, number)]
    return choose(drawn), tuple(sorted(drawn))


def _is_alike(one: int, other: int) -> bool:
    tens, ones = divmod(one, 10)
    return tens == other // 10 or (ones, tens) == divmod(other, 10)


class CallbackMethod(StrEnum):
    """Which device is sent on to the integrator's page where two took part."""

    INITIATOR = "initiator"
    COMPLETER = "completer"
    BOTH = "both"


def is_sent_on(method: str, *, is_phone: bool, was_completed_by_phone: bool) -> bool:
    """Whether this device goes on to the callback.

    Where the phone never had the session, has lost it again, or let it run out, the computer goes on: it began
    it, and nothing is to be waited for.
    """
    if not was_completed_by_phone:
        return not is_phone
    match method:
        case CallbackMethod.BOTH:
            return True
        case CallbackMethod.INITIATOR:
            return not is_phone
        case _:
            return is_phone
