from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.adapters.mediapipe_landmarker import LandmarkerPool, head_pose
from app.domain.face import CHIN, FOREHEAD, LEFT_CHEEK, NOSE_TIP, RIGHT_CHEEK, BgrImage, FaceMeasurement
from app.domain.face import LEFT_IRIS as LEFT
from app.domain.face import RIGHT_IRIS as RIGHT
from tests.models_fixture import model_path
from tests.portrait import astronaut, close_up


@pytest.fixture(scope="module")
def pool() -> Iterator[LandmarkerPool]:
    landmarkers = LandmarkerPool(model_path("face_landmarker"), size=2)
    yield landmarkers
    landmarkers.close()


def face_of(pool: LandmarkerPool, image: BgrImage) -> FaceMeasurement:
    face = pool.observe(image).face
    assert face is not None
    return face


def turned(image: BgrImage, degrees: float) -> BgrImage:
    """Rotated about its middle; positive turns against the clock, as OpenCV has it."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return np.asarray(cv2.warpAffine(image, matrix, (width, height)), dtype=np.uint8)


def test_landmarks_are_pixels_of_the_frame_with_left_and_right_the_subjects_own(pool: LandmarkerPool) -> None:
    face = face_of(pool, close_up())
    assert face.landmarks.shape == (478, 3)
    points = face.landmarks
    assert (
        points[RIGHT_CHEEK, 0] < points[RIGHT, 0] < points[NOSE_TIP, 0] < points[LEFT, 0] < points[LEFT_CHEEK, 0]
    )
    assert points[FOREHEAD, 1] < points[RIGHT, 1] < points[NOSE_TIP, 1] < points[CHIN, 1]
    assert points[NOSE_TIP, 2] < points[RIGHT_CHEEK, 2]
    assert face.box.x == pytest.approx(points[:, 0].min())
    assert face.box.height == pytest.approx(points[:, 1].max() - points[:, 1].min())
    assert 150 < face.box.width < 300
    assert 60 < face.interocular_px < 130


def test_depth_is_on_the_scale_of_the_width(pool: LandmarkerPool) -> None:
    wide = cv2.copyMakeBorder(close_up(), 0, 0, 200, 200, cv2.BORDER_CONSTANT)
    depth = np.ptp(face_of(pool, close_up()).landmarks[:, 2])
    assert np.ptp(face_of(pool, np.asarray(wide, np.uint8)).landmarks[:, 2]) == pytest.approx(depth, rel=0.1)


def test_a_frontal_face_looks_ahead_and_smiles(pool: LandmarkerPool) -> None:
    face = face_of(pool, close_up())
    assert abs(face.pose.yaw_degrees) < 20
    assert abs(face.pose.pitch_degrees) < 20
    assert face.expression.smile > 0.5
    assert face.expression.eyes_closed < 0.4
    assert 0 <= face.expression.jaw_open < 0.3


def test_yaw_changes_its_sign_in_the_mirror(pool: LandmarkerPool) -> None:
    face = face_of(pool, close_up())
    mirrored = face_of(pool, np.ascontiguousarray(close_up()[:, ::-1]))
    assert mirrored.pose.yaw_degrees == pytest.approx(-face.pose.yaw_degrees, abs=3)
    assert mirrored.pose.pitch_degrees == pytest.approx(face.pose.pitch_degrees, abs=3)


def test_roll_grows_to_the_subjects_left_shoulder(pool: LandmarkerPool) -> None:
    upright = face_of(pool, close_up()).pose.roll_degrees
    # With the clock in the picture, the top of the head goes to the picture's right: the subject's left.
    assert face_of(pool, turned(close_up(), -20)).pose.roll_degrees == pytest.approx(upright + 20, abs=4)
    assert face_of(pool, turned(close_up(), 20)).pose.roll_degrees == pytest.approx(upright - 20, abs=4)


def test_signs_agree_with_a_clip_of_known_movements(pool: LandmarkerPool, shared_media: Path) -> None:
    """The clip is a mirrored selfie: its subject turns to the picture's left first, then right, up and down."""
    frames = clip_frames(shared_media / "video" / "dev" / "headpose_alaa.mp4", (110, 210, 330, 410, 500, 580))
    left, right, up, down, tilt_left, tilt_right = (face_of(pool, frame).pose for frame in frames)
    assert left.yaw_degrees < -30
    assert right.yaw_degrees > 30
    assert up.pitch_degrees > 30
    assert down.pitch_degrees < -20
    assert tilt_left.roll_degrees < -20
    assert tilt_right.roll_degrees > 20


def clip_frames(path: Path, numbers: tuple[int, ...]) -> list[BgrImage]:
    clip = cv2.VideoCapture(str(path))
    frames: list[BgrImage] = []
    for number in range(1, max(numbers) + 1):
        frame = clip.read()[1]
        if number in numbers:
            frames.append(np.asarray(frame, dtype=np.uint8))
    clip.release()
    return frames


def test_the_largest_face_comes_first_and_the_second_is_measured_against_it(pool: LandmarkerPool) -> None:
    large, small = close_up(640, 480), cv2.resize(close_up(), (448, 336), interpolation=cv2.INTER_AREA)
    canvas = np.full((480, 1100, 3), 90, dtype=np.uint8)
    canvas[:336, :448] = small
    canvas[:, 460:] = large
    observation = pool.observe(canvas)
    assert observation.face is not None
    assert observation.face.box.x > 460
    assert observation.second_face_ratio == pytest.approx(0.7, abs=0.07)
    assert (observation.frame_width, observation.frame_height) == (1100, 480)


def test_without_a_face_there_is_light_and_nothing_else(pool: LandmarkerPool) -> None:
    grey = np.full((480, 640, 3), 90, dtype=np.uint8)
    observation = pool.observe(grey)
    assert observation.face is None
    assert observation.second_face_ratio == 0
    assert observation.luma == pytest.approx(90, abs=0.5)


@pytest.mark.parametrize("shape", [(1, 1), (1, 1280), (1280, 1), (3, 7)])
def test_odd_frames_show_no_face(pool: LandmarkerPool, shape: tuple[int, int]) -> None:
    assert pool.observe(np.full((*shape, 3), 128, dtype=np.uint8)).face is None


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((480, 640), dtype=np.uint8),
        np.zeros((480, 640, 4), dtype=np.uint8),
        np.zeros((480, 640, 3), dtype=np.float32),
        np.zeros((0, 640, 3), dtype=np.uint8),
    ],
)
def test_what_is_no_frame_is_refused(pool: LandmarkerPool, image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="height × width × 3"):
        pool.observe(image)


def test_light_and_sharpness_are_those_of_the_face(pool: LandmarkerPool) -> None:
    plain = face_of(pool, close_up()).photometry
    dark = face_of(pool, (close_up() * 0.5).astype(np.uint8)).photometry
    assert dark.luma == pytest.approx(plain.luma / 2, rel=0.05)
    blurred = face_of(pool, np.asarray(cv2.GaussianBlur(close_up(), (0, 0), 4), np.uint8)).photometry
    assert blurred.sharpness < 0.5 * plain.sharpness
    lamp = close_up()
    lamp[:, :320] = (lamp[:, :320] * 0.4).astype(np.uint8)
    assert face_of(pool, lamp).photometry.evenness < 0.7 < plain.evenness
    bright = np.clip(close_up().astype(int) * 2, 0, 255).astype(np.uint8)
    assert face_of(pool, bright).photometry.clipped > plain.clipped + 0.1


def test_nothing_of_one_frame_reaches_the_next(pool: LandmarkerPool) -> None:
    before = face_of(pool, astronaut())
    pool.observe(turned(close_up(), 25))
    pool.observe(np.zeros((64, 64, 3), dtype=np.uint8))
    after = face_of(pool, astronaut())
    assert np.array_equal(before.landmarks, after.landmarks)
    assert (before.pose, before.expression, before.photometry) == (after.pose, after.expression, after.photometry)


def test_threads_share_the_pool_without_mixing_their_frames(pool: LandmarkerPool) -> None:
    frames = [close_up(), turned(close_up(), 15), turned(close_up(), -15), astronaut()]
    expected = [face_of(pool, frame).landmarks for frame in frames]
    same: list[bool] = []

    def work(number: int) -> None:
        found = [face_of(pool, frames[number]).landmarks for _ in range(5)]
        same.extend(np.array_equal(landmarks, expected[number]) for landmarks in found)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(frames))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same == [True] * 20


def test_a_closed_pool_refuses(tmp_path: Path) -> None:
    landmarkers = LandmarkerPool(model_path("face_landmarker"), size=1)
    landmarkers.close()
    landmarkers.close()
    with pytest.raises(RuntimeError, match="closed"):
        landmarkers.observe(close_up())
    broken = tmp_path / "broken.task"
    broken.write_bytes(b"no model")
    with pytest.raises(RuntimeError):
        LandmarkerPool(broken, size=1)


@pytest.mark.parametrize(
    "matrix",
    [np.full((4, 4), np.nan), np.zeros((4, 4)), np.eye(3), np.full((4, 4), np.inf)],
)
def test_a_pose_that_is_no_rotation_is_not_measured(matrix: np.ndarray) -> None:
    assert head_pose(matrix) is None


def test_the_pose_does_not_depend_on_the_scale_of_the_matrix() -> None:
    matrix = np.eye(4)
    angle = np.radians(30)
    matrix[:3, :3] = [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    matrix[:3, :3] *= 1.7
    pose = head_pose(matrix)
    assert pose is not None
    assert pose.yaw_degrees == pytest.approx(30)
    assert pose.pitch_degrees == pytest.approx(0)
    assert pose.roll_degrees == pytest.approx(0)
