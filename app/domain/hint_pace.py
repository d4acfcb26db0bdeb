"""One hint at a time, for as long as a person needs to read it."""

from __future__ import annotations

from app.domain.capture_config import CaptureConfig
from app.domain.capture_events import CaptureEvent, HintChanged
from app.domain.quality import Hint, HintCode


class HintPace:
    """Which advice stands, and since when."""

    def __init__(self, config: CaptureConfig) -> None:
        self._config = config
        self._hint: Hint | None = None
        self._since_ms = -(10**9)
        self._is_escalated = False

    def show(self, hint: Hint | None, now_ms: int, *, is_new_step: bool = False) -> list[CaptureEvent]:
        """Report the hint on change only, and once more, escalated, when it stands too long.

        Changes follow each other by `hint_every_ms` at least, so that a person can read them; only a
        new step clears what belonged to the one before at once.
        """
        if hint != self._hint:
            if now_ms - self._since_ms < self._config.hint_every_ms and not is_new_step:
                return []
            self._hint, self._since_ms, self._is_escalated = hint, now_ms, False
            return [HintChanged(hint, is_escalated=False)]
        stands_ms = now_ms - self._since_ms
        if hint is not None and not self._is_escalated and stands_ms >= self._config.escalate_after_ms:
            self._is_escalated = True
            return [HintChanged(hint, is_escalated=True)]
        return []


class CoverPatience:
    """How long a face has been told that something covers it: pale lips and deep-set eyes are no mask."""

    def __init__(self, config: CaptureConfig) -> None:
        self._patience_ms = config.cover_patience_ms
        self._since_ms: int | None = None

    def has_lasted(self, hint: Hint | None, now_ms: int) -> bool:
        """Whether this hint is that one, and was first given so long ago that it may be wrong."""
        if hint is None or hint.code is not HintCode.FACE_COVERED:
            return False
        self._since_ms = now_ms if self._since_ms is None else self._since_ms
        return now_ms - self._since_ms >= self._patience_ms
