"""Which row of an index a key has: 16 bytes and four to eight for the table, and no Python object for each key."""

from __future__ import annotations

import sys
from array import array

KEY_BYTES = 16

_EMPTY = -1
_SLOTS_MIN = 8


def packed(key: str) -> bytes:
    """A UUID's 16 bytes, in the order of its text. ValueError for anything but its one usual text.

    Upper case, braces or a missing hyphen would be second names of one key, and another order.
    """
    try:
        data = bytes.fromhex(key.replace("-", ""))
    except ValueError:
        data = b""
    if len(data) != KEY_BYTES or unpacked(data) != key:
        raise ValueError("the keys of an index are UUIDs, in lower case and with hyphens")
    return data


def unpacked(data: bytes) -> str:
    """The reverse of `packed`."""
    text = data.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class KeyRows:
    """Rows 0 … n−1, each with a key; the last row takes the place of one that is removed. For one thread.

    An open-addressing hash table of row numbers with linear probing (Knuth, The Art of Computer Programming,
    volume 3, 6.4, algorithms L and R), never more than half full and, but for the smallest, at least an eighth.
    A dict would keep two objects and an entry for each key: some 150 bytes in the place of 24.
    """

    def __init__(self) -> None:
        self._keys = bytearray()
        self._slots = _empty_slots(_SLOTS_MIN)

    def __len__(self) -> int:
        return len(self._keys) // KEY_BYTES

    @property
    def nbytes(self) -> int:
        """What keys and table hold."""
        return sys.getsizeof(self._keys) + sys.getsizeof(self._slots)

    def key(self, row: int) -> bytes:
        """The key of a row."""
        return bytes(self._keys[row * KEY_BYTES : (row + 1) * KEY_BYTES])

    def row(self, key: bytes) -> int | None:
        """The key's row, None where it has none."""
        row = self._slots[self._slot(key)]
        return None if row == _EMPTY else row

    def add(self, key: bytes) -> int:
        """A new key's row, the last one. The caller knows that the key is new."""
        row = len(self)
        if 2 * (row + 1) > len(self._slots):
            self._resize(2 * len(self._slots))
        self._keys += key
        self._slots[self._slot(key)] = row
        return row

    def remove(self, key: bytes) -> int | None:
        """The row that was the key's and is now that of the last key; None where the key has none."""
        slot = self._slot(key)
        row = self._slots[slot]
        if row == _EMPTY:
            return None
        self._vacate(slot)
        last = len(self) - 1
        if row != last:
            last_key = self.key(last)
            self._slots[self._slot(last_key)] = row
            self._keys[row * KEY_BYTES : (row + 1) * KEY_BYTES] = last_key
        del self._keys[last * KEY_BYTES :]
        if len(self._slots) > max(_SLOTS_MIN, 8 * last):
            self._resize(len(self._slots) // 2)
        return row

    def _slot(self, key: bytes) -> int:
        """Where the key's row stands, or would."""
        mask = len(self._slots) - 1
        slot = hash(key) & mask
        while (row := self._slots[slot]) != _EMPTY and self.key(row) != key:
            slot = (slot + 1) & mask
        return slot

    def _vacate(self, free: int) -> None:
        """Empty a slot, and move up what would no longer be found behind it."""
        mask = len(self._slots) - 1
        slot = free
        while True:
            slot = (slot + 1) & mask
            row = self._slots[slot]
            if row == _EMPTY:
                break
            home = hash(self.key(row)) & mask
            if (slot - home) & mask >= (slot - free) & mask:
                self._slots[free] = row
                free = slot
        self._slots[free] = _EMPTY

    def _resize(self, size: int) -> None:
        self._slots = _empty_slots(size)
        for row in range(len(self)):
            self._slots[self._slot(self.key(row))] = row


def _empty_slots(size: int) -> array[int]:
    return array("i", [_EMPTY]) * size
