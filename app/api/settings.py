"""Settings of the key's organization, its workflows, and its KYC webhook secret."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.api.answers import Pagination, reply
from app.api.answers_settings import (
    SettingsAnswer,
    WebhookSecretAnswer,
    WorkflowAnswer,
    WorkflowsAnswer,
    settings_answer,
    webhook_secret_answer,
    workflow_answer,
)
from app.api.authentication import caller, requires
from app.api.idempotency import idempotent
from app.api.requests import PageQuery
from app.api.services import api_services
from app.api.settings_requests import SettingsBody, WebhookSecretBody, WorkflowBody
from app.domain.errors import ObjectNotFound
from app.domain.organization import Scope
from app.domain.settings import WORKFLOW_ID, SettingsVersion
from app.web.openapi import JSON, Operation, Returns
from app.web.requests import read_json, read_query

settings = Blueprint("settings", __name__, url_prefix="/kyc")

_SETTINGS = {200: Returns("The settings as they stand now.", SettingsAnswer)}
_WORKFLOW_PART = {"workflowId": {"type": "string", "pattern": f"^{WORKFLOW_ID.pattern}$"}}

OPERATIONS = (
    Operation(
        method="get",
        path="/api/kyc/settings",
        operation_id="getSettings",
        summary="The organization's settings",
        scope=Scope.SETTINGS_READ,
        answers=_SETTINGS,
    ),
    Operation(
        method="patch",
        path="/api/kyc/settings",
        operation_id="changeSettings",
        summary="Change some of the settings",
        description=(
            "What is left out stays as it is, null is back to the default. Every change is a version of its own "
            "and is audited; sessions whose capture is in are decided by the version of then. With "
            "`policyVersion` in the body it is `INVALID_STATE` where another version is in force by now."
        ),
        scope=Scope.SETTINGS_WRITE,
        request={JSON: SettingsBody},
        answers=_SETTINGS,
        errors=("INVALID_STATE",),
    ),
    Operation(
        method="post",
        path="/api/kyc/settings/webhook-secret",
        operation_id="renewWebhookSecret",
        summary="Make the KYC webhook secret, or another in its place",
        description=(
            "It is shown this once. One that stood signs as well for `overlapSeconds` (24 h by default, 0 for not "
            "at all); only the last one does."
        ),
        scope=Scope.SETTINGS_WRITE,
        is_idempotent=True,
        request={JSON: WebhookSecretBody},
        is_body_optional=True,
        answers={201: Returns("The secret.", WebhookSecretAnswer)},
    ),
    Operation(
        method="delete",
        path="/api/kyc/settings/webhook-secret",
        operation_id="removeWebhookSecret",
        summary="Remove the KYC webhook secret",
        description="Synchronous checks are `NOT_CONFIGURED` without one. It never comes again.",
        scope=Scope.SETTINGS_WRITE,
        answers=_SETTINGS,
    ),
    Operation(
        method="get",
        path="/api/kyc/workflows",
        operation_id="listWorkflows",
        summary="The organization's workflows",
        scope=Scope.SETTINGS_READ,
        query=PageQuery,
        answers={200: Returns("A page of workflows.", WorkflowsAnswer)},
    ),
    Operation(
        method="get",
        path="/api/kyc/workflows/{workflowId}",
        operation_id="getWorkflow",
        summary="One workflow",
        scope=Scope.SETTINGS_READ,
        parts=_WORKFLOW_PART,
        answers={200: Returns("The workflow.", WorkflowAnswer)},
    ),
    Operation(
        method="put",
        path="/api/kyc/workflows/{workflowId}",
        operation_id="putWorkflow",
        summary="Make a workflow, or make it anew",
        description="What is left out is as the organization has it. A change of the settings like any other.",
        scope=Scope.SETTINGS_WRITE,
        parts=_WORKFLOW_PART,
        request={JSON: WorkflowBody},
        answers={200: Returns("The workflow as it stands now.", WorkflowAnswer)},
        errors=("INVALID_STATE",),
    ),
    Operation(
        method="delete",
        path="/api/kyc/workflows/{workflowId}",
        operation_id="removeWorkflow",
        summary="Remove a workflow",
        description=(
            "Sessions that were opened with it go on as it last was. `INVALID_STATE` for the organization's "
            "`biometricWorkflowId`: name another there before, or null."
        ),
        scope=Scope.SETTINGS_WRITE,
        parts=_WORKFLOW_PART,
        answers=_SETTINGS,
        errors=("INVALID_STATE",),
    ),
)


@settings.get("/settings")
@requires(Scope.SETTINGS_READ)
def get_settings() -> ResponseReturnValue:
    return reply(_settings_answer(api_services().read_settings(caller())))


@settings.patch("/settings")
@requires(Scope.SETTINGS_WRITE)
def change_settings() -> ResponseReturnValue:
    body = read_json(SettingsBody)
    version = api_services().change_settings.patch(caller(), body.changes(), body.policy_version)
    return reply(_settings_answer(version))


@settings.post("/settings/webhook-secret")
@requires(Scope.SETTINGS_WRITE)
@idempotent
def renew_webhook_secret() -> ResponseReturnValue:
    body = read_json(WebhookSecretBody, may_be_absent=True)
    return reply(webhook_secret_answer(api_services().renew_webhook_secret.renew(caller(), body.overlap)), 201)


@settings.delete("/settings/webhook-secret")
@requires(Scope.SETTINGS_WRITE)
def remove_webhook_secret() -> ResponseReturnValue:
    return reply(_settings_answer(api_services().renew_webhook_secret.remove(caller())))


@settings.get("/workflows")
@requires(Scope.SETTINGS_READ)
def list_workflows() -> ResponseReturnValue:
    query = read_query(PageQuery)
    found = api_services().read_settings(caller()).settings
    page = found.workflows[query.offset : query.offset + query.limit]
    pagination = Pagination(limit=query.limit, offset=query.offset, total=len(found.workflows))
    workflows = tuple(workflow_answer(found, workflow) for workflow in page)
    return reply(WorkflowsAnswer(workflows=workflows, pagination=pagination))


@settings.get("/workflows/<workflow_id>")
@requires(Scope.SETTINGS_READ)
def get_workflow(workflow_id: str) -> ResponseReturnValue:
    return reply(_answer(api_services().read_settings(caller()), workflow_id))


@settings.put("/workflows/<workflow_id>")
@requires(Scope.SETTINGS_WRITE)
def put_workflow(workflow_id: str) -> ResponseReturnValue:
    body = read_json(WorkflowBody)
    workflow = body.to_domain(workflow_id)
    version = api_services().change_settings.put_workflow(caller(), workflow, body.policy_version)
    return reply(_answer(version, workflow_id))


@settings.delete("/workflows/<workflow_id>")
@requires(Scope.SETTINGS_WRITE)
def remove_workflow(workflow_id: str) -> ResponseReturnValue:
    return reply(_settings_answer(api_services().change_settings.remove_workflow(caller(), workflow_id)))


def _settings_answer(version: SettingsVersion) -> SettingsAnswer:
    return settings_answer(version, api_services().public_url)


def _answer(version: SettingsVersion, workflow_id: str) -> WorkflowAnswer:
    """`ObjectNotFound` where there is none."""
    workflow = version.settings.workflow(workflow_id)
    if workflow is None:
        raise ObjectNotFound("No such workflow.")
    return workflow_answer(version.settings, workflow)
