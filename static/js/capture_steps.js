/**
 * The steps that the state machine is made of: from one screen to another, with what that means for the rest.
 */

import { isAway, isPaused, LIVE_SCREENS } from "./capture_state.js";

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

/** Screens that no question lies over: there is nothing left to decide, or no connection to decide it by. */
const OVER = Object.freeze(["outcome", "superseded", "failed"]);

/** Whether the wish to leave is on its way. @param {State} state @returns {boolean} */
export function isLeaving({ leave }) {
  return leave === "asked" || leave === "waiting";
}

/**
 * Another screen. A dialog that was asked for on the old one closes, unless the camera just goes on, or the person is
 * leaving.
 * @param {State} state @param {string} screen @param {Partial<State>} [changes] @returns {State}
 */
export function show(state, screen, changes) {
  const goesOn = screen === state.screen || (isLive(state) && LIVE_SCREENS.includes(screen));
  const dialog = (goesOn || isLeaving(state)) && !OVER.includes(screen) ? state.dialog : null;
  const leave = dialog === "leave" ? state.leave : null;
  return { ...state, dialog, leave, slow: false, hint: null, ...changes, screen };
}

/** Who left on purpose is not told of standing still for too long. @param {State} state @param {Result} given @returns {State} */
export function finish(state, given) {
  const hasLeft = state.leave !== null && given.outcome === "abandoned";
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
  return show(state, "align", {
    ...fresh,
    isLooking: false,
    isTicketRenewed: false,
    lightAnswer: null,
    light: null,
    ...changes,
  });
}

/** Before alignment: the server does not know of the camera yet. @param {State} state @returns {State} */
function rest(state) {
  return align(state, { nonce: null, trouble: null, before: null });
}

/**
 * The server is told of the live camera, and starts (again) with alignment. Where nobody looks it is told later: what
 * it answers when the page is seen again says that it waits for a camera.
 * @param {State} state @returns {State}
 */
export function announce(state) {
  const next = rest(state);
  return isAway(next) ? next : { ...next, announcements: next.announcements + 1 };
}

/** Without its dialog. What that has voided is gone at once, and not asked again. @param {State} state @returns {State} */
export function close(state) {
  const isVoid = isPaused(state) && (state.screen === "align" || state.nonce === null);
  const closed = { ...state, dialog: null, leave: null };
  return isVoid ? rest(closed) : closed;
}

/** Another still: of a person who was shown themselves before. @param {State} state @param {State["capture"]} capture */
export function look(state, capture) {
  return show(state, "capture", { capture, isLooking: true, looks: state.looks + 1, before: null });
}

/** @param {State} state @param {State["capture"]} capture @returns {State} */
export function take(state, capture) {
  return show(state, "uploading", { capture, isLooking: false, uploads: state.uploads + 1, before: null });
}

/** What the person cannot do is swapped, once. @param {State} state @returns {State} */
export function swapUnwanted(state) {
  const { screen, challenge, unwanted, swapAsked } = state;
  const isAsked = screen === "challenge" && challenge !== null && swapAsked !== challenge.id;
  if (!isAsked || !unwanted.includes(challenge.kind)) return state;
  return { ...state, swaps: state.swaps + 1, swapAsked: challenge.id };
}

/** The screen that a wait has interrupted. @param {State} state @returns {string|null} */
export function interrupted({ screen, before }) {
  return ["offline", "busy", "draining"].includes(screen) ? before : screen;
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

/** What is asked no longer. */
const VOID = Object.freeze({ nonce: null, hint: null, percent: 0, reason: null, light: null });

/** The server's state as the page shows it. @param {State} state @param {string} server @returns {State} */
export function follow(state, server) {
  switch (server) {
    case "consent":
      return show(state, "consent", { consent: state.screen === "consent" ? state.consent : null });
    case "camera":
      if (state.camera !== "live") return waitForCamera(state);
      // What was asked is void, and the dialog over it may still speak of it.
      return isPaused(state) ? { ...state, ...VOID } : announce(state);
    case "align":
      if (state.camera !== "live") return waitForCamera(state);
      return state.screen === "align" ? state : align(state, { before: null });
    case "challenge":
      // The challenge itself follows; until it is there nothing can be asked of the person.
      if (state.camera !== "live") return waitForCamera(state);
      return isLive(state) ? swapUnwanted(state) : align(state, { before: null });
    case "light":
      // The notice or the next colour follows.
      if (state.camera !== "live") return waitForCamera(state);
      return isLive(state) ? state : show(state, "light", { light: null, before: null });
    case "capture":
      if (state.camera !== "live") return waitForCamera(state);
      return state.screen === "uploading" ? state : show(state, "capture", { before: null });
    case "retry":
      return show(state, "retry", { before: null, capture: null, isLooking: false });
    default:
      return state.result !== null ? finish(state, state.result) : show(state, "processing", { before: null });
  }
}

/** @param {State} state @param {string} screen @param {(state: State) => State} then @returns {State} */
export function only(state, screen, then) {
  return state.screen === screen ? then(state) : state;
}
