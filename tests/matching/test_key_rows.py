from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.matching.key_rows import KeyRows, packed, unpacked

KEYS = [number.to_bytes(16, "big") for number in range(60)]


@given(st.lists(st.sampled_from(KEYS), max_size=300))
def test_keys_have_the_rows_that_a_plain_list_would_give_them(touched: list[bytes]) -> None:
    rows, plain = KeyRows(), list[bytes]()
    for key in touched:  # in, if it is out; out, if it is in
        if key not in plain:
            plain.append(key)
            assert rows.add(key) == len(plain) - 1
        else:
            row = plain.index(key)
            plain[row] = plain[-1]
            plain.pop()
            assert rows.remove(key) == row
        assert [rows.key(row) for row in range(len(rows))] == plain
        assert [rows.row(key) for key in KEYS] == [plain.index(key) if key in plain else None for key in KEYS]


def test_a_key_that_is_not_there_cannot_be_removed() -> None:
    rows = KeyRows()
    assert rows.remove(KEYS[0]) is None
    rows.add(KEYS[1])
    assert rows.remove(KEYS[0]) is None
    assert len(rows) == 1


def test_the_table_shrinks_with_the_keys() -> None:
    rows = KeyRows()
    empty = rows.nbytes
    keys = [number.to_bytes(16, "big") for number in range(1000)]
    for key in keys:
        rows.add(key)
    full = rows.nbytes
    for key in keys:
        rows.remove(key)
    assert full > 1000 * 16
    assert rows.nbytes < empty + 100


@given(st.uuids(), st.uuids())
def test_packed_keys_are_in_the_order_of_their_text(one: UUID, other: UUID) -> None:
    assert unpacked(packed(str(one))) == str(one)
    assert (packed(str(one)) < packed(str(other))) == (str(one) < str(other))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "key",
        "01900000-0000-7000-8000-00000000000A",
        "0190000000007000800000000000000a",
        "{01900000-0000-7000-8000-00000000000a}",
        "01900000-0000-7000-8000-00000000000a ",
        "01900000-0000-7000-8000-0000000000０a",
    ],
)
def test_only_the_one_usual_text_of_a_uuid_is_a_key(text: str) -> None:
    with pytest.raises(ValueError, match="UUID"):
        packed(text)
