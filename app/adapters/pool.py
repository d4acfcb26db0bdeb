"""A fixed number of native objects that are not safe to share between threads, handed out one at a time."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class Pool(Generic[T]):
    """Makes `size` objects at once; `borrow` waits for a free one, whatever happens it comes back."""

    def __init__(self, make: Callable[[], T], size: int) -> None:
        if size < 1:
            raise ValueError("a pool holds at least one object")
        self._size = size
        self._idle: queue.SimpleQueue[T | None] = queue.SimpleQueue()
        for _ in range(size):
            self._idle.put(make())

    @contextmanager
    def borrow(self) -> Iterator[T]:
        """The object is the caller's alone inside the block. RuntimeError once the pool is drained."""
        item = self._idle.get()
        if item is None:
            self._idle.put(None)
            raise RuntimeError("the pool is closed")
        try:
            yield item
        finally:
            self._idle.put(item)

    def drain(self) -> list[T]:
        """Wait for the objects in use and take all of them out; a second time there are none."""
        drained: list[T] = []
        while len(drained) < self._size:
            item = self._idle.get()
            if item is None:
                break
            drained.append(item)
        self._idle.put(None)
        return drained
