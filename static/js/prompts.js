/**
 * Which words the stage shows and speaks: pure, one prompt and at most one hint at a time.
 */

/**
 * @typedef {import("./capture_state.js").State} State
 * @typedef {import("./messages.js").Translate} Translate
 */

/** Hints that are the second half of the movement itself: they take the prompt's place. */
export const RETURN_HINTS = Object.freeze(["return_to_centre", "move_back", "open_eyes", "relax_face"]);

/** When the time left is shown. */
export const TIME_NEARLY_OVER_MS = 5_000;

/** @param {import("./protocol.js").Challenge} challenge @param {Translate} t @returns {string} */
function challengePrompt({ kind, direction }, t) {
  return t(direction === null ? `prompt.${kind}` : `prompt.${kind}_${direction}`);
}

/** @param {State} state @returns {boolean} whether the hint is the prompt's second half */
function isReturning({ screen, hint }) {
  return screen === "challenge" && RETURN_HINTS.includes(hint?.code ?? "");
}

/** Whether another movement is on its way in the place of this one. @param {State} state @returns {boolean} */
export function isUnwanted({ screen, challenge, unwanted }) {
  return screen === "challenge" && challenge !== null && unwanted.includes(challenge.kind);
}

/** @param {import("./protocol.js").Hint} hint @param {Translate} t @returns {string} */
function hintText({ code, direction, escalated }, t) {
  if (code === "off_centre") return t(direction === null ? "hint.off_centre" : `hint.off_centre_${direction}`);
  const isLong = escalated && ESCALATED_HINTS.includes(code);
  return t(isLong ? `hint.${code}_more` : `hint.${code}`);
}

/** Hints that say more when they have stood for long. */
export const ESCALATED_HINTS = Object.freeze([
  "no_face",
  "too_dark",
  "too_bright",
  "uneven_light",
  "blurry",
  "face_covered",
  "eyes_not_visible",
  "keep_going",
]);

/**
 * The sentence at the top of the stage.
 * @param {State} state @param {Translate} t @returns {string}
 */
export function promptOf(state, t) {
  const { screen, challenge, hint } = state;
  if (screen === "challenge" && challenge !== null) {
    if (state.passed > challenge.index) return t("prompt.passed");
    if (isUnwanted(state)) return t("prompt.hold");
    if (state.reason !== null) return t("prompt.not_passed");
    if (isReturning(state)) return t(`hint.${hint?.code}`);
    return challengePrompt(challenge, t);
  }
  if (screen === "light") return t("prompt.light");
  if (screen === "capture") return t("prompt.capture");
  if (screen === "uploading") return t("prompt.uploading");
  if (screen === "processing") return t("prompt.processing");
  return t(state.alignPercent > 0 && hint === null ? "prompt.hold" : "prompt.align");
}

/**
 * The line under the oval, or "".
 * @param {State} state @param {Translate} t @returns {string}
 */
export function hintOf(state, t) {
  return state.hint === null || isReturning(state) ? "" : hintText(state.hint, t);
}

/** Whether what the hint says has not helped, and nothing more can be said of it. @param {State} state */
function isHelpless(state) {
  const { hint } = state;
  return hint?.escalated === true && !ESCALATED_HINTS.includes(hint.code) && !isReturning(state);
}

/**
 * Where there is help, in a line below the hint, or "".
 * @param {State} state @param {Translate} t @returns {string}
 */
export function helpOf(state, t) {
  const isSlow = state.screen === "align" && state.slow;
  return isSlow || isHelpless(state) ? t("hint.help") : "";
}

/**
 * The small line above the prompt.
 * @param {State} state @param {Translate} t @returns {string}
 */
export function stepOf({ screen, challenge }, t) {
  if (screen !== "challenge" || challenge === null) return "";
  return t("prompt.step", { index: challenge.index + 1, total: challenge.total });
}

/**
 * What the live region says about a change on the stage, or null. Its texts stand alone: whoever
 * hears them does not see arrows, ring or ticks.
 * @param {State} next @param {State} previous @param {Translate} t @returns {string|null}
 */
export function spokenOf(next, previous, t) {
  const { challenge, screen } = next;
  if (isUnwanted(next)) return null;
  if (screen === "challenge" && challenge !== null) {
    if (challenge.id !== previous.challenge?.id) return `${stepOf(next, t)}. ${challengePrompt(challenge, t)}`;
    if (next.passed > previous.passed) return t("spoken.passed", { index: challenge.index + 1 });
  }
  if (next.hint !== null && next.hint !== previous.hint) {
    const text = next.hint.code === "no_face" ? t("spoken.no_face") : hintText(next.hint, t);
    return isHelpless(next) ? `${text}. ${t("hint.help")}` : text;
  }
  if (screen === "align" && next.slow && !previous.slow) return t("hint.help");
  if (screen !== previous.screen) return promptOf(next, t);
  if (screen === "align" && previous.alignPercent === 0 && next.alignPercent > 0) return t("prompt.hold");
  return null;
}
