"""Who is not let through: another person, nobody, two people, a photograph, a recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from app.domain.challenge import Ability
from app.simulation.clips import fit, open_clip
from app.simulation.performance import Performance, blind_recording
from e2e.capture_page import CapturePage
from e2e.conftest import LaunchBrowser, OpenPage
from e2e.performer import FRAMES_PER_SECOND, Act, empty_room, still_photograph, two_people, write_camera_file
from tests.live_server import Api
from tests.portrait import jpeg

ALL_BUT_BLINK = ["head_turn", "look", "smile", "mouth", "approach"]
NOT_CONFIRMED = "We could not confirm it's you"


@pytest.mark.usefixtures("person")
def test_another_person_is_rejected_without_a_word_about_the_score(
    open_page: OpenPage, api: Api, performer: Performance, shared_media: Path
) -> None:
    portrait = shared_media / "faces" / "wild" / "face_recognition" / "rose_leslie" / "img1.jpg"
    created = api.open_session(
        api.enrol("Somebody else", portrait.read_bytes()),
        accessibility={"avoid": performer.abilities_to_avoid_but(Ability.HEAD_TURN)},
    )
    page = open_page(Act(performer))
    page.goto(created["sessionUrl"])
    capture = CapturePage(page)
    capture.start_camera()
    capture.expect_outcome(NOT_CONFIRMED)
    capture.shoot("not-confirmed")

    session = api.session(created["id"])
    assert (session["status"], session["rejectionCode"]) == ("rejected", "FACE_MATCH_SCORE_LOW")
    assert session["decision"]["liveness"]["status"] == "approved"
    assert "LOW_FACE_MATCH_SIMILARITY" in session["warnings"]
    assert "score" not in page.content().lower()
    # The link now leads to the same final screen, in any tab.
    page.goto(created["sessionUrl"])
    capture.expect_outcome(NOT_CONFIRMED)


@pytest.mark.parametrize(
    ("scene", "hint", "words"),
    [
        (empty_room, "no_face", "Show your face to the camera"),
        (two_people, "multiple_faces", "Make sure you are alone in the picture"),
    ],
)
def test_true_hint_is_shown_and_nothing_is_asked(
    open_page: OpenPage,
    api: Api,
    entity_id: str,
    performer: Performance,
    scene: Callable[[Performance], Performance],
    hint: str,
    words: str,
) -> None:
    created = api.open_session(entity_id)
    page = open_page(Act(scene(performer)))
    page.goto(created["sessionUrl"])
    capture = CapturePage(page)
    capture.start_camera()
    capture.expect_hint(hint)
    expect(capture.stage.get_by_text(words)).to_be_visible()
    capture.shoot(f"hint-{hint}")
    # After five seconds the help becomes more detailed; alignment has still not ended.
    page.wait_for_timeout(5_500)
    assert capture.expect_screen("align") == "align"
    assert "challenge" not in page.evaluate("window.performer.heard")
    assert api.session(created["id"])["status"] == "in_progress"


@pytest.fixture
def two_attempts(api: Api) -> Iterator[None]:
    """A third one would show nothing new, and take as long."""
    assert api.http.patch("/api/kyc/settings", json={"maxAttempts": 2}).json()["maxAttempts"] == 2
    yield
    assert api.http.patch("/api/kyc/settings", json={"maxAttempts": None}).is_success


@pytest.mark.usefixtures("two_attempts")
def test_still_photograph_of_the_right_person_never_passes(
    open_page: OpenPage, api: Api, entity_id: str, performer: Performance
) -> None:
    created = api.open_session(entity_id, accessibility={"avoid": performer.abilities_to_avoid()})
    page = open_page(Act(still_photograph(performer)))
    page.goto(created["sessionUrl"])
    capture = CapturePage(page)
    capture.start_camera()
    capture.expect_screen("retry", timeout_ms=30_000)
    capture.shoot("retry")
    capture.button("retry_pressed").click()
    capture.expect_outcome(NOT_CONFIRMED)

    session = api.session(created["id"])
    assert (session["status"], session["rejectionCode"]) == ("rejected", "CAPTURE_DECLINED")
    assert "ATTEMPTS_EXHAUSTED" in session["warnings"]
    outcomes = [item["outcome"] for item in session["decision"]["liveness"]["challenges"]]
    assert outcomes == ["timed_out"] * 2
    assert page.evaluate("window.performer.heard").count("capture_request") == 0


def with_camera_file(launch_browser: LaunchBrowser, file: Path) -> Browser:
    """Chromium with a camera of its own that plays the file; nothing in the page is changed."""
    return launch_browser(
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={file}",
    )


def test_recording_of_every_movement_played_blindly_never_passes(
    launch_browser: LaunchBrowser, api: Api, entity_id: str, performer: Performance, tmp_path: Path
) -> None:
    """Through Chromium's own camera: the page cannot know, the order of the challenges gives it away."""
    file = write_camera_file(blind_recording(performer), tmp_path / "recording.mjpeg")
    created = api.open_session(entity_id, accessibility={"avoid": performer.abilities_to_avoid()})
    browser = with_camera_file(launch_browser, file)
    page = browser.new_page()
    page.goto(created["sessionUrl"])
    capture = CapturePage(page)
    capture.start_camera()
    capture.expect_screen("challenge", timeout_ms=30_000)
    capture.expect_screen("retry", timeout_ms=60_000)
    session = api.session(created["id"])
    browser.close()
    assert session["status"] == "in_progress"


def test_real_blink_through_chromiums_own_camera_goes_to_review(
    launch_browser: LaunchBrowser, api: Api, shared_media: Path, tmp_path: Path
) -> None:
    """One kind of movement keeps no odds against guessing, so a person must look at it."""
    clip = shared_media / "video" / "dev" / "blink_repeating.mp4"
    frames = (jpeg(fit(image, 640, 480)) for image in open_clip(clip, FRAMES_PER_SECOND)[1])
    portrait = next(frames)
    file = write_camera_file(frames, tmp_path / "blinks.mjpeg")
    created = api.open_session(
        api.enrol("Blinks", portrait), accessibility={"avoid": ALL_BUT_BLINK, "moreTime": True}
    )
    browser = with_camera_file(launch_browser, file)
    page = browser.new_page()
    page.goto(created["sessionUrl"])
    capture = CapturePage(page)
    capture.start_camera()
    capture.expect_outcome("Thank you, all done")
    capture.shoot("in-review")
    session = api.session(created["id"])
    browser.close()
    assert (session["status"], session["inReview"]) == ("in_progress", True)
    assert [item["kind"] for item in session["decision"]["liveness"]["challenges"]] == ["blink"]
    assert session["decision"]["injection"]["signals"] == []
