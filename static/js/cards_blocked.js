/**
 * The camera is not to be had: what happened, why it may be, and what to do, for each trouble.
 */

import { browserOf } from "./browser.js";
import { IFRAME_SNIPPET, SANDBOX_SNIPPET } from "./camera.js";
import { offerPhone } from "./cards_handoff.js";
import { owns } from "./own.js";

/**
 * @typedef {import("./cards.js").Card} Card
 * @typedef {import("./cards.js").Action} Action
 * @typedef {import("./cards.js").Surface} Surface
 * @typedef {import("./capture_state.js").State} State
 */

/** @typedef {"try_again"|"reload"|"copy_link"|"other_camera"} Way */

/** @type {Readonly<Record<string, {figure: string, ways: readonly Way[], snippet?: string}>>} */
const TROUBLES = Object.freeze({
  insecure: { figure: "lock", ways: ["reload"] },
  policy: { figure: "camera_off", ways: ["copy_link", "reload"], snippet: IFRAME_SNIPPET },
  sandbox: { figure: "camera_off", ways: ["copy_link", "reload"], snippet: SANDBOX_SNIPPET },
  webview: { figure: "window", ways: ["copy_link", "try_again"] },
  kept_back: { figure: "camera_off", ways: ["copy_link", "try_again"], snippet: IFRAME_SNIPPET },
  denied: { figure: "camera_off", ways: ["try_again"] },
  in_use: { figure: "pause", ways: ["try_again", "other_camera"] },
  no_camera: { figure: "camera_off", ways: ["try_again", "copy_link"] },
  constraints: { figure: "camera", ways: ["try_again", "other_camera"] },
  timeout: { figure: "clock", ways: ["try_again"] },
  lost: { figure: "camera_off", ways: ["try_again"] },
  black: { figure: "camera_off", ways: ["try_again", "other_camera"] },
  frozen: { figure: "pause", ways: ["try_again", "other_camera"] },
});

/** @type {Readonly<Record<Way, Pick<Action, "event"|"command">>>} */
const WAYS = Object.freeze({
  try_again: { event: { type: "start_pressed" } },
  reload: { command: "reload" },
  copy_link: { command: "copy_link" },
  other_camera: { event: { type: "dialog_asked", dialog: "cameras" } },
});

/** Edge keeps the permission where Chrome does. @param {string} userAgent @returns {string} */
function recoveryOf(userAgent) {
  const browser = browserOf(userAgent);
  return browser === "edge" ? "chrome" : browser;
}

/** @param {string} trouble @param {Surface} surface @returns {string[]} */
function stepsOf(trouble, { t, userAgent }) {
  const browser = recoveryOf(userAgent);
  const allow = [t(`recovery.${browser}_1`), t(`recovery.${browser}_2`)];
  if (trouble === "denied") return [...allow, t("recovery.then")];
  if (trouble === "kept_back") return [t("blocked.policy_1"), ...allow, t("blocked.policy_2")];
  return [t(`blocked.${trouble}_1`), t(`blocked.${trouble}_2`)];
}

/** Some browsers let nobody change what a frame was refused: in a tab of its own they can. @param {string} trouble @param {Surface} surface */
function waysOutOf(trouble, { isFramed }) {
  const ways = TROUBLES[trouble]?.ways ?? [];
  return trouble === "denied" && isFramed ? [...ways, /** @type {const} */ ("copy_link")] : ways;
}

/** @param {Way} way @param {number} index @param {Surface["t"]} t @returns {Action} */
function wayOn(way, index, t) {
  return { label: t(`action.${way}`), kind: index === 0 ? "primary" : "secondary", ...WAYS[way] };
}

/** @param {State} state @param {Surface} surface @returns {Card} */
export function blockedCard(state, surface) {
  const { t } = surface;
  const known = owns(TROUBLES, state.trouble ?? "") ? /** @type {string} */ (state.trouble) : "in_use";
  const trouble = /** @type {{figure: string, ways: readonly Way[], snippet?: string}} */ (TROUBLES[known]);
  return {
    figure: trouble.figure,
    tone: "caution",
    title: t(`blocked.${known}`),
    lead: t(`blocked.${known}_why`),
    steps: stepsOf(known, surface),
    ...(trouble.snippet === undefined ? {} : { snippet: trouble.snippet }),
    actions: [...waysOutOf(known, surface).map((way, index) => wayOn(way, index, t)), ...offerPhone(surface)],
    isUrgent: true,
  };
}
