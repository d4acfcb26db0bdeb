"""JSON from strangers: what a parser lets through but a store or another parser would stumble over is refused."""

from __future__ import annotations

import json
import math

from app.domain.errors import InvalidRequest

MAX_DEPTH = 32
"""Levels of lists and objects in a body; the deepest body of the contract has four."""

MAX_VALUES = 10_000
"""Names, values and items together, unless a door says otherwise."""

MAX_INTEGER = 2**63 - 1


class _Refused(ValueError):
    """The document is JSON, or nearly, but not acceptable; the message says why."""


def parse_json(data: bytes, max_values: int = MAX_VALUES) -> object:
    """The value of a UTF-8 JSON document; `InvalidRequest` for anything that is not plainly one."""
    try:
        _check_size(data, max_values)
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_object, parse_constant=_constant)
        _check(value, max_values)
    except _Refused as error:
        raise InvalidRequest(f"The body cannot be accepted: {error}.", {"body": str(error)}) from error
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body is not JSON in UTF-8.", {"body": "is not JSON in UTF-8"}) from error
    return value


def check_text(text: str, field: str) -> None:
    """Raise `InvalidRequest` that names the field for text that no store keeps: NUL, and halves of characters."""
    try:
        _check_text(text)
    except _Refused as error:
        raise InvalidRequest(f"The request cannot be accepted: {error}.", {field: str(error)}) from error


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Two parsers disagree on which of two equal names counts."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused("a name stands twice in one object")
    return found


def _constant(name: str) -> object:
    raise _Refused(f"{name} is no number of JSON")


def _check_size(data: bytes, max_values: int) -> None:
    """Before anything is built of it: 30 MB of `[[],[],…` cost a gigabyte and 10 s. A comma parts two values."""
    if data.count(b",") > max_values:
        raise _Refused(f"it holds more than {max_values} values")


def _check(value: object, max_values: int) -> None:
    """Walk without recursion: the depth is the stranger's choice."""
    waiting: list[tuple[object, int]] = [(value, 1)]
    seen = 0
    while waiting:
        one, depth = waiting.pop()
        if isinstance(one, str):
            _check_text(one)
        elif isinstance(one, int | float):
            _check_number(one)
        elif isinstance(one, dict | list):
            children = [*one, *one.values()] if isinstance(one, dict) else one
            seen += len(children)
            if depth > MAX_DEPTH or seen > max_values:
                raise _Refused(f"it holds more than {MAX_DEPTH} levels or {max_values} values")
            waiting += [(child, depth + 1) for child in children]


def _check_number(number: float) -> None:
    if not math.isfinite(number) or (isinstance(number, int) and abs(number) > MAX_INTEGER):
        raise _Refused("a number is too large")


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise _Refused("a text contains NUL")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise _Refused("a text contains half a character") from error
