/**
 * The whole behaviour of the page as one pure function `(state, event) -> state`.
 *
 * Effects are not done here. Whoever holds the state compares it with the one before: a counter that
 * grew (`connects`, `asks`, `announcements`, `uploads`, `answers`, `lightAnswers`, `swaps`, `leaves`) asks for it once.
 */

import { DIALOGS, LIVE_SCREENS } from "./capture_state.js";

/**
 * @typedef {import("./capture_state.js").State} State
 * @typedef {import("./capture_state.js").MachineEvent} MachineEvent
 * @typedef {import("./protocol.js").Result} Result
 * @typedef {import("./protocol.js").Challenge} Challenge
 */

/** @param {string} outcome @returns {Result} */
function outcomeWithoutVerdict(outcome) {
  return { outcome, reason: null, redirect: null, support_id: null };
}

/** @param {State} state @returns {boolean} */
function isLive(state) {
  return LIVE_SCREENS.includes(state.screen);
}

/**
 * Another screen. A dialog that was asked for on the old one closes, unless the camera just goes on.
 * @param {State} state @param {string} screen @param {Partial<State>} [changes] @returns {State}
 */
function show(state, screen, changes) {
  const goesOn = screen === state.screen || (isLive(state) && LIVE_SCREENS.includes(screen));
  const dialog = goesOn ? state.dialog : null;
  return { ...state, dialog, slow: false, hint: null, ...changes, screen };
}

/** Who left on purpose is not told of standing still for too long. @param {State} state @param {Result} given @returns {State} */
function finish(state, given) {
  const hasLeft = state.leaves > 0 && given.outcome === "abandoned";
  const result = hasLeft ? { ...given, outcome: "cancelled" } : given;
  return show(state, "outcome", { result, camera: "off", trouble: null, before: null });
}

/** @param {State} state @param {string} error @param {boolean} retryable @param {string|null} supportId @returns {State} */
function fail(state, error, retryable, supportId) {
  return show(state, "failed", { error, retryable, supportId, camera: retryable ? state.camera : "off" });
}

/** A new attempt: nothing of the last one is shown. @param {State} state @param {Partial<State>} [changes] @returns {State} */
function align(state, changes) {
  const fresh = { alignPercent: 0, challenge: null, passed: 0, percent: 0, reason: null, capture: null };
  return show(state, "align", { ...fresh, lightAnswer: null, light: null, ...changes });
}

/** The server is told of the live camera, and starts (again) with alignment. @param {State} state @returns {State} */
function announce(state) {
  return align(state, { announcements: state.announcements + 1, nonce: null, trouble: null, before: null });
}

/** @param {State} state @returns {State} */
function ask(state) {
  return show(state, "asking", { camera: "asking", asks: state.asks + 1, trouble: null });
}

/** @param {State} state @returns {State} */
function connect(state) {
  return show(state, "boot", { connects: state.connects + 1, error: null, supportId: null });
}

/** Where the page stands without a live camera while the server waits for one. @param {State} state @returns {State} */
function waitForCamera(state) {
  const screen = state.before ?? state.screen;
  const stays = screen === "asking" ? state.camera === "asking" : screen === "blocked";
  return show(state, stays ? screen : "precheck", { before: null });
}

/** The server's state as the page shows it. @param {State} state @param {string} server @returns {State} */
function follow(state, server) {
  switch (server) {
    case "consent":
      return show(state, "consent", { consent: state.screen === "consent" ? state.consent : null });
    case "camera":
      return state.camera === "live" ? announce(state) : waitForCamera(state);
    case "align":
      if (state.camera !== "live") return waitForCamera(state);
      return state.screen === "align" ? state : align(state, { before: null });
    case "challenge":
      // The challenge itself follows; until it is there nothing can be asked of the person.
      if (state.camera !== "live") return waitForCamera(state);
      return isLive(state) ? state : align(state, { before: null });
    case "light":
      // The notice or the next colour follows.
      if (state.camera !== "live") return waitForCamera(state);
      return isLive(state) ? state : show(state, "light", { light: null, before: null });
    case "capture":
      if (state.camera !== "live") return waitForCamera(state);
      return state.screen === "uploading" ? state : show(state, "capture", { before: null });
    case "retry":
      return show(state, "retry", { before: null, capture: null });
    default:
      return state.result !== null ? finish(state, state.result) : show(state, "processing", { before: null });
  }
}

/** @param {State} state @param {Extract<MachineEvent, {type: "hello_accepted"}>} event @returns {State} */
function onHello(state, event) {
  const { version, attemptsLeft, nonce, framePolicy } = event;
  const known = { ...state, version, attemptsLeft, nonce, framePolicy };
  if (event.result !== null) return finish(known, event.result);
  return follow(known, event.server);
}

/** @param {State} state @param {string} code @returns {State} */
function onRefused(state, code) {
  if (code === "busy") return show(state, "busy");
  return fail(state, code, code !== "unknown_session", null);
}

/** Screens that need the socket; the upload does not, and the others say already that it is gone. */
const CONNECTED_SCREENS = Object.freeze([
  "consent",
  "precheck",
  "asking",
  "blocked",
  "align",
  "challenge",
  "light_notice",
  "light",
  "capture",
  "processing",
  "retry",
]);

/** @param {State} state @returns {State} */
function onConnectionLost(state) {
  if (!CONNECTED_SCREENS.includes(state.screen)) return state;
  return show(state, "offline", { before: state.screen });
}

/** @param {State} state @param {Extract<MachineEvent, {type: "server_state"}>} event @returns {State} */
function onServerState(state, event) {
  if (event.version <= state.version) return state;
  const { version, attemptsLeft, nonce, reason } = event;
  return follow({ ...state, version, attemptsLeft, nonce, reason: reason ?? state.reason }, event.server);
}

/** @param {State} state @param {Challenge} challenge @returns {State} */
function onChallenge(state, challenge) {
  if (!isLive(state) || state.camera !== "live") return state;
  const { nonce, index: passed } = challenge;
  const begun = { challenge, nonce, passed, percent: 0, reason: null, swapRefused: false };
  return show(state, "challenge", begun);
}

/** @param {State} state @param {Extract<MachineEvent, {type: "challenge_result"}>} event @returns {State} */
function onChallengeResult(state, event) {
  if (state.screen !== "challenge" || state.challenge?.id !== event.id) return state;
  if (!event.passed) {
    const reason = event.reason === "swapped" ? null : event.reason;
    return { ...state, percent: 0, hint: null, reason };
  }
  return { ...state, percent: 100, hint: null, passed: state.challenge.index + 1 };
}

/** The warning comes before the first colour. After a reconnection it comes before `hello` is answered. @param {State} state @param {string} nonce */
function onLightNotice(state, nonce) {
  if (!STILL_SCREENS.includes(state.screen) || state.camera !== "live") return state;
  return show(state, "light_notice", { nonce, lightAnswer: null, light: null, before: null });
}

/** @param {State} state @param {import("./protocol.js").Light} light @returns {State} */
function onLight(state, light) {
  if (!isLive(state) || state.camera !== "live") return state;
  return { ...show(state, "light", { light, nonce: light.nonce }), hint: state.hint };
}

/** @param {State} state @param {"accepted"|"declined"} lightAnswer @returns {State} */
function answerLight(state, lightAnswer) {
  if (state.screen !== "light_notice" || state.lightAnswer !== null) return state;
  return { ...state, dialog: null, lightAnswer, lightAnswers: state.lightAnswers + 1 };
}

/** Where a still may be asked for: after a reconnection the request comes before `hello` is answered. */
const STILL_SCREENS = Object.freeze([...LIVE_SCREENS, "uploading", "offline", "draining", "boot"]);

/** @param {State} state @param {Extract<MachineEvent, {type: "capture_request"}>} event @returns {State} */
function onCaptureRequest(state, event) {
  if (!STILL_SCREENS.includes(state.screen) || state.camera !== "live") return state;
  return show(state, "uploading", { capture: event.capture, uploads: state.uploads + 1, before: null });
}

/** Whether an answer belongs to the still that was sent last. @param {State} state @param {number} upload */
function isAwaited(state, upload) {
  return state.screen === "uploading" && state.uploads === upload;
}

/** @param {State} state @param {Extract<MachineEvent, {type: "uploaded"}>} event @returns {State} */
function onUploaded(state, event) {
  if (event.result !== null) return finish(state, event.result);
  return isAwaited(state, event.upload) ? show(state, "processing", { capture: null }) : state;
}

/** @param {State} state @returns {State} */
function onCameraOpened(state) {
  const opened = { ...state, camera: /** @type {const} */ ("live"), trouble: null };
  return state.screen === "asking" ? announce(opened) : opened;
}

/** @param {State} state @param {string} trouble @returns {State} */
function onCameraGone(state, trouble) {
  const gone = { ...state, camera: /** @type {const} */ ("off"), trouble };
  const needsCamera = isLive(state) || ["boot", "asking", "uploading"].includes(state.screen);
  return needsCamera ? show(gone, "blocked", { capture: null }) : gone;
}

/** Nothing is waited for without end. @param {State} state @param {string} screen @returns {State} */
function onPatienceOver(state, screen) {
  if (screen !== state.screen) return state;
  switch (screen) {
    case "boot":
      return show(state, "offline", { before: null });
    case "uploading":
      return fail(state, "upload_failed", true, null);
    case "align":
    case "offline":
    case "processing":
      return { ...state, slow: true };
    default:
      return state;
  }
}

/** @param {State} state @param {string} screen @param {(state: State) => State} then @returns {State} */
function only(state, screen, then) {
  return state.screen === screen ? then(state) : state;
}

/** @param {State} state @param {"accepted"|"declined"} consent @returns {State} */
function answer(state, consent) {
  return only(state, "consent", () => ({ ...state, dialog: null, consent, answers: state.answers + 1 }));
}

/** @param {State} state @returns {State} */
function onRetryPressed(state) {
  if (state.screen !== "retry" && state.screen !== "failed") return state;
  if (state.screen === "failed" && state.error !== "upload_failed") return connect(state);
  return state.camera === "live" ? announce(state) : ask(state);
}

/** @param {State} state @returns {State} */
function onReconnectPressed(state) {
  const screens = ["offline", "processing", "superseded", "busy", "draining", "failed"];
  return screens.includes(state.screen) ? connect(state) : state;
}

/** Events that come from the server. @param {State} state @param {MachineEvent} event @returns {State|null} */
function onServer(state, event) {
  switch (event.type) {
    case "hello_accepted":
      return onHello(state, event);
    case "refused":
      return onRefused(state, event.code);
    case "connection_lost":
      return onConnectionLost(state);
    case "server_state":
      return onServerState(state, event);
    case "hint":
      return isLive(state) ? { ...state, hint: event.hint } : state;
    case "align_progress":
      return only(state, "align", () => ({ ...state, alignPercent: event.percent }));
    case "challenge":
      return onChallenge(state, event.challenge);
    case "progress":
      return state.screen === "challenge" && state.challenge?.id === event.id && state.percent < 100
        ? { ...state, percent: event.percent }
        : state;
    case "challenge_result":
      return onChallengeResult(state, event);
    case "light_notice":
      return onLightNotice(state, event.nonce);
    case "light":
      return onLight(state, event.light);
    case "capture_request":
      return onCaptureRequest(state, event);
    case "result":
      return finish(state, event.result);
    case "superseded":
      return show(state, "superseded", { camera: "off" });
    case "expired":
      return finish(state, outcomeWithoutVerdict("expired"));
    case "draining":
      return show(state, "draining", { before: state.screen, retryInMs: event.retryInMs });
    case "server_error":
      // The first failure is the cause; what follows it are its echoes.
      if (state.screen === "failed") return state;
      return fail(state, event.code, event.retryable, event.supportId);
    default:
      return null;
  }
}

/** Events of the camera, the upload and the clock. @param {State} state @param {MachineEvent} event @returns {State|null} */
function onDevice(state, event) {
  switch (event.type) {
    case "camera_opened":
      return onCameraOpened(state);
    case "camera_failed":
    case "camera_lost":
      return onCameraGone(state, event.trouble);
    case "uploaded":
      return onUploaded(state, event);
    case "upload_failed":
      return isAwaited(state, event.upload) ? fail(state, "upload_failed", true, event.supportId) : state;
    case "patience_over":
      return onPatienceOver(state, event.screen);
    default:
      return null;
  }
}

/** What the person did. @param {State} state @param {MachineEvent} event @returns {State} */
function onPerson(state, event) {
  switch (event.type) {
    case "consent_accepted":
      return answer(state, "accepted");
    case "decline_confirmed":
      return answer(state, "declined");
    case "start_pressed":
      return state.screen === "precheck" || state.screen === "blocked" ? ask(state) : state;
    case "camera_picked":
      return isLive(state) || state.screen === "blocked"
        ? ask({ ...state, dialog: null, cameraId: event.cameraId })
        : { ...state, dialog: null, cameraId: event.cameraId };
    case "retry_pressed":
      return onRetryPressed(state);
    case "reconnect_pressed":
      return onReconnectPressed(state);
    case "dialog_asked":
      return DIALOGS.includes(event.dialog) ? { ...state, dialog: event.dialog } : state;
    case "dialog_closed":
      return { ...state, dialog: null };
    case "leave_confirmed":
      return { ...state, dialog: null, leaves: state.leaves + 1 };
    case "light_accepted":
      return answerLight(state, "accepted");
    case "light_declined":
      return answerLight(state, "declined");
    case "swap_pressed":
      return only(state, "challenge", () => ({ ...state, swaps: state.swaps + 1, swapRefused: false }));
    case "swap_refused":
      return only(state, "challenge", () => ({ ...state, swapRefused: true }));
    case "left":
      return finish(state, outcomeWithoutVerdict("cancelled"));
    default:
      return state;
  }
}

/**
 * The next state. An event that means nothing on this screen leaves the state as it is.
 * After the outcome nothing changes any more; a superseded page only comes back by the person's wish.
 * @param {State} state @param {MachineEvent} event @returns {State}
 */
export function reduce(state, event) {
  if (state.screen === "outcome") return state;
  if (state.screen === "superseded" && event.type !== "reconnect_pressed") return state;
  return onServer(state, event) ?? onDevice(state, event) ?? onPerson(state, event);
}
