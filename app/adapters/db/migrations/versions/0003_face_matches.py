"""Face matches: a row for every request, the failed ones too.

Revision: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "face_matches",
        sa.Column("face_match_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("entity_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("is_match", sa.Boolean(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("warnings", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("triggered_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("vendor_data", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("document_blob_id", sa.String(length=64), nullable=True),
        sa.Column("selfie_blob_id", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.entity_id"], name=op.f("fk_face_matches_entity_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_face_matches_organization_id")
        ),
        sa.PrimaryKeyConstraint("face_match_id", name=op.f("pk_face_matches")),
    )
    op.create_index(
        "ix_face_matches_newest",
        "face_matches",
        ["organization_id", "is_test", "created_at", "face_match_id"],
        unique=False,
    )
    op.create_index(
        "ix_face_matches_entity", "face_matches", ["entity_id", "created_at", "face_match_id"], unique=False
    )


def downgrade() -> None:
    op.drop_table("face_matches")
