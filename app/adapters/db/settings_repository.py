"""Versions of organizations' settings."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select, update

from app.adapters.db.repositories import Repository, select_rows, to_domain
from app.adapters.db.tables import OrganizationRow, SettingsVersionRow
from app.domain.errors import RecordUnreadable
from app.domain.settings import SettingsVersion

VERSIONS_AT_ONCE = 20
"""Read from the database until the one that is looked for is found; most often it is among the last."""


class SqlSettingsVersions(Repository):
    def add(self, version: SettingsVersion) -> None:
        self._insert(SettingsVersionRow, {**vars(version), "policy_version": version.policy_version})
        self.connection.execute(
            update(OrganizationRow)
            .where(OrganizationRow.organization_id == version.organization_id)
            .values(settings=version.settings, policy_version=version.policy_version)
        )

    def current(self, organization_id: str) -> SettingsVersion:
        """`RecordUnreadable` where the version in force is not kept: no transaction of ours leaves it so."""
        statement = select(OrganizationRow.policy_version).where(
            OrganizationRow.organization_id == organization_id
        )
        if self.locks:
            # As an update locks the row: what refers to the organization can still be written beside.
            statement = statement.with_for_update(key_share=True)
        number = self.connection.execute(statement).scalar_one()
        found = self.get(organization_id, number)
        if found is None:
            raise RecordUnreadable(f"version {number} of the settings of {organization_id} is missing")
        return found

    def get(self, organization_id: str, policy_version: int) -> SettingsVersion | None:
        where = SettingsVersionRow.policy_version == policy_version
        return self._first(SettingsVersion, _of(organization_id).where(where))

    def last_with_workflow(self, organization_id: str, workflow_id: str) -> SettingsVersion | None:
        latest_first = _of(organization_id).order_by(SettingsVersionRow.policy_version.desc())
        with self.connection.execute(latest_first, execution_options={"yield_per": VERSIONS_AT_ONCE}) as rows:
            versions = (to_domain(SettingsVersion, row) for row in rows.mappings())
            return next((one for one in versions if one.settings.workflow(workflow_id) is not None), None)


def _of(organization_id: str) -> Select[Any]:
    return select_rows(SettingsVersionRow).where(SettingsVersionRow.organization_id == organization_id)
