"""Every version of an organization's settings, and workflows that say what they overrule.

Before this revision workflows were names only, the first of them the organization's own.

Revision: 0006
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Json = dict[str, Any]

_organizations = sa.table(
    "organizations",
    sa.column("organization_id", sa.Uuid(as_uuid=False)),
    sa.column("created_at", sa.DateTime(timezone=True)),
    sa.column("settings", sa.JSON()),
    sa.column("policy_version", sa.Integer()),
)


def upgrade() -> None:
    versions = op.create_table(
        "settings_versions",
        sa.Column("organization_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("policy_version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("settings", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.organization_id"],
            name=op.f("fk_settings_versions_organization_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "policy_version", name=op.f("pk_settings_versions")),
    )
    _rewrite(_with_workflows)
    present = sa.select(
        _organizations.c.organization_id,
        _organizations.c.policy_version,
        _organizations.c.settings,
        _organizations.c.created_at,
        sa.literal("operator"),
    )
    op.execute(sa.insert(versions).from_select(versions.columns.keys(), present))


def downgrade() -> None:
    op.drop_table("settings_versions")
    _rewrite(_with_workflow_names)


def _rewrite(change: Callable[[Json], Json]) -> None:
    connection = op.get_bind()
    columns = (_organizations.c.organization_id, _organizations.c.settings, _organizations.c.policy_version)
    for organization_id, settings, number in connection.execute(sa.select(*columns)).all():
        changed = {**change(settings), "policy_version": number}
        where = _organizations.c.organization_id == organization_id
        connection.execute(sa.update(_organizations).where(where).values(settings=changed))


def _with_workflows(settings: Json) -> Json:
    """`retention_days` was never applied and is no longer kept: it would say what is not so."""
    names = settings.get("workflow_ids", ["default"])
    kept = {name: value for name, value in settings.items() if name not in ("workflow_ids", "retention_days")}
    workflows = [{"workflow_id": name} for name in names or ["default"]]
    return {**kept, "workflows": workflows, "biometric_workflow_id": names[0] if names else None}


def _with_workflow_names(settings: Json) -> Json:
    """The organization's own comes first again; without one there are none."""
    first = settings.get("biometric_workflow_id")
    others = [one["workflow_id"] for one in settings.get("workflows", []) if one["workflow_id"] != first]
    kept = {name: value for name, value in settings.items() if name not in ("workflows", "biometric_workflow_id")}
    return {**kept, "workflow_ids": [first, *others] if first else []}
