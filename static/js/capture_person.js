/**
 * The part of the state machine that follows what the person does.
 */

import { DIALOGS } from "./capture_state.js";
import { announce, ask, connect, finish, isLive, only, outcomeWithoutVerdict } from "./capture_steps.js";

/**
 * @typedef {import("./capture_state.js").State} State
 * @typedef {import("./capture_state.js").MachineEvent} MachineEvent
 * @typedef {import("./capture_state.js").Needs} Needs
 */

/** @param {State} state @param {"accepted"|"declined"} lightAnswer @returns {State} */
function answerLight(state, lightAnswer) {
  if (state.screen !== "light_notice" || state.lightAnswer !== null) return state;
  return { ...state, dialog: null, lightAnswer, lightAnswers: state.lightAnswers + 1 };
}

/** @param {State} state @param {"accepted"|"declined"} consent @returns {State} */
function answer(state, consent) {
  return only(state, "consent", () => ({ ...state, dialog: null, consent, answers: state.answers + 1 }));
}

/** A failure has closed the connection: `hello` says where the session stands, and asks for the still again. @param {State} state */
function onRetryPressed(state) {
  if (state.screen === "failed") return connect(state);
  return only(state, "retry", () => (state.camera === "live" ? announce(state) : ask(state)));
}

/** The dialog makes room: the next movement's time runs from its first sight. @param {State} state */
function onSwapPressed(state) {
  return only(state, "challenge", () => ({
    ...state,
    dialog: null,
    swaps: state.swaps + 1,
    swapRefused: false,
  }));
}

/** The help comes back, since it says so. @param {State} state @param {string} id of the challenge that stays */
function onSwapRefused(state, id) {
  if (state.screen !== "challenge" || state.challenge?.id !== id) return state;
  return { ...state, dialog: state.dialog ?? "help", swapRefused: true };
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

/** A dialog over the oval paused the alignment: it begins anew. @param {State} state @returns {State} */
function closeDialog(state) {
  const closed = { ...state, dialog: null };
  return state.screen === "align" && state.dialog !== null && state.camera === "live" ? announce(closed) : closed;
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
        ? ask({ ...state, dialog: null, cameraId: event.cameraId })
        : { ...state, dialog: null, cameraId: event.cameraId };
    case "retry_pressed":
      return onRetryPressed(state);
    case "reconnect_pressed":
      return onReconnectPressed(state);
    case "dialog_asked":
      return DIALOGS.includes(event.dialog) ? { ...state, dialog: event.dialog } : state;
    case "dialog_closed":
      return closeDialog(state);
    case "needs_saved":
      return saveNeeds(state, event.needs, event.isSpoken);
    case "speech_pressed":
      return { ...state, isSpoken: !state.isSpoken };
    case "leave_confirmed":
      return { ...state, dialog: null, leaves: state.leaves + 1 };
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
