"""The renewal of templates as a background task."""

from __future__ import annotations

import logging
from collections import Counter

from app.services.renew_templates import Renewal, RenewTemplates

log = logging.getLogger(__name__)


class RenewalTask:
    """Holds the pass between its batches, and tells the log how it ended. Validation ids are all it names."""

    def __init__(self, renew_templates: RenewTemplates) -> None:
        self._renew_templates = renew_templates
        self._renewal: Renewal | None = None
        self._told: frozenset[str] = frozenset()

    def __call__(self) -> bool:
        """One batch; whether the pass goes on."""
        self._renewal = self._renew_templates(self._renewal)
        if not self._renewal.is_finished:
            return True
        self._tell(self._renewal)
        self._renewal = None
        return False

    def _tell(self, renewal: Renewal) -> None:
        if renewal.made or renewal.removed:
            log.info(
                "templates of %s: %d made, %d of other recognizers removed",
                renewal.template_format,
                renewal.made,
                renewal.removed,
            )
        reasons, told = Counter(renewal.not_made.values()), frozenset(renewal.not_made)
        if told and told != self._told:
            log.warning(
                "%d enrolments have no template of %s (%s); `bonafide templates renew` names them",
                len(told),
                renewal.template_format,
                ", ".join(f"{number}: {reason}" for reason, number in sorted(reasons.items())),
            )
        self._told = told
