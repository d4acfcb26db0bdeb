"""Analysing faces opens no connection: newer releases of MediaPipe report to their maker, this one must not."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

UNDER_THE_FILTER = (
    "from tests.adapters.internet_filter import kill_at_internet_socket\nkill_at_internet_socket()\n"
)

ANALYSIS = """
import numpy as np
from app.adapters.images import Images
from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.adapters.passive_pad import PassivePadModels
from app.adapters.photometry import measure_face
from tests.models_fixture import model_path, real_core
from tests.portrait import close_up, jpeg

images, frame = Images(), jpeg(close_up())
pool = LandmarkerPool(model_path("face_landmarker"), size=2)
pad = PassivePadModels({"fr_liveness": model_path("fr_liveness")})
core = real_core()
for _ in range(10):
    image = images.read_frame(frame)
    face = pool.observe(image).face
    assert pad.score(image, face.box)
pool.observe(np.zeros((480, 640, 3), np.uint8))
pool.close()
assert core.create_template(frame) is not None
print("analysed")
"""

PYTHON_SOCKET = "import socket\nsocket.socket({family}, socket.SOCK_DGRAM)\nprint('opened')\n"

NATIVE_SOCKET = """
import ctypes, threading
thread = threading.Thread(target=lambda: ctypes.CDLL(None).syscall(41, 2, 1, 0))
thread.start()
thread.join()
print("opened")
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", UNDER_THE_FILTER + code]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)


def test_analysing_frames_and_portraits_opens_no_internet_socket() -> None:
    result = run(ANALYSIS)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "analysed\n"


@pytest.mark.parametrize(
    "code",
    [
        PYTHON_SOCKET.format(family="socket.AF_INET"),
        PYTHON_SOCKET.format(family="socket.AF_INET6"),
        NATIVE_SOCKET,
    ],
)
def test_the_filter_sees_what_it_must(code: str) -> None:
    result = run(code)
    assert result.returncode == -signal.SIGSYS
    assert result.stdout == ""


def test_the_filter_leaves_local_sockets_alone() -> None:
    result = run("import socket\nsocket.socket(socket.AF_UNIX)\nsocket.socketpair()\nprint('opened')\n")
    assert result.stdout == "opened\n"
