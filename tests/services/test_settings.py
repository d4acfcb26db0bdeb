"""Settings are changed, each time as a version."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.errors import (
    InvalidRequest,
    InvalidState,
    ObjectNotFound,
)
from app.domain.settings import WORKFLOWS_MAX, OrganizationSettings, SettingsVersion, Workflow
from app.services.provision_organization import provision_organization
from tests.builders import Builder, add_organization, caller_of
from tests.fakes import EPOCH, FakeClock, SeededRandomness
from tests.services.desk import Desk


@pytest.fixture
def desk(store: SqlStore) -> Desk:
    organization = add_organization(store, Builder(SeededRandomness()).organization())
    return Desk(store, FakeClock(), caller_of(organization))


def test_an_organization_begins_with_version_one(store: SqlStore) -> None:
    made = provision_organization(store, FakeClock(), SeededRandomness(), slug="acme", name="Acme")
    with store.read() as uow:
        version = uow.settings.current(made.organization_id)
    assert version == SettingsVersion(made.organization_id, OrganizationSettings(), EPOCH, "operator")


def test_a_change_is_a_new_version_and_those_before_are_kept(desk: Desk) -> None:
    version = desk.patch(score_decline_threshold=42.0, max_attempts=5)
    organization_id = desk.caller.organization.organization_id
    assert (version.policy_version, version.created_at, version.actor) == (2, desk.clock.now(), "test")
    assert desk.now() == OrganizationSettings(policy_version=2, score_decline_threshold=42.0, max_attempts=5)
    with desk.store.read() as uow:
        first, organization = uow.settings.get(organization_id, 1), uow.organizations.get(organization_id)
    assert first is not None
    assert first.settings == OrganizationSettings()
    assert organization is not None
    assert organization.settings == desk.now()


def test_it_is_audited_with_what_changed_and_no_more(desk: Desk) -> None:
    desk.patch(score_decline_threshold=42.0, max_attempts=3)
    (entry,) = desk.entries()
    assert (entry.actor, entry.object_type, entry.at) == ("test", "settings", desk.clock.now())
    assert entry.detail == {
        "policyVersion": 2,
        "changes": {"score_decline_threshold": {"from": 30.0, "to": 42.0}},
    }


def test_what_changes_nothing_makes_no_version(desk: Desk) -> None:
    first = desk.patch(review_band=5.0)
    assert desk.patch(review_band=5.0) == first
    assert desk.patch() == first
    assert desk.change.put_workflow(desk.caller, Workflow("default")) == first
    assert len(desk.entries()) == 1


def test_a_change_based_on_another_version_is_refused(desk: Desk) -> None:
    desk.change.patch(desk.caller, {"review_band": 5.0}, based_on=1)
    with pytest.raises(InvalidState):
        desk.change.patch(desk.caller, {"review_band": 6.0}, based_on=1)
    with pytest.raises(InvalidState):
        desk.change.put_workflow(desk.caller, Workflow("own"), based_on=3)
    assert desk.now() == OrganizationSettings(policy_version=2, review_band=5.0)
    assert desk.change.put_workflow(desk.caller, Workflow("own"), based_on=2).policy_version == 3


def test_changes_at_once_are_all_applied_one_after_the_other(desk: Desk) -> None:
    changes = [{"review_band": 5.0}, {"max_attempts": 7}, {"score_floor": 1.0}, {"default_language": "pt"}]
    start = Barrier(len(changes))

    def patch(change: dict[str, object]) -> int:
        start.wait()
        return desk.change.patch(desk.caller, change).policy_version

    with ThreadPoolExecutor(len(changes)) as threads:
        numbers = sorted(threads.map(patch, changes))
    assert numbers == [2, 3, 4, 5]
    assert desk.now() == OrganizationSettings(
        policy_version=5, review_band=5.0, max_attempts=7, score_floor=1.0, default_language="pt"
    )
    assert [entry.detail["policyVersion"] for entry in desk.entries()] == numbers


def test_of_changes_at_once_that_name_their_version_one_wins(desk: Desk) -> None:
    start = Barrier(4)

    def patch(band: float) -> bool:
        start.wait()
        try:
            desk.change.patch(desk.caller, {"review_band": band}, based_on=1)
        except InvalidState:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(patch, (1.0, 2.0, 3.0, 4.0))) == [False, False, False, True]
    assert desk.now().policy_version == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"biometric_workflow_id": "unknown"}, "biometricWorkflowId"),
        ({"score_floor": 30.5}, "scoreFloor"),
        ({"score_floor": 20.0, "score_decline_threshold": 10.0}, "scoreFloor"),
        ({"score_floor": 26.0}, "scoreFloor"),
    ],
)
def test_what_does_not_go_together_is_refused(desk: Desk, changes: dict[str, object], field: str) -> None:
    desk.change.put_workflow(desk.caller, Workflow("own", score_decline_threshold=25.0))
    with pytest.raises(InvalidRequest) as refusal:
        desk.change.patch(desk.caller, changes)
    assert list(refusal.value.fields) == [field]
    assert desk.now().policy_version == 2


def test_a_workflow_does_not_decide_by_less_than_the_floor(desk: Desk) -> None:
    desk.patch(score_floor=30.0)
    with pytest.raises(InvalidRequest) as refusal:
        desk.change.put_workflow(desk.caller, Workflow("own", score_decline_threshold=29.9))
    assert list(refusal.value.fields) == ["scoreDeclineThreshold"]
    desk.change.put_workflow(desk.caller, Workflow("own", score_decline_threshold=30.0))


def test_where_models_are_missing_nobody_becomes_strict(desk: Desk) -> None:
    desk.is_strict_available = False
    with pytest.raises(InvalidRequest) as refusal:
        desk.patch(liveness_profile="strict")
    assert list(refusal.value.fields) == ["livenessProfile"]
    with pytest.raises(InvalidRequest) as refusal:
        desk.change.put_workflow(desk.caller, Workflow("own", liveness_profile="strict"))
    assert list(refusal.value.fields) == ["livenessProfile"]
    assert desk.now() == OrganizationSettings()
    desk.is_strict_available = True
    assert desk.patch(liveness_profile="strict").settings.liveness_profile == "strict"


def test_workflows_come_and_go(desk: Desk) -> None:
    desk.change.put_workflow(desk.caller, Workflow("own"))
    desk.patch(biometric_workflow_id="own")
    with pytest.raises(InvalidState):
        desk.change.remove_workflow(desk.caller, "own")
    desk.change.remove_workflow(desk.caller, "default")
    with pytest.raises(ObjectNotFound):
        desk.change.remove_workflow(desk.caller, "default")
    assert desk.now().workflows == (Workflow("own"),)
    assert [sorted(entry.detail["changes"]) for entry in desk.entries()] == [  # type: ignore[call-overload]
        ["workflows.own"],
        ["biometric_workflow_id"],
        ["workflows.default"],
    ]


def test_there_is_an_end_to_workflows(sqlite_store: SqlStore) -> None:
    workflows = tuple(Workflow(f"w{number}") for number in range(WORKFLOWS_MAX))
    organization = Builder(SeededRandomness()).organization(workflows=workflows, biometric_workflow_id="w0")
    desk = Desk(sqlite_store, FakeClock(), caller_of(add_organization(sqlite_store, organization)))
    with pytest.raises(InvalidState):
        desk.change.put_workflow(desk.caller, Workflow("one-more"))
    desk.change.put_workflow(desk.caller, Workflow("w1", challenges=5))


def test_a_secret_is_of_the_version_that_made_it(desk: Desk) -> None:
    organization_id = desk.caller.organization.organization_id
    made = desk.secret.renew(desk.caller, timedelta(hours=24))
    assert made.secret == f"secret 2 of {organization_id}"
    settings = desk.now()
    assert (settings.kyc_webhook_secret_version, settings.kyc_webhook_previous_version) == (2, 1)
    assert settings.kyc_webhook_previous_until == desk.clock.now() + timedelta(hours=24)
    assert desk.secret.remove(desk.caller).settings.kyc_webhook_secret_version is None
    assert desk.secret.remove(desk.caller).policy_version == 3
    again = desk.secret.renew(desk.caller, timedelta(hours=24))
    assert again.secret == f"secret 4 of {organization_id}"
    assert again.version.settings.kyc_webhook_previous_until is None
    assert not any("secret 2" in str(entry.detail) for entry in desk.entries())
