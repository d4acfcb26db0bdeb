"""Scripts and style sheets, addressed by what they hold: `/static/<hash of the whole tree>/js/main.js`.

The hash is that of all files together and stands before the path, so relative imports of modules lead to
files of the same release without an import map, and nothing is asked for twice. The plain address
(`/static/sdk/bonafide.js`) stays for what other sites name: it is always the present file.
"""

from __future__ import annotations

import gzip
import hashlib
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, g, request

ENDPOINT = "static"
HASH_CHARACTERS = 20
MEDIA_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
"""Whatever else lies in the folder (type declarations, notes) is not served."""

STABLE_FOLDER = "sdk/"
FOR_EVER = "public, max-age=31536000, immutable"
FOR_MINUTES = "public, max-age=600"
"""Of the stable addresses: a mended SDK is everywhere ten minutes later."""
ASKED_AGAIN = "no-cache"
NOT_KEPT = "no-store"

IMPORTED = re.compile(rb'^(?:import|export|\}) ?(?:[^"\';()]*? ?from )?"(\.[^"]+)";?$', re.MULTILINE)
"""As the formatter writes it. What is imported while the page runs, `import(…)`, is not meant."""

COMMENTS = re.compile(rb"^[ \t]*(?:/\*(?:(?!\*/).)*\*/|//[^\n]*)[ \t]*$", re.MULTILINE | re.DOTALL)
"""Those with lines of their own: a quarter of what would be sent. Lines keep their numbers."""
SENT_AS_WRITTEN = ("sdk/", "vendor/")

OPEN_TO_ALL = {
    # Other sites import the SDK; a sandboxed frame, whose origin is opaque, loads modules only with this.
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept-Encoding",
}


@dataclass(frozen=True)
class StaticFile:
    """A file as it is sent, plain and compressed."""

    plain: bytes
    compressed: bytes
    media_type: str
    etag: str
    imports: tuple[str, ...]


@dataclass(frozen=True)
class StaticTree:
    """All files of one moment, and the name of that moment."""

    tree_hash: str
    files: Mapping[str, StaticFile]

    def modules_of(self, entry: str) -> list[str]:
        """The module and all that it imports, so that a page names them at once and none waits for another."""
        found, waiting = [entry], [entry]
        while waiting:
            name = waiting.pop(0)
            for relative in self.files[name].imports:
                imported = posixpath.normpath(posixpath.join(posixpath.dirname(name), relative))
                if imported in self.files and imported not in found:
                    found.append(imported)
                    waiting.append(imported)
        return found


Stamp = tuple[tuple[str, int, int], ...]


class StaticFiles:
    """The folder, read once: what pages name is what they get, even while a release is being installed.

    `follows_changes`: looks for changes each time it is asked, for who edits the files.
    """

    def __init__(self, folder: Path, *, follows_changes: bool = False) -> None:
        self._folder, self._follows_changes = folder, follows_changes
        self._read = _stamp(folder), read_tree(folder)

    @property
    def tree(self) -> StaticTree:
        """The present files."""
        if self._follows_changes:
            stamp = _stamp(self._folder)
            if stamp != self._read[0]:
                self._read = stamp, read_tree(self._folder)
        return self._read[1]


def read_tree(folder: Path) -> StaticTree:
    """Read and compress everything that is served."""
    names = {path.relative_to(folder).as_posix(): path for path in _served(folder)}
    files = {name: _read(path, name) for name, path in names.items()}
    digest = hashlib.sha256()
    for name, file in sorted(files.items()):
        digest.update(f"{name}\0{file.etag}\n".encode())
    return StaticTree(digest.hexdigest()[:HASH_CHARACTERS], files)


def install_static(app: Flask, folder: Path, *, follows_changes: bool = False) -> StaticFiles:
    """Serve the folder at `/static`. The application must have been made with `static_folder=None`."""
    static = StaticFiles(folder, follows_changes=follows_changes)

    def present() -> StaticTree:
        """All addresses in one page are of one moment, and the folder is looked at once for them."""
        if "static_tree" not in g:
            g.static_tree = static.tree
        tree: StaticTree = g.static_tree
        return tree

    def serve(filename: str, tree_hash: str | None = None) -> Response:
        tree = present()
        file = tree.files.get(filename)
        if file is None:
            abort(404)
        return _answer(file, _lifetime(filename, tree_hash, tree.tree_hash))

    def name_the_tree(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == ENDPOINT:
            values.setdefault("tree_hash", present().tree_hash)

    def modules_of(entry: str) -> list[str]:
        return present().modules_of(entry)

    hashed = f"/static/<string(length={HASH_CHARACTERS}):tree_hash>/<path:filename>"
    for rule in (hashed, "/static/<path:filename>"):
        app.add_url_rule(rule, ENDPOINT, serve, provide_automatic_options=False, merge_slashes=False)
    app.url_defaults(name_the_tree)
    app.add_template_global(modules_of)
    return static


def _lifetime(filename: str, asked: str | None, present: str) -> str:
    """While servers of two releases stand side by side a page may ask one for files of the other.

    It gets the present ones, which is better than none, and nobody keeps them under the other's name.
    """
    if asked is not None:
        return FOR_EVER if asked == present else NOT_KEPT
    return FOR_MINUTES if filename.startswith(STABLE_FOLDER) else ASKED_AGAIN


def _answer(file: StaticFile, lifetime: str) -> Response:
    is_compressed = request.accept_encodings.quality("gzip") > 0
    response = Response(file.compressed if is_compressed else file.plain, content_type=file.media_type)
    if is_compressed:
        response.content_encoding = "gzip"
    response.headers.update({**OPEN_TO_ALL, "Cache-Control": lifetime})
    response.set_etag(f"{file.etag}-gzip" if is_compressed else file.etag)
    response.make_conditional(request)
    return response


def _served(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.suffix in MEDIA_TYPES and path.is_file())


def _stamp(folder: Path) -> Stamp:
    stats = ((path, path.stat()) for path in _served(folder))
    return tuple((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in stats)


def _read(path: Path, name: str) -> StaticFile:
    plain = path.read_bytes()
    if not name.startswith(SENT_AS_WRITTEN):
        plain = COMMENTS.sub(lambda comment: b"\n" * comment[0].count(b"\n"), plain)
    etag = hashlib.sha256(plain).hexdigest()[:HASH_CHARACTERS]
    imports = tuple(found.decode() for found in IMPORTED.findall(plain)) if path.suffix == ".js" else ()
    return StaticFile(plain, gzip.compress(plain, 9, mtime=0), MEDIA_TYPES[path.suffix], etag, imports)
