"""Templates of several recognizers side by side, and an index of the captures that wait for a verdict.

The columns that named a validation's one template go. The encrypted files they named stay behind, unreadable
once the entity's key is destroyed, until the entity is erased; renewal computes the templates anew from the
portraits. Nothing has been released with them.

Revision: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # SQLite makes the table anew: before another table refers to it, or the references would stand in the way.
    with op.batch_alter_table("kyc_validations") as validations:
        validations.drop_column("template_model_id")
        validations.drop_column("template_blob_id")
    op.create_table(
        "templates",
        sa.Column("validation_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("model_id", sa.String(length=64), nullable=False),
        sa.Column("model_version", sa.String(length=64), nullable=False),
        sa.Column("organization_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("entity_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.entity_id"], name=op.f("fk_templates_entity_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_templates_organization_id")
        ),
        sa.ForeignKeyConstraint(
            ["validation_id"], ["kyc_validations.validation_id"], name=op.f("fk_templates_validation_id")
        ),
        sa.PrimaryKeyConstraint("validation_id", "model_id", "model_version", name=op.f("pk_templates")),
    )
    op.create_index(op.f("ix_templates_entity_id"), "templates", ["entity_id"], unique=False)
    op.create_index(
        "ix_templates_gallery",
        "templates",
        ["organization_id", "is_test", "model_id", "model_version", "validation_id"],
        unique=False,
    )
    op.create_index(
        "ix_hosted_sessions_waiting",
        "hosted_sessions",
        ["captured_at"],
        unique=False,
        sqlite_where=sa.text("state = 'captured'"),
        postgresql_where=sa.text("state = 'captured'"),
    )


def downgrade() -> None:
    op.drop_index("ix_hosted_sessions_waiting", "hosted_sessions")
    op.drop_table("templates")
    with op.batch_alter_table("kyc_validations") as validations:
        validations.add_column(sa.Column("template_blob_id", sa.String(length=64), nullable=True))
        validations.add_column(sa.Column("template_model_id", sa.String(length=64), nullable=True))
