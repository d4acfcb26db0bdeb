/**
 * What the page knows at any moment, and what may happen to it: the shapes that `capture_machine.js` works on.
 */

import { DEFAULT_FRAME_POLICY } from "./protocol.js";

/**
 * @typedef {import("./protocol.js").Result} Result
 * @typedef {import("./protocol.js").Hint} Hint
 * @typedef {import("./protocol.js").Challenge} Challenge
 * @typedef {import("./protocol.js").Light} Light
 * @typedef {import("./protocol.js").CaptureRequest} CaptureRequest
 * @typedef {import("./protocol.js").FramePolicy} FramePolicy
 */

export const SCREENS = Object.freeze([
  "boot",
  "consent",
  "precheck",
  "asking",
  "blocked",
  "align",
  "challenge",
  "light_notice",
  "light",
  "capture",
  "uploading",
  "processing",
  "retry",
  "handoff",
  "waiting_phone",
  "outcome",
  "superseded",
  "offline",
  "busy",
  "draining",
  "failed",
]);

export const DIALOGS = Object.freeze(["leave", "decline", "help", "cameras", "needs", "link"]);

/** Screens on which frames are wanted by the server. */
export const LIVE_SCREENS = Object.freeze(["align", "challenge", "light_notice", "light", "capture"]);

/** Screens that need the socket; the upload does not, and the others say already that it is gone. */
export const CONNECTED_SCREENS = Object.freeze([
  "consent",
  "precheck",
  "asking",
  "blocked",
  ...LIVE_SCREENS,
  "processing",
  "retry",
  "handoff",
  "waiting_phone",
]);

/**
 * @typedef {object} State
 * @property {string} screen one of SCREENS
 * @property {string|null} before the screen that the lost connection interrupted
 * @property {string|null} dialog one of DIALOGS, over the screen
 * @property {boolean} isHidden the tab is not seen
 * @property {"asked"|"waiting"|"timeout"|"other"|null} leave what has come of the wish to leave: it is on its way,
 *   waits for a connection, or failed
 * @property {"off"|"asking"|"live"} camera
 * @property {string|null} cameraId the camera that the person picked
 * @property {Needs} needs what the person asked for on the page
 * @property {boolean} isSpoken whether prompts are also read aloud
 * @property {string|null} trouble what keeps the camera from the page (CAMERA_TROUBLES)
 * @property {"accepted"|"declined"|null} consent what the person answered
 * @property {number} version of the last `state` that was followed
 * @property {number} attemptsLeft
 * @property {boolean} isTicketRenewed after one that had expired
 * @property {number} pausesLeft so often a movement can still be interrupted at no cost
 * @property {FramePolicy} framePolicy
 * @property {string|null} nonce what frames carry now, null while the server wants none
 * @property {number} alignPercent 0-100
 * @property {Challenge|null} challenge
 * @property {number} passed challenges passed in this attempt
 * @property {number} percent of the running challenge, 0-100
 * @property {"accepted"|"declined"|null} lightAnswer whether the page may shine, once the person has said it
 * @property {Light|null} light what the page shines in
 * @property {Hint|null} hint
 * @property {string|null} reason why the attempt failed
 * @property {CaptureRequest|null} capture
 * @property {boolean} isLooking the person is shown themselves before another still is taken
 * @property {boolean} slow what is waited for takes longer than it should
 * @property {number} retryInMs when the server asks to come back
 * @property {number} losses how often in a row the line was lost while the server was awaited
 * @property {Result|null} result
 * @property {string|null} error code of the screen `failed`
 * @property {boolean} retryable whether trying again can help there
 * @property {string|null} supportId
 * @property {number} connects
 * @property {number} refusals how often a server that is full has answered
 * @property {number} asks
 * @property {number} announcements
 * @property {number} uploads
 * @property {number} looks how often the person was to be shown themselves before a still
 * @property {number} answers
 * @property {number} lightAnswers
 * @property {number} swaps
 * @property {readonly string[]} unwanted kinds of challenges that the person cannot do
 * @property {string|null} swapAsked the challenge that was asked to be swapped last
 * @property {boolean} swapRefused the server keeps the challenge that the person cannot do
 * @property {number} leaves
 * @property {boolean} watches this page waits for its phone: it does not say hello
 * @property {import("./protocol.js").Handoff|null} handoff the link for the phone
 * @property {string|null} handoffTrouble why there is none: `expired`, `refused`, `limit` or `failed`
 * @property {import("./protocol.js").Watch|null} watch how far the phone is
 * @property {number} handoffs how many links were asked for
 * @property {number} greetings how often `hello` is to be said anew, with other needs
 */

/**
 * @typedef {object} Needs
 * @property {readonly string[]} avoid what is not to be asked for (ABILITIES)
 * @property {boolean} moreTime
 */

/**
 * @typedef {{type: "hello_accepted", server: string, version: number, attemptsLeft: number, pausesLeft: number,
 *     nonce: string|null, framePolicy: FramePolicy, result: Result|null}
 *   | {type: "refused", code: string}
 *   | {type: "connection_lost"}
 *   | {type: "server_state", server: string, version: number, attemptsLeft: number, pausesLeft: number, nonce: string|null,
 *     reason: string|null}
 *   | {type: "hint", hint: Hint|null}
 *   | {type: "align_progress", percent: number}
 *   | {type: "challenge", challenge: Challenge}
 *   | {type: "progress", id: string, percent: number}
 *   | {type: "challenge_result", id: string, passed: boolean, reason: string|null}
 *   | {type: "light_notice", nonce: string}
 *   | {type: "light", light: Light}
 *   | {type: "capture_request", capture: CaptureRequest}
 *   | {type: "uploaded", upload: number, result: Result|null}
 *   | {type: "upload_failed", upload: number, code?: string|null, supportId: string|null}
 *   | {type: "looked", look: number}
 *   | {type: "page_hidden"} | {type: "page_shown"}
 *   | {type: "result", result: Result}
 *   | {type: "superseded"} | {type: "expired"}
 *   | {type: "draining", retryInMs: number}
 *   | {type: "server_error", code: string, retryable: boolean, supportId: string|null}
 *   | {type: "camera_opened"} | {type: "camera_failed", trouble: string} | {type: "camera_lost", trouble: string}
 *   | {type: "consent_accepted"} | {type: "decline_confirmed"}
 *   | {type: "start_pressed"} | {type: "retry_pressed"} | {type: "reconnect_pressed"}
 *   | {type: "camera_picked", cameraId: string}
 *   | {type: "needs_saved", needs: Needs, isSpoken: boolean} | {type: "speech_pressed"}
 *   | {type: "dialog_asked", dialog: string} | {type: "dialog_closed"}
 *   | {type: "leave_confirmed"} | {type: "leave_refused", code: string}
 *   | {type: "handoff_pressed"} | {type: "here_pressed"}
 *   | {type: "handoff_given", handoff: import("./protocol.js").Handoff} | {type: "handoff_failed", code: string}
 *   | {type: "handoff_expired", link: string}
 *   | {type: "watch_accepted", version: number, watch: import("./protocol.js").Watch|null, result: Result|null}
 *   | {type: "watch_state", version: number, watch: import("./protocol.js").Watch}
 *   | {type: "light_accepted"} | {type: "light_declined"}
 *   | {type: "swap_pressed"} | {type: "swap_refused", id: string} | {type: "left"}
 *   | {type: "patience_over", screen: string}} MachineEvent
 */

/** @type {Readonly<State>} */
export const INITIAL_STATE = Object.freeze({
  screen: "boot",
  before: null,
  dialog: null,
  isHidden: false,
  leave: null,
  camera: "off",
  cameraId: null,
  needs: Object.freeze({ avoid: Object.freeze(/** @type {string[]} */ ([])), moreTime: false }),
  isSpoken: false,
  trouble: null,
  consent: null,
  version: 0,
  attemptsLeft: 0,
  pausesLeft: 0,
  isTicketRenewed: false,
  framePolicy: DEFAULT_FRAME_POLICY,
  nonce: null,
  alignPercent: 0,
  challenge: null,
  passed: 0,
  percent: 0,
  lightAnswer: null,
  light: null,
  hint: null,
  reason: null,
  capture: null,
  isLooking: false,
  slow: false,
  retryInMs: 0,
  losses: 0,
  result: null,
  error: null,
  retryable: false,
  supportId: null,
  connects: 1,
  refusals: 0,
  asks: 0,
  announcements: 0,
  uploads: 0,
  looks: 0,
  answers: 0,
  lightAnswers: 0,
  swaps: 0,
  unwanted: Object.freeze(/** @type {string[]} */ ([])),
  swapAsked: null,
  swapRefused: false,
  leaves: 0,
  watches: false,
  handoff: null,
  handoffTrouble: null,
  watch: null,
  handoffs: 0,
  greetings: 0,
});

/** Screens on which what is asked has its time, and is void when nobody looks. */
const TIMED_SCREENS = Object.freeze(["align", "challenge", "light"]);

/** Whether nobody looks at what is asked. @param {State} state @returns {boolean} */
export function isAway({ isHidden, dialog }) {
  return isHidden || dialog !== null;
}

/**
 * Whether a dialog lies over what the server asks: who reads it is not hurried, as long as that costs no attempt.
 * @param {State} state @returns {boolean}
 */
export function isPaused({ screen, camera, dialog, pausesLeft }) {
  const isFree = screen === "align" || pausesLeft > 0;
  return dialog !== null && camera === "live" && TIMED_SCREENS.includes(screen) && isFree;
}

/** Screens on which a phone has the session, or is about to. */
const PHONE_SCREENS = Object.freeze(["handoff", "waiting_phone"]);

/**
 * Whether the server listens to this page. It refuses what a page says that waits for room or for its phone.
 * @param {State} state @returns {boolean}
 */
export function isHeard({ screen, watches }) {
  return !watches && CONNECTED_SCREENS.includes(screen) && !PHONE_SCREENS.includes(screen);
}
