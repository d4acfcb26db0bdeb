"""Settings and workflows, as the API answers them: what is in force."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from pydantic import Field

from app.api.answers import Answer, Pagination, Time, Uuid
from app.api.branding_requests import SchemeName
from app.api.settings_requests import CallbackMethodName, CrossEntityPolicy, LivenessProfile
from app.domain.branding import DARK, LIGHT, Branding, logo_path
from app.domain.settings import OrganizationSettings, SessionPolicy, SettingsVersion, Workflow, effective
from app.services.webhook_secret import NewSecret


class EntityPauseAnswer(Answer):
    """After so many failed sessions within so many hours an entity has to wait."""

    failures: int
    hours: int


class ColorsAnswer(Answer):
    """As they were named; null: made out of `accent`."""

    accent: str
    on_accent: str | None
    accent_dark: str | None
    on_accent_dark: str | None


class OwnConsentAnswer(Answer):
    """The organization's own full text of the consent, in one language."""

    version: str
    text: str


class BrandingAnswer(Answer):
    """Null: as it comes with Bonafide; the page then calls the organization by its own name.

    `logo` is the address of the picture that was made of what was sent.
    """

    name: str | None
    logo: str | None
    colors: ColorsAnswer | None
    radius: int | None
    scheme: SchemeName
    consent: dict[str, OwnConsentAnswer]


class SettingsAnswer(Answer):
    """The settings in force; `policyVersion` is their number, `updatedAt` since when they are.

    `blocklist` are entities, of either mode. `lightChallenge`: the page shines on the face in
    colours, unless `accessibility.avoid` has `flash`. `callbackMethod`: where a computer hands the session to a
    phone, `initiator` sends the computer on to the callback, `completer` the one that completes it, `both` each.
    What this version does not do yet is as it is done today: `retentionDays: null` (nothing is erased by itself).
    """

    policy_version: int
    updated_at: Time
    biometric_enabled: bool
    face_match_enabled: bool
    kyc_enabled: bool
    biometric_workflow_id: str | None
    score_decline_threshold: float
    review_band: float
    cross_entity_policy: CrossEntityPolicy
    duplicate_threshold: float
    liveness_profile: LivenessProfile
    light_challenge: bool
    max_attempts: int
    allowed_frame_origins: tuple[str, ...]
    allowed_callback_urls: tuple[str, ...]
    callback_method: CallbackMethodName
    score_floor: float | None
    blocklist: tuple[Uuid, ...]
    monthly_quota: int | None
    entity_pause: EntityPauseAnswer
    retention_days: int | None
    branding: BrandingAnswer
    default_language: str
    has_webhook_secret: bool


class EffectiveAnswer(Answer):
    """What a session of the workflow is run with. `challenges` null: as many as the draw asks anyway."""

    liveness_profile: LivenessProfile
    challenges: int | None
    score_decline_threshold: float
    review_band: float
    max_attempts: int


class WorkflowAnswer(Answer):
    """A workflow: what it sets itself (null: as the organization has it), and what comes of both together.

    `isDefault`: sessions that name none are run with it.
    """

    id: str
    is_default: bool
    liveness_profile: LivenessProfile | None
    challenges: int | None
    score_decline_threshold: float | None
    review_band: float | None
    max_attempts: int | None
    effective: EffectiveAnswer
    policy_version: int


class WorkflowsAnswer(Answer):
    """Part of a list."""

    workflows: tuple[WorkflowAnswer, ...]
    pagination: Pagination


class WebhookSecretAnswer(Answer):
    """A new secret, shown this once. `previousValidUntil`: until then the one before signs as well."""

    secret: Annotated[str, Field(pattern="^whsec_")]
    policy_version: int
    previous_valid_until: Time | None


def settings_answer(version: SettingsVersion, public_url: str) -> SettingsAnswer:
    """The settings as they are read. `public_url` is where the logo is served."""
    settings = version.settings
    return SettingsAnswer(
        policy_version=settings.policy_version,
        updated_at=version.created_at,
        biometric_enabled=settings.biometric_enabled,
        face_match_enabled=settings.face_match_enabled,
        kyc_enabled=settings.kyc_enabled,
        biometric_workflow_id=settings.biometric_workflow_id,
        score_decline_threshold=settings.score_decline_threshold,
        review_band=settings.review_band,
        cross_entity_policy=_cross_entity_policy(settings.cross_entity_policy),
        duplicate_threshold=settings.duplicate_threshold,
        liveness_profile=_profile(settings.liveness_profile),
        light_challenge=settings.light_challenge,
        max_attempts=settings.max_attempts,
        allowed_frame_origins=settings.allowed_frame_origins,
        allowed_callback_urls=settings.allowed_callback_urls,
        callback_method=_callback_method(settings.callback_method),
        score_floor=settings.score_floor,
        blocklist=settings.blocklist,
        monthly_quota=settings.monthly_quota,
        entity_pause=EntityPauseAnswer(failures=settings.pause_after_failures, hours=settings.pause_hours),
        retention_days=None,
        branding=_branding_answer(version.organization_id, settings.branding, public_url),
        default_language=settings.default_language,
        has_webhook_secret=settings.kyc_webhook_secret_version is not None,
    )


def workflow_answer(settings: OrganizationSettings, workflow: Workflow) -> WorkflowAnswer:
    """The workflow as it is read."""
    own = workflow.liveness_profile
    return WorkflowAnswer(
        id=workflow.workflow_id,
        is_default=workflow.workflow_id == settings.biometric_workflow_id,
        liveness_profile=None if own is None else _profile(own),
        challenges=workflow.challenges,
        score_decline_threshold=workflow.score_decline_threshold,
        review_band=workflow.review_band,
        max_attempts=workflow.max_attempts,
        effective=_effective_answer(effective(settings, workflow.workflow_id)),
        policy_version=settings.policy_version,
    )


def webhook_secret_answer(made: NewSecret) -> WebhookSecretAnswer:
    """The secret as it is shown once."""
    settings = made.version.settings
    return WebhookSecretAnswer(
        secret=made.secret,
        policy_version=settings.policy_version,
        previous_valid_until=settings.kyc_webhook_previous_until,
    )


def _effective_answer(policy: SessionPolicy) -> EffectiveAnswer:
    return EffectiveAnswer(
        liveness_profile=_profile(policy.liveness_profile),
        challenges=policy.challenges_at_least,
        score_decline_threshold=policy.score_decline_threshold,
        review_band=policy.review_band,
        max_attempts=policy.max_attempts,
    )


def _cross_entity_policy(name: str) -> CrossEntityPolicy:
    return "review" if name == "review" else "reject" if name == "reject" else "off"


def _callback_method(name: str) -> CallbackMethodName:
    known: dict[str, CallbackMethodName] = {"initiator": "initiator", "both": "both"}
    return known.get(name, "completer")


def _branding_answer(organization_id: str, branding: Branding, public_url: str) -> BrandingAnswer:
    colours = branding.colours
    return BrandingAnswer(
        name=branding.name,
        logo=None if branding.logo is None else public_url + logo_path(organization_id, branding.logo),
        colors=None if colours is None else ColorsAnswer(**asdict(colours)),
        radius=branding.radius,
        scheme=_scheme(branding.scheme),
        consent={one.language: OwnConsentAnswer(version=one.version, text=one.text) for one in branding.consents},
    )


def _scheme(name: str) -> SchemeName:
    return "light" if name == LIGHT else "dark" if name == DARK else "auto"


def _profile(name: str) -> LivenessProfile:
    return "strict" if name == "strict" else "standard"
