"""`bonafide simulate`: what it refuses before anything is sent, and who stands before the camera."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from app.cli import cli
from app.cli.simulate import make_actor
from app.simulation.camera import decode
from app.simulation.scene import Frozen


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds of a wall that grows lighter."""
    path = tmp_path / "wall.avi"
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 15.0, (64, 48))
    for step in range(30):
        video.write(np.full((48, 64, 3), 60 + 5 * step, dtype=np.uint8))
    video.release()
    return path


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["simulate", *(str(argument) for argument in arguments)])
    return done.exit_code, done.output


def test_live_key_is_refused_before_anything_is_sent(clip: Path) -> None:
    status, said = run("--url", "http://127.0.0.1:9", "--key", "bf_live_x", "--entity", "e", "--clip", clip)
    assert status == 2
    assert "live key" in said
    assert "bf_live_x" not in said


def test_where_to_play_has_to_be_named(clip: Path) -> None:
    status, said = run("--clip", clip, "--as", "still")
    assert status == 2
    assert "--session-url" in said


def test_server_that_is_not_there(clip: Path) -> None:
    arguments = ("--url", "http://127.0.0.1:9", "--key", "bf_test_x", "--entity", "e", "--clip", clip)
    status, said = run(*arguments, "--as", "still")
    assert status == 1
    assert "no answer of the API" in said
    assert "bf_test_x" not in said


def test_roles_show_what_they_say(clip: Path) -> None:
    frozen = make_actor("frozen", clip, None, 1)
    assert isinstance(frozen, Frozen)
    assert frozen.frame(0.0) == frozen.frame(1_900.0)
    still, blind = make_actor("still", clip, None, 1), make_actor("blind", clip, None, 1)
    first, later = (decode(still.frame(at_ms)).mean() for at_ms in (0.0, 1_900.0))
    assert first == pytest.approx(later, abs=3)
    assert decode(blind.frame(1_900.0)).mean() > decode(blind.frame(0.0)).mean() + 80
