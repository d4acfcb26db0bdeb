"""What an organization sets, in versions, and what its workflows overrule for the sessions that name them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from app.domain.branding import UNBRANDED, Branding
from app.domain.comparison import DEFAULT_THRESHOLD
from app.domain.errors import WorkflowNotConfigured

DEFAULT_WORKFLOW = "default"
WORKFLOW_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
WORKFLOWS_MAX = 50
ADDRESSES_MAX = 100
"""Allowed origins, and allowed callback addresses: each list is walked for every session."""
ATTEMPTS_MAX = 10
CHALLENGES_MAX = 8
PAUSE_FAILURES_MAX = 100
PAUSE_HOURS_MAX = 30 * 24
QUOTA_MAX = 2**31 - 1
OVERLAP_DEFAULT = timedelta(hours=24)
OVERLAP_MAX = timedelta(days=30)
"""So long a webhook secret that was replaced may go on signing."""

STANDARD, STRICT = "standard", "strict"
OFF, REVIEW, REJECT = "off", "review", "reject"
"""What a face that another entity of the organization has already leads to."""

DEFAULT_DUPLICATE_THRESHOLD = 60.0
"""From here on two enrolments count as one person. A search compares with everybody, so by chance it finds
somebody as many times as often as there are enrolments: docs/matching.md has the figures."""
DUPLICATE_THRESHOLD_MIN = DEFAULT_THRESHOLD
BLOCKLIST_MAX = 500
"""Entities: the faces of all of them are compared for every session."""


@dataclass(frozen=True)
class Workflow:
    """What the sessions that name it are run with. None: what the organization sets.

    `challenges` only ever raises how many are drawn; the organization itself sets none.
    """

    workflow_id: str
    liveness_profile: str | None = None
    challenges: int | None = None
    score_decline_threshold: float | None = None
    review_band: float | None = None
    max_attempts: int | None = None


@dataclass(frozen=True)
class OrganizationSettings:
    """Versioned settings of an organization; `policy_version` grows with every change.

    `biometric_workflow_id` is the workflow of sessions that name none; None: such sessions cannot be opened.
    `score_floor` is the least threshold that a caller may ask for, None for any.
    `monthly_quota` None: without end.
    """

    policy_version: int = 1
    kyc_enabled: bool = True
    biometric_enabled: bool = True
    face_match_enabled: bool = True
    workflows: tuple[Workflow, ...] = (Workflow(DEFAULT_WORKFLOW),)
    biometric_workflow_id: str | None = DEFAULT_WORKFLOW
    score_decline_threshold: float = DEFAULT_THRESHOLD
    score_floor: float | None = None
    review_band: float = 0.0
    liveness_profile: str = STANDARD
    light_challenge: bool = False
    """Whether the page shines on the face in colours. Off: some people must not be flashed at."""
    max_attempts: int = 3
    pause_after_failures: int = 5
    pause_hours: int = 24
    monthly_quota: int | None = None
    allowed_frame_origins: tuple[str, ...] = ()
    allowed_callback_urls: tuple[str, ...] = ()
    callback_method: str = "completer"
    """Which device is sent on where a computer handed the session to a phone (`CallbackMethod`)."""
    default_language: str = "en"
    cross_entity_policy: str = OFF
    duplicate_threshold: float = DEFAULT_DUPLICATE_THRESHOLD
    blocklist: tuple[str, ...] = ()
    """Entities whose faces are refused."""
    branding: Branding = UNBRANDED
    kyc_webhook_secret_version: int | None = 1
    """The policy version that made the KYC webhook secret, None where it was removed. A number that never comes
    again: the secret is derived from it (`app/adapters/webhook_secrets.py`) and is itself kept nowhere."""
    kyc_webhook_previous_version: int | None = None
    """The one before, which signs as well until `kyc_webhook_previous_until`."""
    kyc_webhook_previous_until: datetime | None = None

    def workflow(self, workflow_id: str | None) -> Workflow | None:
        """The workflow of this name, None where there is none."""
        return next((one for one in self.workflows if one.workflow_id == workflow_id), None)


@dataclass(frozen=True)
class SettingsVersion:
    """Settings as they were in force from `created_at` until the next version; `actor` made them so."""

    organization_id: str
    settings: OrganizationSettings
    created_at: datetime
    actor: str

    @property
    def policy_version(self) -> int:
        """Its number within the organization."""
        return self.settings.policy_version


@dataclass(frozen=True)
class SessionPolicy:
    """What one session is run with and judged by: the organization's settings, its workflow over them.

    `challenges_at_least` None: what the draw asks anyway.
    """

    policy_version: int
    liveness_profile: str
    score_decline_threshold: float
    review_band: float
    max_attempts: int
    challenges_at_least: int | None
    light_challenge: bool = False
    cross_entity_policy: str = OFF
    duplicate_threshold: float = DEFAULT_DUPLICATE_THRESHOLD
    blocklist: tuple[str, ...] = ()

    @property
    def searches_others(self) -> bool:
        """Whether a probe is searched among the organization's other entities."""
        return self.cross_entity_policy != OFF

    @property
    def searches(self) -> bool:
        """Whether a probe is searched at all: among other entities, or on the block list."""
        return self.searches_others or bool(self.blocklist)


def effective(settings: OrganizationSettings, workflow_id: str) -> SessionPolicy:
    """The rule that makes one policy of the two. `WorkflowNotConfigured` where the settings have no such workflow.

    A session's workflow and the policy version of its decision are so all it takes to judge it again.
    """
    workflow = settings.workflow(workflow_id)
    if workflow is None:
        raise WorkflowNotConfigured("The biometric workflow is not configured for this organization.")
    return policy_of(settings, workflow)


def policy_of(settings: OrganizationSettings, workflow: Workflow = Workflow(DEFAULT_WORKFLOW)) -> SessionPolicy:
    """The workflow over the settings; one that sets nothing is the organization's own policy."""
    return SessionPolicy(
        policy_version=settings.policy_version,
        liveness_profile=workflow.liveness_profile or settings.liveness_profile,
        score_decline_threshold=_first(workflow.score_decline_threshold, settings.score_decline_threshold),
        review_band=_first(workflow.review_band, settings.review_band),
        max_attempts=workflow.max_attempts or settings.max_attempts,
        challenges_at_least=workflow.challenges,
        light_challenge=settings.light_challenge,
        cross_entity_policy=settings.cross_entity_policy,
        duplicate_threshold=settings.duplicate_threshold,
        blocklist=settings.blocklist,
    )


def with_workflow(settings: OrganizationSettings, workflow: Workflow) -> OrganizationSettings:
    """The workflow at the end, or in the place of the one of its name."""
    if settings.workflow(workflow.workflow_id) is None:
        return replace(settings, workflows=(*settings.workflows, workflow))
    changed = (workflow if one.workflow_id == workflow.workflow_id else one for one in settings.workflows)
    return replace(settings, workflows=tuple(changed))


def without_workflow(settings: OrganizationSettings, workflow_id: str) -> OrganizationSettings:
    """All but this one."""
    return replace(settings, workflows=tuple(one for one in settings.workflows if one.workflow_id != workflow_id))


def with_webhook_secret(
    settings: OrganizationSettings, version: int, now: datetime, overlap: timedelta
) -> OrganizationSettings:
    """A secret of this version; the one that stood signs on for the overlap. One before that signs no more."""
    previous = settings.kyc_webhook_secret_version if overlap else None
    return replace(
        settings,
        kyc_webhook_secret_version=version,
        kyc_webhook_previous_version=previous,
        kyc_webhook_previous_until=None if previous is None else now + overlap,
    )


def without_webhook_secret(settings: OrganizationSettings) -> OrganizationSettings:
    """No secret at all, none from a rotation either."""
    return replace(
        settings,
        kyc_webhook_secret_version=None,
        kyc_webhook_previous_version=None,
        kyc_webhook_previous_until=None,
    )


def changes_between(
    before: OrganizationSettings, after: OrganizationSettings
) -> Mapping[str, tuple[object, object]]:
    """Names of what differs, with old and new; a workflow by its own name, None where it was not or is no more."""
    old, new = _plain(before), _plain(after)
    return {
        name: (old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if name != "policy_version" and old.get(name) != new.get(name)
    }


def _plain(settings: OrganizationSettings) -> dict[str, object]:
    """Values that JSON knows, by name."""
    values = asdict(settings)
    values.update({f"workflows.{one.workflow_id}": asdict(one) for one in settings.workflows})
    del values["workflows"], values["branding"]
    values.update(_plain_branding(settings.branding))
    until = settings.kyc_webhook_previous_until
    return values | {"kyc_webhook_previous_until": None if until is None else until.isoformat()}


def _plain_branding(branding: Branding) -> dict[str, object]:
    """A consent text by its version and hash: the text itself stands in the settings version."""
    values = asdict(branding)
    del values["consents"]
    return {f"branding.{name}": value for name, value in values.items()} | {
        f"branding.consent.{one.language}": {"version": one.version, "sha256": one.sha256}
        for one in branding.consents
    }


def _first(own: float | None, inherited: float) -> float:
    """Zero is a value."""
    return inherited if own is None else own
