"""What is asked of the audit trail: what came since, and that nothing comes until the commit."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from app.adapters.db.unit_of_work import SqlStore
from app.domain.organization import Organization
from tests.builders import Builder, add_organization
from tests.fakes import SeededRandomness

LOCK = "SELECT 1 FROM organizations WHERE organization_id = :id FOR NO KEY UPDATE NOWAIT"


@pytest.fixture
def build() -> Builder:
    return Builder(SeededRandomness())


@pytest.fixture
def organization(store: SqlStore, build: Builder) -> Organization:
    return add_organization(store, build.organization())


def last(store: SqlStore, organization: Organization) -> int:
    with store.read() as uow:
        return uow.audit.last_sequence(organization.organization_id)


def is_any(store: SqlStore, organization: Organization, after: int, object_type: str = "thing") -> bool:
    with store.read() as uow:
        return uow.audit.is_any_after(organization.organization_id, after, object_type)


def test_the_last_number_is_that_of_the_last_entry_committed(
    store: SqlStore, build: Builder, organization: Organization
) -> None:
    other = add_organization(store, build.organization("other"))
    for number in range(3):
        assert (last(store, organization), last(store, other)) == (number, 0)
        with store.begin() as uow:
            uow.audit.add(build.audit_entry(organization))
            assert uow.audit.last_sequence(organization.organization_id) == number
            uow.commit()


def test_entries_behind_a_number_are_told_by_type_and_organization(
    store: SqlStore, build: Builder, organization: Organization
) -> None:
    other = add_organization(store, build.organization("other"))
    assert not is_any(store, organization, 0)
    with store.begin() as uow:
        uow.audit.add(build.audit_entry(organization))
        uow.commit()
    assert is_any(store, organization, 0)
    assert not is_any(store, organization, 1)
    assert not is_any(store, organization, 0, "another thing")
    assert not is_any(store, other, 0)


@pytest.mark.parametrize("asks", [False, True])
def test_whoever_asks_while_writing_keeps_others_from_adding(
    store: SqlStore, organization: Organization, asks: bool
) -> None:
    """On SQLite whoever writes is alone anyway."""
    with store.begin() as uow:
        if asks:
            uow.audit.last_sequence(organization.organization_id)
        if store._writers.dialect.name == "sqlite":
            return
        with store._writers.connect() as other:
            if not asks:
                other.execute(sa.text(LOCK), {"id": organization.organization_id})
                return
            with pytest.raises(sa.exc.OperationalError, match="could not obtain lock"):
                other.execute(sa.text(LOCK), {"id": organization.organization_id})
