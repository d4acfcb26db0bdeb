"""When each error of the table comes, in words for integrators."""

from __future__ import annotations

from collections.abc import Mapping

MEANINGS: Mapping[str, str] = {
    "INVALID_REQUEST": "The body, a field, an image or the query is wrong; `fields` says which and why.",
    "KYC_NOT_APPROVED": "The entity has no approved validation with a portrait.",
    "NO_PORTRAIT": "The approved validation has no usable reference portrait.",
    "BIOMETRIC_WORKFLOW_NOT_CONFIGURED": (
        "The organization's workflow was removed, or an unknown `workflowId` was sent."
    ),
    "UNAUTHORIZED": "No key, or one that is unknown, revoked or expired.",
    "FORBIDDEN": "The key lacks the scope, or `X-Organization-ID` names another organization.",
    "NOT_ENABLED": "The integration is off for the organization.",
    "NOT_CONFIGURED": "The organization has no KYC webhook secret.",
    "QUOTA_EXCEEDED": "The organization's quota is used up.",
    "NOT_FOUND": "There is no such object in this organization.",
    "METHOD_NOT_ALLOWED": "The address does not take this method; `Allow` says which it does.",
    "ACTIVE_SESSION_EXISTS": "A session of the entity is pending or in progress; `activeSessionId` names it.",
    "DUPLICATE_ENTITY": "`externalId` or `taxId` is taken in this organization.",
    "INVALID_STATE": "The object's status does not allow it.",
    "IDEMPOTENCY_CONFLICT": "The `Idempotency-Key` came with another body before.",
    "IDEMPOTENCY_IN_PROGRESS": "The first request with this `Idempotency-Key` still runs.",
    "PAYLOAD_TOO_LARGE": "The body is above 16 MiB.",
    "ENTITY_PAUSED": "Too many attempts of the entity came to nothing; `Retry-After` says how long it rests.",
    "RATE_LIMITED": "Too many requests with this key; `Retry-After` says how long to wait.",
    "VERIFICATION_FAILED": "The faces could not be compared; nothing is lost, and it can be asked again.",
    "INTERNAL_ERROR": "Our fault; `requestId` finds it in our logs.",
    "SERVICE_UNAVAILABLE": "The matching core or the store is out of reach; `Retry-After` says when to come back.",
}
