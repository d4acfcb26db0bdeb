/**
 * The part of the state machine that hands the session to a phone, and follows it there.
 *
 * A page that asked for a link, and one whose phone has the session, `watches`: when its connection comes back it
 * asks how the link stands, and does not say hello, which would take the session from the phone.
 */

import { connect, finish, show } from "./capture_steps.js";

/**
 * @typedef {import("./capture_state.js").State} State
 * @typedef {import("./capture_state.js").MachineEvent} MachineEvent
 * @typedef {import("./protocol.js").Watch} Watch
 */

/** Nothing of a handoff: this page has the session, or somebody else does. */
export const NO_HANDOFF = Object.freeze({ watches: false, handoff: null, handoffTrouble: null, watch: null });

/** Screens that belong to the handoff. */
export const HANDOFF_SCREENS = Object.freeze(["handoff", "waiting_phone"]);

/** Screens that offer it, and the one that makes another link. */
const OFFERING_SCREENS = Object.freeze(["precheck", "blocked", "handoff"]);

/** @param {State} state */
function isHandedOver(state) {
  return HANDOFF_SCREENS.includes(state.screen);
}

/** @param {State} state @returns {State} */
function askForLink(state) {
  if (!OFFERING_SCREENS.includes(state.screen)) return state;
  const fresh = { handoff: null, handoffTrouble: null, camera: /** @type {const} */ ("off") };
  return show(state, "handoff", { ...fresh, handoffs: state.handoffs + 1 });
}

/** The link leads nowhere any more. @param {State} state @param {string} handoffTrouble @returns {State} */
function withoutLink(state, handoffTrouble) {
  return show(state, "handoff", { handoff: null, handoffTrouble, before: null });
}

/** How the link stands, and how far the phone is. @param {State} state @param {Watch} watch @returns {State} */
function follow(state, watch) {
  switch (watch.link) {
    case "taken":
      return show(state, "waiting_phone", { ...NO_HANDOFF, watches: true, watch, camera: "off", before: null });
    case "open":
      return state.handoff === null
        ? withoutLink(state, "expired")
        : show(state, "handoff", { before: null, watches: true });
    case "void":
      return show(state, "superseded", { ...NO_HANDOFF, camera: "off" });
    default:
      return withoutLink({ ...state, watches: true }, watch.link);
  }
}

/** @param {State} state @param {Extract<MachineEvent, {type: "watch_state"}>} event @returns {State} */
function onWatchState(state, { version, watch }) {
  const isLate = version <= state.version || !(state.watches || isHandedOver(state));
  return isLate ? state : follow({ ...state, version }, watch);
}

/** @param {State} state @param {string} code @returns {State} */
function onFailed(state, code) {
  if (state.screen !== "handoff" || state.handoff !== null) return state;
  return { ...state, handoffTrouble: code === "handoff_limit" ? "limit" : "failed" };
}

/**
 * What concerns the handoff; null for all else. While the phone has the session, or is about to, the state of the
 * capture moves no screen here.
 * @param {State} state @param {MachineEvent} event @returns {State|null}
 */
export function onHandoff(state, event) {
  switch (event.type) {
    case "handoff_pressed":
      return askForLink(state);
    case "handoff_given":
      return state.screen === "handoff"
        ? { ...state, handoff: event.handoff, handoffTrouble: null, watches: true }
        : state;
    case "handoff_failed":
      return onFailed(state, event.code);
    case "handoff_expired":
      return state.screen === "handoff" && state.handoff?.link === event.link
        ? withoutLink(state, "expired")
        : state;
    case "here_pressed":
      return isHandedOver(state) ? connect({ ...state, ...NO_HANDOFF }) : state;
    case "watch_accepted":
      if (event.result !== null) return finish(state, event.result);
      return event.watch === null || !state.watches
        ? state
        : follow({ ...state, version: event.version }, event.watch);
    case "watch_state":
      return onWatchState(state, event);
    case "server_state":
      return isHandedOver(state) ? { ...state, version: Math.max(state.version, event.version) } : null;
    default:
      return null;
  }
}
