"""The words of the capture protocol. `static/js/protocol.js` says the same; a test compares them."""

from __future__ import annotations

NAMESPACE = "/capture"

CLIENT_EVENTS = (
    "hello",
    "handoff",
    "watch",
    "consent",
    "camera",
    "frame",
    "swap_challenge",
    "light_ready",
    "visibility",
    "cancel",
    "telemetry",
)
SERVER_EVENTS = (
    "state",
    "hint",
    "align_progress",
    "challenge",
    "progress",
    "challenge_result",
    "light_notice",
    "light",
    "capture_request",
    "watch_state",
    "result",
    "superseded",
    "expired",
    "draining",
    "error",
)
RESULT_REASONS = ("consent_declined", "attempts_exhausted", "review_rejected", "not_confirmed")
RETRY_REASONS = (
    "timed_out",
    "wrong_movement",
    "face_lost",
    "multiple_faces",
    "interrupted",
    "not_aligned",
    "quality",
    "too_much_data",
)
FRAME_REFUSALS = (
    "stale",
    "late",
    "out_of_order",
    "other_challenge",
    "other_time",
    "too_large",
    "too_fast",
    "not_expected",
    "not_an_image",
)
WATCHER_EVENTS = ("handoff", "cancel")
"""What a page that watches may do beside watching, and beside taking the session back with `hello`."""
LINK_STATES = ("open", "taken", "refused", "expired", "void")
CAMERA_SIGNALS = (
    "canvas_track",
    "no_device_id",
    "no_frame_rate",
    "no_label",
    "virtual_label",
    "patched_get_user_media",
)
"""What a page may say against its own camera. Others are dropped: they would be stored with the session."""
SIMULATED = "simulated"
"""The signal, and the refusal for live sessions, of a page that says nobody is before its camera."""
CONNECT_ERRORS = ("unknown_session", "busy", "too_many_pages")

FRAME_WIDTH, FRAME_HEIGHT, FRAME_QUALITY, FRAMES_PER_SECOND = 640, 480, 0.7, 10
STILL_WIDTH, STILL_HEIGHT = 1280, 720
MAX_REFUSALS_IN_A_ROW = 40
"""So many refused frames in a row are a flood: the socket is closed."""
