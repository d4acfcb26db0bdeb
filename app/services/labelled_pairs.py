"""Labelled pairs of pictures from a CSV file: path_a, path_b, same. Every bad line is named, all at once."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from io import StringIO
from pathlib import PurePosixPath

COLUMNS = ("path_a", "path_b", "same")
_LABELS = {"1": True, "0": False}


@dataclass(frozen=True)
class LabelledPair:
    """Two pictures, by their paths below the media folder, and whether they show one person."""

    line: int
    path_a: str
    path_b: str
    is_mated: bool


@dataclass(frozen=True)
class PairList:
    """What a file holds. `problems` name the lines that cannot be used; `repeated` lines count once."""

    pairs: tuple[LabelledPair, ...]
    problems: tuple[str, ...]
    repeated: int

    @property
    def paths(self) -> tuple[str, ...]:
        """All pictures, sorted."""
        return tuple(sorted({path for pair in self.pairs for path in (pair.path_a, pair.path_b)}))


class IdentitySource(StrEnum):
    """How it is known who is in a picture."""

    FOLDERS = "folders"
    LABELS = "labels"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Identities:
    """The person in each picture, path → name; `reason` says why not from folders, None where from folders."""

    source: IdentitySource
    names: Mapping[str, str]
    reason: str | None = None


def read_pairs(data: bytes) -> PairList:
    """The rows of a CSV file in UTF-8. A file that is none has no pairs and one problem."""
    try:
        reader = csv.DictReader(StringIO(data.decode("utf-8-sig"), newline=""), skipinitialspace=True)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            return PairList((), (f"line 1: the header lacks the column {', '.join(missing)}",), 0)
        return _collect(list(_rows(reader)))
    except UnicodeDecodeError:
        return PairList((), ("the file is not UTF-8 text",), 0)
    except csv.Error as error:
        return PairList((), (f"the file is no CSV: {error}",), 0)


def person_of(path: str, people: str | None = None) -> str:
    """The folder that names the person: below the folder `people` the first one, elsewhere the picture's own."""
    folder = PurePosixPath(path).parent
    if people is not None and folder.is_relative_to(people):
        folder = PurePosixPath(*folder.relative_to(people).parts[:1])
    return folder.name


def identities_of(pairs: Sequence[LabelledPair], people: str | None = None) -> Identities:
    """One folder a person where the labels bear that out; else people as far as the labels tell them apart.

    `people` as in `person_of`.
    """
    folders = {path: person_of(path, people) for pair in pairs for path in (pair.path_a, pair.path_b)}
    odd = next((pair for pair in pairs if (folders[pair.path_a] == folders[pair.path_b]) != pair.is_mated), None)
    if odd is None and any(pair.is_mated for pair in pairs):
        return Identities(IdentitySource.FOLDERS, folders)
    where = "one folder" if odd is not None and not odd.is_mated else "two folders"
    reason = f"line {odd.line}: {_says(odd)}, in {where}" if odd else "no pair shows that a folder is one person"
    names = _connected(pairs)
    if any(names[pair.path_a] == names[pair.path_b] for pair in pairs if not pair.is_mated):
        return Identities(IdentitySource.UNKNOWN, {}, reason)
    return Identities(IdentitySource.LABELS, names, reason)


def _rows(reader: csv.DictReader[str]) -> Iterator[LabelledPair | str]:
    """Each row as a pair, or what is wrong with it."""
    for row in reader:
        line = reader.line_num
        path_a, path_b, same = ((row[name] or "").strip() for name in COLUMNS)
        problem = next(filter(None, map(_path_problem, (path_a, path_b))), None)
        if same not in _LABELS:
            yield f"line {line}: same is 1 or 0, not {same!r}"
        elif problem is not None:
            yield f"line {line}: {problem}"
        elif PurePosixPath(path_a) == PurePosixPath(path_b):
            yield f"line {line}: a picture is compared with itself"
        else:
            yield LabelledPair(line, str(PurePosixPath(path_a)), str(PurePosixPath(path_b)), _LABELS[same])


def _path_problem(path: str) -> str | None:
    """Paths stay below the media folder by their text; a symbolic link there is its owner's business."""
    if not path or path == ".":
        return "a path is missing"
    if any(character < " " or character == "\x7f" for character in path):
        return "a path has characters that no path has"
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        return f"{path} leaves the folder"
    return None


def _collect(rows: Sequence[LabelledPair | str]) -> PairList:
    """Each pair once, in either order of its pictures; two labels for one pair are a problem."""
    found: dict[frozenset[str], LabelledPair] = {}
    problems, repeated = [], 0
    for row in rows:
        if isinstance(row, str):
            problems.append(row)
            continue
        first = found.setdefault(frozenset((row.path_a, row.path_b)), row)
        if first.is_mated != row.is_mated:
            problems.append(f"line {row.line}: {_says(row)}, line {first.line} says otherwise")
        elif first is not row:
            repeated += 1
    return PairList(tuple(found.values()), tuple(problems), repeated)


def _says(pair: LabelledPair) -> str:
    return f"{pair.path_a} and {pair.path_b} are {'one person' if pair.is_mated else 'two people'}"


def _connected(pairs: Sequence[LabelledPair]) -> Mapping[str, str]:
    """Pictures that mated pairs join are one person, named after one of them (union–find)."""
    parent = {path: path for pair in pairs for path in (pair.path_a, pair.path_b)}

    def root(path: str) -> str:
        while parent[path] != path:
            parent[path] = parent[parent[path]]
            path = parent[path]
        return path

    for pair in pairs:
        if pair.is_mated:
            parent[root(pair.path_a)] = root(pair.path_b)
    return {path: root(path) for path in parent}
