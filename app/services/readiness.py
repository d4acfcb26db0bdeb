"""Whether this process can serve, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.services.ports import BlobStore, MatchingCore
from app.services.store import Store


@dataclass(frozen=True)
class Readiness:
    """`problems` maps what is not ready to the reason; `missing_models` are optional and only reported."""

    problems: Mapping[str, str]
    missing_models: Sequence[str]

    @property
    def is_ready(self) -> bool:
        """Nothing that is needed is missing."""
        return not self.problems


@dataclass(frozen=True, kw_only=True)
class CheckReadiness:
    """Models are those that this process found when it started: a file that came later is not loaded."""

    store: Store
    blobs: BlobStore
    core: MatchingCore
    required_missing: Sequence[str] = ()
    optional_missing: Sequence[str] = ()

    def __call__(self) -> Readiness:
        health = self.core.health()
        required = ", ".join(self.required_missing)
        reasons = {
            "store": self.store.is_ready(),
            "blobs": self.blobs.is_ready(),
            "matching": None if health.is_ready else health.reason or "the matching core is not ready",
            "models": f"{required}; run `bonafide models pull` and start again" if required else None,
        }
        problems = {name: reason for name, reason in reasons.items() if reason}
        return Readiness(problems, tuple(self.optional_missing))
