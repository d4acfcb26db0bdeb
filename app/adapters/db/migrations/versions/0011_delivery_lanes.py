"""Deliveries are claimed by the receiver they are for, not by URL; how old events are found; whose endpoint it is.

Revision: 0011
"""

from __future__ import annotations

from urllib.parse import urlsplit

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

IS_PENDING = sa.text("status = 'pending'")
DEFAULT_PORTS = {"http": 80, "https": 443}
BATCH = 1_000

_deliveries = sa.table(
    "deliveries",
    sa.column("delivery_id", sa.Uuid(as_uuid=False)),
    sa.column("organization_id", sa.Uuid(as_uuid=False)),
    sa.column("endpoint_id", sa.Uuid(as_uuid=False)),
    sa.column("url", sa.Text()),
    sa.column("lane", sa.Text()),
)


def upgrade() -> None:
    # A server of the release before that still runs meanwhile names no lane.
    op.add_column("deliveries", sa.Column("lane", sa.Text(), server_default=sa.text("''"), nullable=False))
    _fill_lanes(op.get_bind())
    op.drop_index("ix_deliveries_lanes", "deliveries")
    _create_lanes_index("lane")
    op.create_index("ix_events_at", "events", ["at"], unique=False)
    op.add_column(
        "webhook_endpoints", sa.Column("is_listener", sa.Boolean(), server_default=sa.false(), nullable=False)
    )


def _fill_lanes(connection: sa.Connection) -> None:
    """An endpoint's address; of sessions the organization and the origin of their own."""
    rows = _deliveries.c
    connection.execute(sa.update(_deliveries).where(rows.endpoint_id.is_not(None)).values(lane=rows.url))
    own = sa.select(rows.delivery_id, rows.organization_id, rows.url).where(rows.endpoint_id.is_(None))
    own = own.order_by(rows.delivery_id).limit(BATCH)
    filled = (
        sa.update(_deliveries)
        .where(rows.delivery_id == sa.bindparam("of_delivery"))
        .values(lane=sa.bindparam("its_lane"))
    )
    batch = connection.execute(own).all()
    while batch:
        lanes = [
            {"of_delivery": one.delivery_id, "its_lane": f"{one.organization_id} {_origin_of(one.url)}"}
            for one in batch
        ]
        connection.execute(filled, lanes)
        batch = connection.execute(own.where(rows.delivery_id > batch[-1].delivery_id)).all()


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{(parts.hostname or '').rstrip('.')}:{parts.port or DEFAULT_PORTS[parts.scheme]}"


def _create_lanes_index(column: str) -> None:
    op.create_index(
        "ix_deliveries_lanes",
        "deliveries",
        [column, "next_attempt_at"],
        unique=False,
        sqlite_where=IS_PENDING,
        postgresql_where=IS_PENDING,
    )


def downgrade() -> None:
    op.drop_column("webhook_endpoints", "is_listener")
    op.drop_index("ix_events_at", "events")
    op.drop_index("ix_deliveries_lanes", "deliveries")
    op.drop_column("deliveries", "lane")
    _create_lanes_index("url")
