"""Settings in versions, and the rule that makes one policy of settings and workflow."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import WorkflowNotConfigured
from app.domain.settings import (
    DEFAULT_WORKFLOW,
    OrganizationSettings,
    SessionPolicy,
    Workflow,
    changes_between,
    effective,
    with_webhook_secret,
    with_workflow,
    without_webhook_secret,
    without_workflow,
)
from tests.fakes import EPOCH

DAY = timedelta(days=1)
SETTINGS = OrganizationSettings(policy_version=7, score_decline_threshold=40.0, review_band=10.0, max_attempts=5)
OWN: dict[str, Any] = {
    "liveness_profile": "strict",
    "challenges": 6,
    "score_decline_threshold": 0.0,
    "review_band": 0.0,
    "max_attempts": 1,
}
"""Zeros are values, not gaps."""


def test_a_workflow_that_sets_nothing_is_the_organization() -> None:
    assert effective(SETTINGS, DEFAULT_WORKFLOW) == SessionPolicy(
        policy_version=7,
        liveness_profile="standard",
        score_decline_threshold=40.0,
        review_band=10.0,
        max_attempts=5,
        challenges_at_least=None,
    )


@given(st.sets(st.sampled_from(sorted(OWN))))
def test_what_a_workflow_sets_goes_before_and_the_rest_is_the_organizations(names: set[str]) -> None:
    own = {name: OWN[name] for name in names}
    policy = effective(with_workflow(SETTINGS, Workflow("own", **own)), "own")
    for name in sorted(OWN):
        found = policy.challenges_at_least if name == "challenges" else getattr(policy, name)
        inherited = None if name == "challenges" else getattr(SETTINGS, name)
        assert found == (OWN[name] if name in names else inherited), name
    assert policy.policy_version == 7


def test_an_unknown_workflow_has_no_policy() -> None:
    with pytest.raises(WorkflowNotConfigured):
        effective(SETTINGS, "unknown")
    assert SETTINGS.workflow(None) is None


def test_workflows_are_added_at_the_end_replaced_in_place_and_removed() -> None:
    two = with_workflow(with_workflow(SETTINGS, Workflow("b")), Workflow("a"))
    changed = with_workflow(two, Workflow("b", challenges=3))
    assert changed.workflows == (Workflow(DEFAULT_WORKFLOW), Workflow("b", challenges=3), Workflow("a"))
    assert with_workflow(changed, Workflow("b", challenges=3)) == changed
    assert without_workflow(changed, "b").workflows == (Workflow(DEFAULT_WORKFLOW), Workflow("a"))
    assert without_workflow(changed, "unknown") == changed


def secrets_of(settings: OrganizationSettings) -> tuple[object, ...]:
    return (
        settings.kyc_webhook_secret_version,
        settings.kyc_webhook_previous_version,
        settings.kyc_webhook_previous_until,
    )


def test_a_secret_that_is_replaced_signs_on_for_the_overlap_and_only_the_last_one_does() -> None:
    first = with_webhook_secret(SETTINGS, 8, EPOCH, DAY)
    assert secrets_of(first) == (8, 1, EPOCH + DAY)
    assert secrets_of(with_webhook_secret(first, 9, EPOCH, DAY)) == (9, 8, EPOCH + DAY)


def test_without_an_overlap_or_without_a_secret_before_nothing_signs_on() -> None:
    assert secrets_of(with_webhook_secret(SETTINGS, 8, EPOCH, timedelta(0))) == (8, None, None)
    removed = without_webhook_secret(with_webhook_secret(SETTINGS, 8, EPOCH, DAY))
    assert secrets_of(removed) == (None, None, None)
    assert secrets_of(with_webhook_secret(removed, 9, EPOCH, DAY)) == (9, None, None)


def test_changes_are_told_by_name_with_old_and_new() -> None:
    after = with_workflow(replace(SETTINGS, policy_version=8, review_band=0.0), Workflow("own", challenges=5))
    own = {"workflow_id": "own", "liveness_profile": None, "challenges": 5, "score_decline_threshold": None}
    own |= {"review_band": None, "max_attempts": None}
    assert changes_between(SETTINGS, after) == {"review_band": (10.0, 0.0), "workflows.own": (None, own)}
    assert changes_between(after, SETTINGS)["workflows.own"] == (own, None)
    assert changes_between(SETTINGS, replace(SETTINGS, policy_version=8)) == {}


def test_changes_are_json() -> None:
    changed = with_webhook_secret(replace(SETTINGS, allowed_frame_origins=("https://a.example",)), 8, EPOCH, DAY)
    assert json.loads(json.dumps(changes_between(SETTINGS, changed))) == {
        "allowed_frame_origins": [[], ["https://a.example"]],
        "kyc_webhook_previous_until": [None, "2026-06-20T14:40:00+00:00"],
        "kyc_webhook_previous_version": [None, 1],
        "kyc_webhook_secret_version": [1, 8],
    }
