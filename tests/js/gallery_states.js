/**
 * Every look of the capture page, by name: what `make gallery` photographs and axe examines.
 *
 * Made of the lists that the page itself is made of: a new screen, trouble, hint, reason or outcome appears here by
 * itself. What depends on anything else is added by hand.
 */

import { DIALOGS, SCREENS } from "../../static/js/capture_state.js";
import { cardOf } from "../../static/js/cards.js";
import { helpOf, hintOf, promptOf } from "../../static/js/prompts.js";
import {
  CAMERA_TROUBLES,
  CHALLENGE_KINDS,
  DIRECTIONS,
  HINT_CODES,
  LIGHT_COLOURS,
  OUTCOMES,
  RESULT_REASONS,
  RETRY_REASONS,
  SERVER_STATES,
} from "../../static/js/protocol.js";
import { AGENTS } from "./agents.js";
import { APPROVED, CHALLENGE, HANDOFF, LIGHT, stateOn, WATCH } from "./states.js";

/** @typedef {import("../../static/js/capture_state.js").State} State */
/** @typedef {{isFramed?: boolean, userAgent?: string, areDetailsOpen?: boolean, cameras?: number,
 *   canHandOff?: boolean}} Around */
/** @typedef {{name: string, state: State} & Around} Look */

const SUPPORT_ID = "0193f2c4-7a51-7cc2-9d5e-1b2f6a7c8d90";
const REDIRECT = Object.freeze({ url: "https://bank.example/done", status: "approved" });

/** Codes of the screen `failed` with words of their own, and one without. */
const FAILURES = Object.freeze(["unknown_session", "handoff_over", "upload_failed", "timeout", "internal"]);

/** @param {string} name @param {State} state @param {Around} [around] @returns {Look} */
function look(name, state, around = {}) {
  return { name, state, ...around };
}

/** In all languages it takes two lines of the smallest screen. */
const LONGEST_HINT = Object.freeze({ code: "eyes_not_visible", direction: null, escalated: true });

/** Hints that are given while somebody moves. */
const MOVEMENT_HINTS = Object.freeze([
  "return_to_centre",
  "move_back",
  "open_eyes",
  "relax_face",
  "keep_going",
  "wrong_way",
]);

/** @returns {Look[]} */
function hints() {
  const hinted = HINT_CODES.flatMap((code) => {
    const directions = code === "off_centre" ? [null, ...DIRECTIONS] : [null];
    return directions.map((direction) => ({ code, direction, escalated: false }));
  });
  return hinted.flatMap((hint) => {
    const name = ["hint", hint.code, hint.direction].filter(Boolean).join("-");
    const screen = MOVEMENT_HINTS.includes(hint.code) ? "challenge" : "align";
    const shown = look(name, stateOn(screen, { hint, alignPercent: 30 }));
    const escalated = look(`${name}-escalated`, stateOn(screen, { hint: { ...hint, escalated: true } }));
    return saysTheSame(shown.state, escalated.state) ? [shown] : [shown, escalated];
  });
}

/** Kinds with a direction, and the directions they have. @type {Readonly<Record<string, readonly string[]>>} */
const DIRECTED = Object.freeze({ head_turn: ["left", "right"], look: ["up", "down"] });

/** @returns {Look[]} */
function challenges() {
  const asked = CHALLENGE_KINDS.flatMap((kind) =>
    (DIRECTED[kind] ?? [null]).map((direction) => ({ ...CHALLENGE, kind, direction })),
  );
  const first = { ...CHALLENGE, index: 0 };
  return [
    ...asked.map((challenge) =>
      look(
        ["challenge", challenge.kind, challenge.direction].filter(Boolean).join("-"),
        stateOn("challenge", { challenge }),
      ),
    ),
    look("challenge-first", stateOn("challenge", { challenge: first, passed: 0, percent: 0 })),
    look("challenge-passed", stateOn("challenge", { percent: 100, passed: 2 })),
    look("challenge-time-nearly-over", stateOn("challenge", { challenge: { ...CHALLENGE, timeLimitMs: 4_000 } })),
    look("challenge-not-passed", stateOn("challenge", { percent: 0, reason: "timed_out" })),
  ];
}

/** @returns {Look[]} */
function lights() {
  return [
    ...LIGHT_COLOURS.map((colour) => look(`light-${colour}`, stateOn("light", { light: { ...LIGHT, colour } }))),
    look("light_notice-answered", stateOn("light_notice", { lightAnswer: "accepted" })),
  ];
}

/** @returns {Look[]} */
function troubles() {
  const denied = stateOn("blocked", { trouble: "denied" });
  return [
    ...CAMERA_TROUBLES.map((trouble) => look(`blocked-${trouble}`, stateOn("blocked", { trouble }))),
    ...Object.entries(AGENTS).map(([name, userAgent]) => look(`blocked-denied-${name}`, denied, { userAgent })),
    look("asking-phone", stateOn("asking"), { userAgent: AGENTS.ios }),
  ];
}

/** @returns {Look[]} */
function outcomes() {
  const plain = { ...APPROVED, support_id: SUPPORT_ID };
  return OUTCOMES.flatMap((outcome) => {
    const reasons = outcome === "rejected" ? [null, ...RESULT_REASONS] : [null];
    return [
      ...reasons.map((reason) =>
        look(
          ["outcome", outcome, reason].filter(Boolean).join("-"),
          stateOn("outcome", { result: { ...plain, outcome, reason } }),
        ),
      ),
      look(
        `outcome-${outcome}-redirect`,
        stateOn("outcome", { result: { ...plain, outcome, redirect: { ...REDIRECT, status: outcome } } }),
      ),
      look(`outcome-${outcome}-framed`, stateOn("outcome", { result: { ...plain, outcome } }), { isFramed: true }),
    ];
  });
}

/** Where the way on is, when it is not here. */
const ELSEWHERE = /** @type {const} */ (["phone", "computer"]);

/** @returns {Look[]} */
function outcomesElsewhere() {
  return ELSEWHERE.map((place) =>
    look(`outcome-approved-on-the-${place}`, stateOn("outcome", { result: { ...APPROVED, continue_on: place } })),
  );
}

/** @returns {Look[]} */
function failures() {
  return FAILURES.flatMap((error) => [
    look(`failed-${error}`, stateOn("failed", { error, supportId: SUPPORT_ID })),
    look(`failed-${error}-for-good`, stateOn("failed", { error, supportId: SUPPORT_ID, retryable: false })),
  ]);
}

/** What has come of the wish to leave, while there is a connection. */
const LEAVE_ANSWERS = /** @type {const} */ (["asked", "timeout", "other"]);

/** @returns {Look[]} */
function dialogs() {
  return [
    ...DIALOGS.map((dialog) =>
      look(`dialog-${dialog}`, stateOn(dialog === "decline" ? "consent" : "align", { dialog })),
    ),
    look("dialog-help-swap", stateOn("challenge", { dialog: "help" })),
    look("dialog-help-swap-refused", stateOn("challenge", { dialog: "help", swapRefused: true })),
    look("dialog-cameras-only-one", stateOn("align", { dialog: "cameras" }), { cameras: 1 }),
    look("dialog-leave-card", stateOn("precheck", { dialog: "leave" })),
    look("dialog-leave-waiting", stateOn("offline", { dialog: "leave", leave: "waiting" })),
    ...LEAVE_ANSWERS.map((leave) => look(`dialog-leave-${leave}`, stateOn("align", { dialog: "leave", leave }))),
  ];
}

const CODE_MODULES = 29;

/** As dense as a code for the phone, and none. */
function codePath() {
  const places = Array.from({ length: CODE_MODULES ** 2 }, (_, at) => at);
  const modules = places.filter((at) => ((at + 1) * 2_654_435) % 9_973 < 4_700);
  return modules.map((at) => `M${4 + (at % CODE_MODULES)} ${4 + Math.floor(at / CODE_MODULES)}h1v1h-1z`).join("");
}

/** Why there is no link for the phone. */
const HANDOFF_TROUBLES = Object.freeze(["expired", "refused", "limit", "failed"]);

/** @returns {Look[]} */
function handoffs() {
  return [
    look(
      "handoff-code",
      stateOn("handoff", { handoff: { ...HANDOFF, size: 8 + CODE_MODULES, path: codePath() } }),
    ),
    look("handoff-getting", stateOn("handoff", { handoff: null })),
    ...HANDOFF_TROUBLES.map((trouble) =>
      look(`handoff-${trouble}`, stateOn("handoff", { handoff: null, handoffTrouble: trouble })),
    ),
    ...SERVER_STATES.map((state) =>
      look(`waiting_phone-${state}`, stateOn("waiting_phone", { watch: { ...WATCH, state } })),
    ),
    look("waiting_phone-away", stateOn("waiting_phone", { watch: { ...WATCH, isAway: true } })),
    look("precheck-on-a-phone", stateOn("precheck"), { canHandOff: false }),
  ];
}

/** @param {State} one @param {State} other */
function saysTheSame(one, other) {
  return wordsOf(one) === wordsOf(other);
}

/** @param {string} screen */
function saysMoreWhenSlow(screen) {
  return !saysTheSame(stateOn(screen), stateOn(screen, { slow: true }));
}

/** What the screen says, as keys. @param {State} state */
function wordsOf(state) {
  /** @param {string} key */
  const t = (key) => key;
  const card = cardOf(state, { t, organization: "", isFramed: false, userAgent: "" });
  return JSON.stringify([card, hintOf(state, t), helpOf(state, t), promptOf(state, t)]);
}

/** @returns {Look[]} */
function others() {
  return [
    look("consent-full-text", stateOn("consent"), { areDetailsOpen: true }),
    look("consent-answered", stateOn("consent", { consent: "accepted" })),
    look("offline-without-camera", stateOn("offline", { camera: "off", before: "consent" })),
    look("align-slow-hinted", stateOn("align", { slow: true, hint: LONGEST_HINT })),
    look("align-hold-still", stateOn("align", { alignPercent: 60 })),
    look("uploading-without-camera", stateOn("uploading", { camera: "off" })),
    look("processing-without-camera", stateOn("processing", { camera: "off" })),
    ...SCREENS.filter(saysMoreWhenSlow).map((screen) => look(`${screen}-slow`, stateOn(screen, { slow: true }))),
    ...[...RETRY_REASONS, "unknown"].map((reason) =>
      look(`retry-${reason}`, stateOn("retry", { reason, attemptsLeft: 1 })),
    ),
  ];
}

/** @returns {Look[]} each with a name that is also a file's */
export function looks() {
  return [
    ...SCREENS.map((screen) => look(screen, stateOn(screen, { attemptsLeft: 2 }))),
    ...hints(),
    ...challenges(),
    ...lights(),
    ...troubles(),
    ...outcomes(),
    ...outcomesElsewhere(),
    ...failures(),
    ...handoffs(),
    ...dialogs(),
    ...others(),
  ];
}
