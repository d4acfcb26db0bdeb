/**
 * The part of the state machine that follows what the person does.
 */

import { DIALOGS, isPaused } from "./capture_state.js";
import {
  announce,
  ask,
  close,
  connect,
  finish,
  isLeaving,
  isLive,
  only,
  outcomeWithoutVerdict,
  swapUnwanted,
} from "./capture_steps.js";

/**
 * @typedef {import("./capture_state.js").State} State
 * @typedef {import("./capture_state.js").MachineEvent} MachineEvent
 * @typedef {import("./capture_state.js").Needs} Needs
 */

/** Who does something else than what a dialog asks has closed it. */
const NO_DIALOG = Object.freeze({ dialog: null, leave: null });

/** @param {State} state @param {"accepted"|"declined"} lightAnswer @returns {State} */
function answerLight(state, lightAnswer) {
  if (state.screen !== "light_notice" || state.lightAnswer !== null) return state;
  return { ...state, ...NO_DIALOG, lightAnswer, lightAnswers: state.lightAnswers + 1 };
}

/** @param {State} state @param {"accepted"|"declined"} consent @returns {State} */
function answer(state, consent) {
  return only(state, "consent", () => ({ ...state, ...NO_DIALOG, consent, answers: state.answers + 1 }));
}

/** A failure has closed the connection: `hello` says where the session stands, and asks for the still again. @param {State} state */
function onRetryPressed(state) {
  if (state.screen === "failed") return connect(state);
  return only(state, "retry", () => (state.camera === "live" ? announce(state) : ask(state)));
}

/**
 * Where the help over the movement has voided it, another is drawn in its place, and what the person cannot do is
 * swapped should it be asked again; else it is swapped now.
 * @param {State} state @returns {State}
 */
function onSwapPressed(state) {
  const { screen, challenge, unwanted } = state;
  if (screen !== "challenge" || challenge === null) return state;
  const closed = close({ ...state, unwanted: [...new Set([...unwanted, challenge.kind])], swapRefused: false });
  return isPaused(state) ? closed : swapUnwanted(closed);
}

/** The help comes back, since it says so. @param {State} state @param {string} id of the challenge that stays */
function onSwapRefused(state, id) {
  const { screen, challenge } = state;
  if (screen !== "challenge" || challenge === null || challenge.id !== id) return state;
  const unwanted = state.unwanted.filter((kind) => kind !== challenge.kind);
  return { ...state, unwanted, dialog: state.dialog ?? "help", swapRefused: true };
}

/** @param {State} state @returns {State} */
function onReconnectPressed(state) {
  const screens = ["offline", "processing", "superseded", "busy", "draining", "failed"];
  return screens.includes(state.screen) ? connect(state) : state;
}

/** Whether both ask for the same. @param {Needs} one @param {Needs} other */
function isSame(one, other) {
  const [first, second] = [one, other].map(({ avoid }) => [...avoid].sort().join());
  return first === second && one.moreTime === other.moreTime;
}

/** What was sent to the server cannot be taken back. @param {State} state @returns {State} */
function closeDialog(state) {
  return state.leave === "asked" ? state : close(state);
}

/** @param {State} state @returns {State} */
function onLeaveConfirmed(state) {
  return isLeaving(state) ? state : { ...state, dialog: "leave", leave: "asked", leaves: state.leaves + 1 };
}

/** Screens on which the server does not know this page yet: what it says of itself is refused. */
const UNBOUND_SCREENS = Object.freeze(["boot", "offline", "busy", "draining"]);

/** The check goes on: its photo is in, or the server did not hear of the wish. @param {State} state @param {string} code */
function onLeaveRefused(state, code) {
  if (state.leave === null) return state;
  if (code === "not_expected") return close(state);
  const isUnbound = code === "superseded" && UNBOUND_SCREENS.includes(state.screen);
  if (code === "offline" || isUnbound) return { ...state, leave: /** @type {const} */ ("waiting") };
  return {
    ...state,
    leave: code === "timeout" ? /** @type {const} */ ("timeout") : /** @type {const} */ ("other"),
  };
}

/** The server hears of other needs by another `hello`. @param {State} state @param {Needs} needs @param {boolean} isSpoken */
function saveNeeds(state, needs, isSpoken) {
  const saved = { ...state, needs, isSpoken };
  if (isSame(needs, state.needs)) return closeDialog(saved);
  return closeDialog({ ...saved, greetings: state.greetings + 1 });
}

/** What the person did. @param {State} state @param {MachineEvent} event @returns {State} */
export function onPerson(state, event) {
  switch (event.type) {
    case "consent_accepted":
      return answer(state, "accepted");
    case "decline_confirmed":
      return answer(state, "declined");
    case "start_pressed":
      return ["precheck", "blocked", "asking"].includes(state.screen) ? ask(state) : state;
    case "camera_picked":
      return isLive(state) || state.screen === "blocked"
        ? ask({ ...state, ...NO_DIALOG, cameraId: event.cameraId })
        : { ...state, ...NO_DIALOG, cameraId: event.cameraId };
    case "retry_pressed":
      return onRetryPressed(state);
    case "reconnect_pressed":
      return onReconnectPressed(state);
    case "dialog_asked":
      return DIALOGS.includes(event.dialog) && !isLeaving(state) ? { ...state, dialog: event.dialog } : state;
    case "dialog_closed":
      return closeDialog(state);
    case "needs_saved":
      return saveNeeds(state, event.needs, event.isSpoken);
    case "speech_pressed":
      return { ...state, isSpoken: !state.isSpoken };
    case "leave_confirmed":
      return onLeaveConfirmed(state);
    case "leave_refused":
      return onLeaveRefused(state, event.code);
    case "light_accepted":
      return answerLight(state, "accepted");
    case "light_declined":
      return answerLight(state, "declined");
    case "swap_pressed":
      return onSwapPressed(state);
    case "swap_refused":
      return onSwapRefused(state, event.id);
    case "left":
      return finish(state, outcomeWithoutVerdict("cancelled"));
    default:
      return state;
  }
}
