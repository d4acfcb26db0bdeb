"""The first tables.

Revision: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "organizations",
        sa.Column("organization_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settings", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("audit_sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_organizations")),
        sa.UniqueConstraint("slug", name=op.f("uq_organizations_slug")),
    )
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.String(length=32), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_api_keys_organization_id")
        ),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("sha256", name=op.f("uq_api_keys_sha256")),
    )
    op.create_index(op.f("ix_api_keys_organization_id"), "api_keys", ["organization_id"], unique=False)
    op.create_table(
        "audit_entries",
        sa.Column("organization_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("object_type", sa.String(length=64), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_audit_entries_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "sequence", name=op.f("pk_audit_entries")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_audit_entries_entry_id")),
    )
    op.create_table(
        "entities",
        sa.Column("entity_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("entity_type", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("tax_id", sa.Text(), nullable=True),
        sa.Column("country_code", sa.String(length=2), nullable=True),
        sa.Column("attributes", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_entities_organization_id")
        ),
        sa.PrimaryKeyConstraint("entity_id", name=op.f("pk_entities")),
        sa.UniqueConstraint("organization_id", "is_test", "external_id", name="uq_entities_external_id"),
        sa.UniqueConstraint("organization_id", "is_test", "tax_id", name="uq_entities_tax_id"),
    )
    op.create_table(
        "entity_keys",
        sa.Column("entity_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("master_key_id", sa.String(length=64), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_entity_keys_organization_id")
        ),
        sa.PrimaryKeyConstraint("entity_id", name=op.f("pk_entity_keys")),
    )
    op.create_index(op.f("ix_entity_keys_organization_id"), "entity_keys", ["organization_id"], unique=False)
    op.create_table(
        "biometric_sessions",
        sa.Column("session_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("entity_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("hosted_session_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("workflow_id", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("callback", sa.Text(), nullable=True),
        sa.Column("webhook_url", sa.Text(), nullable=True),
        sa.Column("metadata", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("avoid", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("has_more_time", sa.Boolean(), nullable=False),
        sa.Column("challenges_at_least", sa.Integer(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_activity_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_in_review", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("rejection_code", sa.String(length=64), nullable=True),
        sa.Column("rejection_message", sa.Text(), nullable=True),
        sa.Column("decision", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["entities.entity_id"], name=op.f("fk_biometric_sessions_entity_id")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.organization_id"],
            name=op.f("fk_biometric_sessions_organization_id"),
        ),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_biometric_sessions")),
        sa.UniqueConstraint("hosted_session_id", name=op.f("uq_biometric_sessions_hosted_session_id")),
    )
    op.create_index(
        "ix_biometric_sessions_entity", "biometric_sessions", ["entity_id", "created_at"], unique=False
    )
    op.create_index(
        "uq_biometric_sessions_active_entity",
        "biometric_sessions",
        ["entity_id"],
        unique=True,
        sqlite_where=sa.text("status IN ('in_progress', 'pending')"),
        postgresql_where=sa.text("status IN ('in_progress', 'pending')"),
    )
    op.create_table(
        "kyc_validations",
        sa.Column("validation_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("entity_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_session_id", sa.Text(), nullable=True),
        sa.Column("metadata", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("portrait_blob_id", sa.String(length=64), nullable=True),
        sa.Column("template_blob_id", sa.String(length=64), nullable=True),
        sa.Column("template_model_id", sa.String(length=64), nullable=True),
        sa.Column("quality", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.entity_id"], name=op.f("fk_kyc_validations_entity_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_kyc_validations_organization_id")
        ),
        sa.PrimaryKeyConstraint("validation_id", name=op.f("pk_kyc_validations")),
    )
    op.create_index(
        "ix_kyc_validations_entity", "kyc_validations", ["entity_id", "status", "approved_at"], unique=False
    )
    op.create_table(
        "captures",
        sa.Column("capture_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("entity_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("session_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("blob_id", sa.String(length=64), nullable=False),
        sa.Column("content_type", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.entity_id"], name=op.f("fk_captures_entity_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_captures_organization_id")
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["biometric_sessions.session_id"], name=op.f("fk_captures_session_id")
        ),
        sa.PrimaryKeyConstraint("capture_id", name=op.f("pk_captures")),
    )
    op.create_index(op.f("ix_captures_entity_id"), "captures", ["entity_id"], unique=False)
    op.create_index(op.f("ix_captures_session_id"), "captures", ["session_id"], unique=False)
    op.create_table(
        "hosted_sessions",
        sa.Column("hosted_session_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("session_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("page_id", sa.String(length=64), nullable=True),
        sa.Column("attempts_used", sa.Integer(), nullable=False),
        sa.Column("quality_retries_used", sa.Integer(), nullable=False),
        sa.Column("consent_version", sa.Text(), nullable=True),
        sa.Column("consent_hash", sa.String(length=64), nullable=True),
        sa.Column("consent_language", sa.String(length=35), nullable=True),
        sa.Column("consented_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("evidence", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_hosted_sessions_organization_id")
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["biometric_sessions.session_id"], name=op.f("fk_hosted_sessions_session_id")
        ),
        sa.PrimaryKeyConstraint("hosted_session_id", name=op.f("pk_hosted_sessions")),
        sa.UniqueConstraint("session_id", name=op.f("uq_hosted_sessions_session_id")),
    )


def downgrade() -> None:
    for table in (
        "hosted_sessions",
        "captures",
        "kyc_validations",
        "biometric_sessions",
        "entity_keys",
        "entities",
        "audit_entries",
        "api_keys",
        "organizations",
    ):
        op.drop_table(table)
