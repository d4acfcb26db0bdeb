/**
 * The whole behaviour of the page as one pure function `(state, event) -> state`.
 *
 * Effects are not done here. Whoever holds the state compares it with the one before: a counter that
 * grew (`connects`, `refusals`, `asks`, `announcements`, `uploads`, `looks`, `answers`, `lightAnswers`, `swaps`,
 * `leaves`) asks for it once.
 */

import { onPerson } from "./capture_person.js";
import { CONNECTED_SCREENS, isAway, LIVE_SCREENS } from "./capture_state.js";
import {
  announce,
  fail,
  finish,
  follow,
  interrupted,
  isLive,
  look,
  only,
  outcomeWithoutVerdict,
  show,
  swapUnwanted,
  take,
} from "./capture_steps.js";
import { NO_HANDOFF, onHandoff } from "./handoff_machine.js";

/**
 * @typedef {import("./capture_state.js").State} State
 * @typedef {import("./capture_state.js").MachineEvent} MachineEvent
 * @typedef {import("./protocol.js").Challenge} Challenge
 */

/** A link for the phone that is on its way. @param {State} state */
function isHandingOver({ screen, watches, handoff, handoffTrouble }) {
  return screen === "handoff" && !watches && handoff === null && handoffTrouble === null;
}

/** A pause that has begun goes on until its dialog is closed. @param {State} state @param {{pausesLeft: number}} event */
function pausesAfter(state, event) {
  return state.dialog === null ? event.pausesLeft : state.pausesLeft;
}

/** @param {State} state @param {Extract<MachineEvent, {type: "hello_accepted"}>} event @returns {State} */
function onHello(state, event) {
  const { version, attemptsLeft, nonce, framePolicy } = event;
  const pausesLeft = pausesAfter(state, event);
  const known = { ...state, ...NO_HANDOFF, version, attemptsLeft, pausesLeft, nonce, framePolicy, losses: 0 };
  if (event.result !== null) return finish(known, event.result);
  // It answers what was said before the phone was chosen.
  return isHandingOver(state) ? known : follow(known, event.server);
}

/** @param {State} state @param {string} code @returns {State} */
function onRefused(state, code) {
  if (code === "busy") return show(state, "busy", { refusals: state.refusals + 1, losses: 0 });
  if (code === "too_many_pages") return comeBackSoon(state);
  return fail(state, code, code !== "unknown_session" && code !== "handoff_over", null);
}

/** Lines that were lost count as pages for a while: it is tried again until they are gone. @param {State} state @returns {State} */
function comeBackSoon(state) {
  return show(state, "offline", { before: interrupted(state), refusals: state.refusals + 1 });
}

/** @param {State} state @returns {State} */
function supersede(state) {
  return show(state, "superseded", { ...NO_HANDOFF, camera: "off" });
}

/** Where the line is lost now and then without being gone: the page hangs up to ask again, the server restarts. */
const PATIENT_SCREENS = Object.freeze(["busy", "draining"]);

/** A second loss in a row is a try that failed. @param {State} state @returns {State} */
function onConnectionLost(state) {
  const { screen, slow } = state;
  const isPatient = PATIENT_SCREENS.includes(screen);
  if (!isPatient && !CONNECTED_SCREENS.includes(screen)) return state;
  const losses = state.losses + 1;
  const isGone = losses > 1 && (screen === "busy" || slow);
  return isPatient && !isGone ? { ...state, losses } : show(state, "offline", { before: interrupted(state) });
}

/** @param {State} state @param {Extract<MachineEvent, {type: "server_state"}>} event @returns {State} */
function onServerState(state, event) {
  if (event.version <= state.version) return state;
  const { version, attemptsLeft, nonce, reason } = event;
  const pausesLeft = pausesAfter(state, event);
  const known = { ...state, version, attemptsLeft, pausesLeft, nonce, reason: reason ?? state.reason };
  return follow(known, event.server);
}

/** @param {State} state @param {Challenge} challenge @returns {State} */
function onChallenge(state, challenge) {
  if (!isLive(state) || state.camera !== "live") return state;
  const { nonce, index: passed } = challenge;
  const begun = { challenge, nonce, passed, percent: 0, reason: null, swapRefused: false };
  return swapUnwanted(show(state, "challenge", begun));
}

/** @param {State} state @param {Extract<MachineEvent, {type: "challenge_result"}>} event @returns {State} */
function onChallengeResult(state, event) {
  if (state.screen !== "challenge" || state.challenge?.id !== event.id) return state;
  if (!event.passed) {
    const isFailure = event.reason !== "swapped" && event.reason !== "interrupted";
    const reason = isFailure ? event.reason : null;
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

/** Where a still may be asked for: after a reconnection the request comes before `hello` is answered. */
const STILL_SCREENS = Object.freeze([...LIVE_SCREENS, "uploading", "offline", "draining", "boot"]);

/**
 * The first still is taken at once, while the person does what is asked. Another would be the same again, or one of
 * somebody who looks elsewhere; and who has only opened another camera is not in place.
 * @param {State} state @param {Extract<MachineEvent, {type: "capture_request"}>} event @returns {State}
 */
function onCaptureRequest(state, { capture }) {
  if (!STILL_SCREENS.includes(state.screen) || state.camera !== "live") return state;
  if (state.screen === "capture" && state.isLooking) return { ...state, capture };
  const isInPlace = isLive(state) && state.screen !== "align" && !isAway(state);
  return isInPlace ? take(state, capture) : look(state, capture);
}

/** A look that is over before the request comes waits for it. @param {State} state @param {number} number */
function onLooked(state, number) {
  if (state.screen !== "capture" || !state.isLooking || state.looks !== number) return state;
  return state.capture === null ? { ...state, isLooking: false } : take(state, state.capture);
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

/** Refusals of the picture: the server asks for another, or says that the attempt is over. */
const PICTURE_REFUSALS = Object.freeze(["no_face", "not_an_image", "quality"]);

/** @param {State} state @param {Extract<MachineEvent, {type: "upload_failed"}>} event @returns {State} */
function onUploadFailed(state, { upload, code = null, supportId }) {
  if (!isAwaited(state, upload)) return state;
  if (code === null) return fail(state, "upload_failed", true, supportId);
  // The page is told how it stands.
  if (code === "not_expected") return state;
  // It lay too long under a dialog, or in a hidden tab: the answer to another hello brings a new one, once.
  if (code === "bad_ticket" && !state.isTicketRenewed)
    return { ...state, greetings: state.greetings + 1, isTicketRenewed: true };
  if (!PICTURE_REFUSALS.includes(code)) return fail(state, code, true, supportId);
  return state.camera === "live" ? look(state, null) : state;
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
    case "capture":
      return fail(state, "timeout", true, null);
    case "draining":
      return state.losses > 1 ? show(state, "offline", { before: state.before }) : { ...state, slow: true };
    case "asking":
    case "align":
    case "offline":
    case "processing":
      return { ...state, slow: true };
    default:
      return state;
  }
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
      return supersede(state);
    case "expired":
      return finish(state, outcomeWithoutVerdict("expired"));
    case "draining":
      return show(state, "draining", { before: interrupted(state), retryInMs: event.retryInMs, losses: 0 });
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
      return onUploadFailed(state, event);
    case "looked":
      return onLooked(state, event.look);
    case "page_hidden":
      return { ...state, isHidden: true };
    case "page_shown":
      return { ...state, isHidden: false };
    case "patience_over":
      return onPatienceOver(state, event.screen);
    default:
      return null;
  }
}

/** A wish to leave that waited for the connection. @param {State} state @param {MachineEvent} event @returns {State} */
function leaveAtLast(state, event) {
  const isBack = event.type === "hello_accepted" || event.type === "watch_accepted";
  return isBack && state.leave === "waiting" ? { ...state, leave: "asked", leaves: state.leaves + 1 } : state;
}

/**
 * The next state. An event that means nothing on this screen leaves the state as it is.
 * After the outcome nothing changes any more; a superseded page only comes back by the person's wish.
 * @param {State} state @param {MachineEvent} event @returns {State}
 */
export function reduce(state, event) {
  if (state.screen === "outcome") return state;
  if (state.screen === "superseded" && event.type !== "reconnect_pressed") return state;
  const next = onHandoff(state, event) ?? onServer(state, event) ?? onDevice(state, event);
  return next === null ? onPerson(state, event) : leaveAtLast(next, event);
}
