from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import dataclass, field, replace

import pytest

from app.adapters.encryption import DataKeys, WrappedKey, associated_data, decrypt, encrypt
from app.domain.errors import RecordUnreadable

OLD, NEW = {"2025": b"o" * 32}, {"2026": b"n" * 32}
KEY = bytes(range(32))


@dataclass
class MemoryWrappedKeys:
    keys: dict[str, WrappedKey] = field(default_factory=dict)
    queries: int = 0

    def find(self, organization_id: str, entity_id: str) -> WrappedKey | None:
        key = self.keys.get(entity_id)
        return key if key and key.organization_id == organization_id else None

    def find_all(self, entity_ids: Collection[str]) -> list[WrappedKey]:
        self.queries += 1
        return [key for entity_id, key in self.keys.items() if entity_id in entity_ids]

    def add_first(self, key: WrappedKey) -> WrappedKey:
        return self.keys.setdefault(key.entity_id, key)

    def not_wrapped_by(self, master_key_id: str, limit: int) -> list[WrappedKey]:
        waiting = (key for key in self.keys.values() if key.master_key_id != master_key_id)
        return list(itertools.islice(waiting, limit))

    def replace(self, before: WrappedKey, after: WrappedKey) -> bool:
        if self.keys.get(before.entity_id) != before:
            return False
        self.keys[before.entity_id] = after
        return True


def test_what_was_encrypted_reads_back_and_never_looks_the_same_twice() -> None:
    sealed = [encrypt(KEY, b"a face", b"bound") for _ in range(2)]
    assert [decrypt(KEY, one, b"bound") for one in sealed] == [b"a face", b"a face"]
    assert sealed[0] != sealed[1]
    assert b"a face" not in sealed[0]


@pytest.mark.parametrize("position", [0, 11, 12, 15, -1])
def test_one_flipped_bit_is_found(position: int) -> None:
    sealed = bytearray(encrypt(KEY, b"a face", b"bound"))
    sealed[position] ^= 1
    with pytest.raises(RecordUnreadable):
        decrypt(KEY, bytes(sealed), b"bound")


@pytest.mark.parametrize(
    "sealed",
    [b"", b"short", encrypt(KEY, b"a face", b"other"), encrypt(KEY, b"", b"b")[:-1]],
    ids=["empty", "short", "bound elsewhere", "cut"],
)
def test_what_is_bound_elsewhere_or_cut_is_unreadable(sealed: bytes) -> None:
    with pytest.raises(RecordUnreadable):
        decrypt(KEY, sealed, b"bound")


def test_bindings_cannot_be_shifted_between_their_parts() -> None:
    assert associated_data("ab", "c") != associated_data("a", "bc")
    assert associated_data('a","b') != associated_data("a", "b")


def test_an_entity_keeps_its_key_and_shares_it_with_nobody() -> None:
    keys = DataKeys(MemoryWrappedKeys(), NEW)
    first = keys.to_write("org", "anna")
    assert keys.to_write("org", "anna") == first
    assert keys.to_read("org", "anna") == first
    assert keys.to_write("org", "bert") != first


def test_without_its_key_an_entity_is_unreadable() -> None:
    store = MemoryWrappedKeys()
    keys = DataKeys(store, NEW)
    keys.to_write("org", "anna")
    del store.keys["anna"]
    with pytest.raises(RecordUnreadable):
        keys.to_read("org", "anna")
    with pytest.raises(RecordUnreadable):
        keys.to_read("another org", "anna")


def test_keys_of_many_come_with_one_query_and_without_those_that_are_gone() -> None:
    store = MemoryWrappedKeys()
    keys = DataKeys(store, {**NEW, **OLD})
    made = {("org", name): keys.to_write("org", name) for name in ("anna", "bert", "cleo", "dora")}
    DataKeys(store, OLD).to_write("org", "emil")
    del store.keys["bert"]
    store.keys["cleo"] = replace(store.keys["cleo"], wrapped=b"changed")
    wanted = {*made, ("another org", "dora"), ("org", "emil")}
    found = DataKeys(store, NEW).to_read_all(wanted)
    assert {owner: found[owner] for owner in wanted & found.keys()} == {
        owner: made[owner] for owner in (("org", "anna"), ("org", "dora"))
    }
    assert store.queries == 1


def test_a_key_that_lost_the_race_is_not_used() -> None:
    store = MemoryWrappedKeys()
    winner = DataKeys(store, NEW).to_write("org", "anna")

    class LateStore(MemoryWrappedKeys):
        def find(self, organization_id: str, entity_id: str) -> WrappedKey | None:
            return None

    assert DataKeys(LateStore(store.keys), NEW).to_write("org", "anna") == winner


def test_rotation_rewraps_every_key_and_changes_none() -> None:
    store = MemoryWrappedKeys()
    before = {name: DataKeys(store, OLD).to_write("org", name) for name in ("anna", "bert", "cleo")}
    both = DataKeys(store, {**NEW, **OLD})
    assert both.rewrap_all(batch=2) == 3
    assert both.rewrap_all() == 0
    only_new = DataKeys(store, NEW)
    assert {name: only_new.to_read("org", name) for name in before} == before
    with pytest.raises(RecordUnreadable, match="2026"):
        DataKeys(store, OLD).to_read("org", "anna")


def test_wrapped_keys_cannot_be_swapped_between_entities() -> None:
    store = MemoryWrappedKeys()
    keys = DataKeys(store, NEW)
    keys.to_write("org", "anna")
    keys.to_write("org", "bert")
    stolen = store.keys["bert"]
    store.keys["anna"] = WrappedKey("anna", "org", stolen.master_key_id, stolen.wrapped)
    with pytest.raises(RecordUnreadable):
        keys.to_read("org", "anna")


@pytest.mark.parametrize("master_keys", [{}, {"short": b"x" * 16}])
def test_a_master_key_that_is_none_is_refused_at_once(master_keys: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        DataKeys(MemoryWrappedKeys(), master_keys)
