"""Which key took the place of which.

Revision: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("replaces", sa.Uuid(as_uuid=False), nullable=True))
    op.add_column("api_keys", sa.Column("rotated_to", sa.Uuid(as_uuid=False), nullable=True))


def downgrade() -> None:
    op.drop_column("api_keys", "rotated_to")
    op.drop_column("api_keys", "replaces")
