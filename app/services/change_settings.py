"""An organization's settings are changed: every change is a version of its own, with its audit entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from app.domain.branding import UNBRANDED, BrandingChange
from app.domain.errors import InvalidRequest, InvalidState, ObjectNotFound
from app.domain.organization import Caller
from app.domain.settings import (
    STRICT,
    WORKFLOWS_MAX,
    OrganizationSettings,
    SettingsVersion,
    Workflow,
    changes_between,
    effective,
    with_workflow,
    without_workflow,
)
from app.services.audit import record
from app.services.keep_logo import KeepLogo
from app.services.new_blobs import NewBlobs
from app.services.ports import Clock, Randomness
from app.services.store import Store, UnitOfWork

Change = Callable[[OrganizationSettings], OrganizationSettings]


@dataclass(frozen=True, kw_only=True)
class ReadSettings:
    """The settings in force."""

    store: Store

    def __call__(self, caller: Caller) -> SettingsVersion:
        with self.store.read() as uow:
            return uow.settings.current(caller.organization.organization_id)


@dataclass(frozen=True, kw_only=True)
class ChangeSettings:
    """Of two changes at once the second builds on the first: neither is lost.

    `is_strict_available`: whether this server has every model that the strict profile asks for.
    Each change answers the version that is in force afterwards; one that changes nothing makes none.
    `InvalidRequest` where what comes out does not hold together.
    """

    store: Store
    clock: Clock
    randomness: Randomness
    is_strict_available: bool
    keep_logo: KeepLogo

    def patch(self, caller: Caller, changes: Mapping[str, object], based_on: int | None = None) -> SettingsVersion:
        """Replace settings by their names. `InvalidState` where another version than `based_on` is in force."""
        self._check_profile(changes.get("liveness_profile"))
        self._check_blocklist(caller, changes.get("blocklist"))
        with NewBlobs(self.keep_logo.blobs) as blobs:
            changes = self._with_kept_logo(caller, changes, blobs)
            return self.apply(caller, lambda settings: _patched(settings, changes), based_on, blobs)

    def put_workflow(self, caller: Caller, workflow: Workflow, based_on: int | None = None) -> SettingsVersion:
        """Make it, or make it anew. `InvalidState` as above."""
        self._check_profile(workflow.liveness_profile)
        return self.apply(caller, lambda settings: _with_checked(settings, workflow), based_on)

    def remove_workflow(self, caller: Caller, workflow_id: str) -> SettingsVersion:
        """`ObjectNotFound` where there is none, `InvalidState` where sessions are given it unasked."""
        return self.apply(caller, lambda settings: _without(settings, workflow_id))

    def apply(
        self, caller: Caller, change: Change, based_on: int | None = None, named: NewBlobs | None = None
    ) -> SettingsVersion:
        """Carry a change out on what is in force now. `change` sees the number that the new version will have.

        `named` are the blobs that it names.
        """
        organization_id = caller.organization.organization_id
        with self.store.begin() as uow:
            before = uow.settings.current(organization_id)
            if based_on is not None and based_on != before.policy_version:
                raise InvalidState(f"The settings have changed: version {before.policy_version} is in force.")
            number = before.policy_version + 1
            settings = change(replace(before.settings, policy_version=number))
            changed = changes_between(before.settings, settings)
            if not changed:
                return before
            after = SettingsVersion(organization_id, settings, self.clock.now(), caller.actor)
            uow.settings.add(after)
            self._note(uow, after, changed)
            if named is not None:
                named.keep()
            uow.commit()
        return after

    def _note(self, uow: UnitOfWork, after: SettingsVersion, changed: Mapping[str, tuple[object, object]]) -> None:
        record(
            uow,
            self.randomness,
            after.created_at,
            organization_id=after.organization_id,
            actor=after.actor,
            action="settings.changed",
            object_type="settings",
            object_id=after.organization_id,
            detail={
                "policyVersion": after.policy_version,
                "changes": {name: {"from": old, "to": new} for name, (old, new) in changed.items()},
            },
        )

    def _with_kept_logo(
        self, caller: Caller, changes: Mapping[str, object], blobs: NewBlobs
    ) -> Mapping[str, object]:
        """The changes with a logo where bytes were: it is kept before the transaction that names it."""
        branding = changes.get("branding")
        data = branding.values.get("logo") if isinstance(branding, BrandingChange) else None
        if not isinstance(branding, BrandingChange) or not isinstance(data, bytes):
            return changes
        organization_id = caller.organization.organization_id
        with self.store.read() as uow:
            standing = uow.settings.current(organization_id).settings.branding.logo
        logo = self.keep_logo(organization_id, data, standing, blobs)
        return {**changes, "branding": replace(branding, values={**branding.values, "logo": logo})}

    def _check_blocklist(self, caller: Caller, wished: object) -> None:
        """Every entity that is new on it must be one of the organization, live or test."""
        if not isinstance(wished, tuple):
            return
        organization_id = caller.organization.organization_id
        with self.store.read() as uow:
            listed = uow.settings.current(organization_id).settings.blocklist
            problems = {
                f"blocklist.{number}": "names no entity of the organization"
                for number, entity_id in enumerate(wished)
                if entity_id not in listed and not _is_known(uow, organization_id, entity_id)
            }
        if problems:
            raise InvalidRequest("The settings cannot be accepted.", problems)

    def _check_profile(self, wished: object) -> None:
        """Where models are missing the strict profile would approve nobody."""
        if wished == STRICT and not self.is_strict_available:
            raise InvalidRequest(
                "The settings cannot be accepted.",
                {"livenessProfile": "strict is not available on this server: it lacks models"},
            )


def _is_known(uow: UnitOfWork, organization_id: str, entity_id: str) -> bool:
    return any(uow.entities.get(organization_id, is_test, entity_id) for is_test in (False, True))


def _patched(settings: OrganizationSettings, changes: Mapping[str, object]) -> OrganizationSettings:
    problems: dict[str, str] = {}
    wished_branding = changes.get("branding")
    if isinstance(wished_branding, BrandingChange):
        problems |= wished_branding.problems(settings.branding)
        changes = {**changes, "branding": wished_branding.apply(settings.branding)}
    elif wished_branding is None and "branding" in changes:
        changes = {**changes, "branding": UNBRANDED}
    changed = replace(settings, **changes)  # type: ignore[arg-type]
    wished = changed.biometric_workflow_id
    if wished is not None and changed.workflow(wished) is None:
        problems["biometricWorkflowId"] = "names no workflow of the organization"
    floor = changed.score_floor
    if floor is not None and floor > changed.score_decline_threshold:
        problems["scoreFloor"] = "must not be above scoreDeclineThreshold"
    elif below := _workflows_below(changed):
        problems["scoreFloor"] = f"must not be above the scoreDeclineThreshold of the workflow {below[0]}"
    if problems:
        raise InvalidRequest("The settings do not go together.", problems)
    return changed


def _with_checked(settings: OrganizationSettings, workflow: Workflow) -> OrganizationSettings:
    changed = with_workflow(settings, workflow)
    if len(changed.workflows) > WORKFLOWS_MAX:
        raise InvalidState(f"An organization has at most {WORKFLOWS_MAX} workflows.")
    if workflow.workflow_id in _workflows_below(changed):
        raise InvalidRequest(
            "The workflow does not go with the organization's settings.",
            {"scoreDeclineThreshold": f"must not be below the organization's scoreFloor, {settings.score_floor}"},
        )
    return changed


def _without(settings: OrganizationSettings, workflow_id: str) -> OrganizationSettings:
    if settings.workflow(workflow_id) is None:
        raise ObjectNotFound("No such workflow.")
    if settings.biometric_workflow_id == workflow_id:
        raise InvalidState("It is the organization's biometricWorkflowId: name another, or null, before.")
    return without_workflow(settings, workflow_id)


def _workflows_below(settings: OrganizationSettings) -> list[str]:
    """Workflows that decide by less than the organization's floor."""
    if settings.score_floor is None:
        return []
    ids = [one.workflow_id for one in settings.workflows]
    return [one for one in ids if effective(settings, one).score_decline_threshold < settings.score_floor]
