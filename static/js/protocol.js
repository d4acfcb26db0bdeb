/**
 * The names of the capture protocol (docs/capture-protocol.md), and the shapes of its messages.
 * A Python test compares these lists with the server's, so they stay plain frozen literals.
 */

export const PARENT_MESSAGE_VERSION = 1;

export const CLIENT_EVENTS = Object.freeze([
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
]);

export const SERVER_EVENTS = Object.freeze([
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
]);

export const SERVER_STATES = Object.freeze([
  "consent",
  "camera",
  "align",
  "challenge",
  "light",
  "capture",
  "processing",
  "retry",
  "done",
]);

export const HINT_CODES = Object.freeze([
  "no_face",
  "multiple_faces",
  "too_far",
  "too_close",
  "off_centre",
  "eyes_not_visible",
  "too_dark",
  "too_bright",
  "uneven_light",
  "blurry",
  "face_covered",
  "look_straight",
  "hold_still",
  "return_to_centre",
  "move_back",
  "open_eyes",
  "relax_face",
  "keep_going",
  "wrong_way",
]);

export const DIRECTIONS = Object.freeze(["left", "right", "up", "down"]);

export const CHALLENGE_KINDS = Object.freeze(["head_turn", "look", "blink", "smile", "mouth", "approach"]);

/** What the page shines in; `off` is the page as it is without. */
export const LIGHT_COLOURS = Object.freeze(["red", "green", "blue", "white", "dark", "off"]);

/** Reasons of the state `retry`; each has tips of its own. Also why one challenge was not passed. */
export const RETRY_REASONS = Object.freeze([
  "timed_out",
  "wrong_movement",
  "face_lost",
  "multiple_faces",
  "interrupted",
  "not_aligned",
  "quality",
  "too_much_data",
]);

/** Reasons of a `result`: only what an end user can act on. */
export const RESULT_REASONS = Object.freeze([
  "consent_declined",
  "attempts_exhausted",
  "review_rejected",
  "not_confirmed",
]);

export const OUTCOMES = Object.freeze([
  "approved",
  "rejected",
  "in_review",
  "declined",
  "cancelled",
  "abandoned",
  "expired",
]);

/** `data.code` of a refused connection. */
export const REFUSALS = Object.freeze(["unknown_session", "busy", "too_many_pages"]);

/** Why a frame was refused; none of them ends the stream. */
export const FRAME_REFUSALS = Object.freeze([
  "stale",
  "late",
  "out_of_order",
  "other_challenge",
  "other_time",
  "too_large",
  "too_fast",
  "not_expected",
  "not_an_image",
]);

/** How the link to a phone stands. */
export const LINK_STATES = Object.freeze(["open", "taken", "refused", "expired", "void"]);

/** What keeps the camera from the page: the `error` of the message `camera`. */
export const CAMERA_TROUBLES = Object.freeze([
  "insecure",
  "policy",
  "sandbox",
  "webview",
  "kept_back",
  "denied",
  "in_use",
  "no_camera",
  "constraints",
  "timeout",
  "lost",
  "black",
  "frozen",
]);

/** What a person may be unable to do, or bear: `accessibility.avoid`. */
export const ABILITIES = Object.freeze(["head_turn", "look", "blink", "smile", "mouth", "approach", "flash"]);

export const CAMERA_LABEL_CLASSES = Object.freeze(["physical", "virtual", "unknown"]);

/** Types of the messages to the integrator's page. */
export const PARENT_MESSAGES = Object.freeze([
  "ready",
  "started",
  "step",
  "resize",
  "completed",
  "cancelled",
  "error",
  "close_request",
]);

/** Used until `hello` is answered: 640×480 at q 0.7 is 22–30 KiB and encodes in 3–4 ms. */
export const DEFAULT_FRAME_POLICY = Object.freeze({
  width: 640,
  height: 480,
  quality: 0.7,
  fps: 10,
  max_bytes: 262144,
});

/**
 * @typedef {{width: number, height: number, quality: number, fps: number, max_bytes: number}} FramePolicy
 * @typedef {{url: string, status: string}} Redirect
 * @typedef {{outcome: string, reason: string|null, redirect: Redirect|null, support_id: string|null,
 *   continue_on?: "phone"|"computer"|null}} Result
 * @typedef {{link: string, number: number, expiresInMs: number, size: number, path: string}} Handoff
 * @typedef {{link: string, state: string, index: number, total: number, isAway: boolean}} Watch
 * @typedef {{code: string, direction: string|null, escalated: boolean}} Hint
 * @typedef {{id: string, nonce: string, kind: string, direction: string|null, index: number, total: number,
 *   timeLimitMs: number}} Challenge
 * @typedef {{nonce: string, index: number, colour: string}} Light
 * @typedef {{ticket: string, maxBytes: number}} CaptureRequest
 * @typedef {{seq: number, captured_at_ms: number, challenge_id: string|null, nonce: string}} FrameHeader
 * @typedef {{ok: boolean, code?: string, retryable?: boolean, support_id?: string|null,
 *   [field: string]: unknown}} Ack
 */
