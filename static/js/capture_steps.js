/**
 * The steps that the state machine is made of: from one screen to another, with what that means for the rest.
 */

import { LIVE_SCREENS } from "./capture_state.js";

/**
 * @typedef {import("./capture_state.js").State} State
 * @typedef {import("./protocol.js").Result} Result
 */

/** @param {string} outcome @returns {Result} */
export function outcomeWithoutVerdict(outcome) {
  return { outcome, reason: null, redirect: null, support_id: null };
}

/** @param {State} state @returns {boolean} */
export function isLive(state) {
  return LIVE_SCREENS.includes(state.screen);
}

/**
 * Another screen. A dialog that was asked for on the old one closes, unless the camera just goes on.
 * @param {State} state @param {string} screen @param {Partial<State>} [changes] @returns {State}
 */
export function show(state, screen, changes) {
  const goesOn = screen === state.screen || (isLive(state) && LIVE_SCREENS.includes(screen));
  const dialog = goesOn ? state.dialog : null;
  return { ...state, dialog, slow: false, hint: null, ...changes, screen };
}

/** Who left on purpose is not told of standing still for too long. @param {State} state @param {Result} given @returns {State} */
export function finish(state, given) {
  const hasLeft = state.leaves > 0 && given.outcome === "abandoned";
  const result = hasLeft ? { ...given, outcome: "cancelled" } : given;
  return show(state, "outcome", { result, camera: "off", trouble: null, before: null });
}

/** @param {State} state @param {string} error @param {boolean} retryable @param {string|null} supportId @returns {State} */
export function fail(state, error, retryable, supportId) {
  return show(state, "failed", { error, retryable, supportId, camera: retryable ? state.camera : "off" });
}

/** A new attempt: nothing of the last one is shown. @param {State} state @param {Partial<State>} [changes] @returns {State} */
export function align(state, changes) {
  const fresh = { alignPercent: 0, challenge: null, passed: 0, percent: 0, reason: null, capture: null };
  return show(state, "align", { ...fresh, lightAnswer: null, light: null, ...changes });
}

/** The server is told of the live camera, and starts (again) with alignment. @param {State} state @returns {State} */
export function announce(state) {
  return align(state, { announcements: state.announcements + 1, nonce: null, trouble: null, before: null });
}

/** @param {State} state @returns {State} */
export function ask(state) {
  return show(state, "asking", { camera: "asking", asks: state.asks + 1, trouble: null });
}

/** @param {State} state @returns {State} */
export function connect(state) {
  return show(state, "boot", { connects: state.connects + 1, error: null, supportId: null });
}

/** Where the page stands without a live camera while the server waits for one. @param {State} state @returns {State} */
export function waitForCamera(state) {
  const screen = state.before ?? state.screen;
  const stays = screen === "asking" ? state.camera === "asking" : screen === "blocked";
  return show(state, stays ? screen : "precheck", { before: null });
}

/** The server's state as the page shows it. @param {State} state @param {string} server @returns {State} */
export function follow(state, server) {
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

/** @param {State} state @param {string} screen @param {(state: State) => State} then @returns {State} */
export function only(state, screen, then) {
  return state.screen === screen ? then(state) : state;
}
