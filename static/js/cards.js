/**
 * What each screen without the live camera says, as data: pure, so that a test can see that none of
 * them is a dead end. `view_card.js` draws it.
 */

import { blockedCard } from "./cards_blocked.js";
import { handoffCard, offerPhone, waitingPhoneCard } from "./cards_handoff.js";
import { outcomeCard } from "./cards_outcome.js";
import { owns } from "./own.js";
import { RETRY_REASONS } from "./protocol.js";

/**
 * @typedef {import("./capture_state.js").State} State
 * @typedef {import("./capture_state.js").MachineEvent} MachineEvent
 * @typedef {import("./messages.js").Translate} Translate
 */

/**
 * @typedef {object} Action one thing to press
 * @property {string} label
 * @property {"primary"|"secondary"|"quiet"} kind
 * @property {MachineEvent} [event] for the state machine
 * @property {"reload"|"copy_link"|"close"} [command] for the page itself
 * @property {string} [href] an address to go to
 * @property {boolean} [isBusy] pressed, and not answered yet
 */

/**
 * @typedef {object} Card
 * @property {string} figure icon, or the name of a drawing
 * @property {"accent"|"success"|"caution"|"danger"|"neutral"} tone
 * @property {string} title
 * @property {string} [lead]
 * @property {{icon: string, text: string}[]} [points]
 * @property {string[]} [steps] to be done in this order
 * @property {string} [snippet] code for the integrator
 * @property {{summary: string, paragraphs: string[]}} [details]
 * @property {{size: number, path: string, label: string, match: string, number: string}} [code] for a phone
 * @property {{done: number, total: number}} [steps_done] how far the phone is
 * @property {string} [note]
 * @property {string} [reference] a number for support
 * @property {Action[]} actions
 * @property {boolean} [isWaiting] something else moves it on, and a timeout stands behind it
 * @property {boolean} [isUrgent] spoken at once
 */

/**
 * @typedef {object} Surface what the cards depend on beside the state
 * @property {Translate} t
 * @property {string} organization
 * @property {boolean} isFramed
 * @property {string} userAgent
 * @property {boolean} [canHandOff] the page is not on a phone, and may ask for a link to one
 * @property {string[]|null} [ownConsent] the organization's own full text, in paragraphs
 */

export const CONSENT_PARAGRAPHS = Object.freeze(["who", "what", "why", "keep", "rights"]);

/** @param {State} state @param {Surface} surface @returns {Card} */
function consentCard(state, { t, organization, ownConsent }) {
  const values = { organization };
  const isBusy = state.consent !== null;
  return {
    figure: "oval",
    tone: "accent",
    title: t("consent.title"),
    lead: t("consent.lead", values),
    points: [
      { icon: "video", text: t("consent.point_what") },
      { icon: "shield", text: t("consent.point_why", values) },
      { icon: "clock", text: t("consent.point_keep", values) },
    ],
    details: {
      summary: t("consent.full"),
      paragraphs: ownConsent ?? CONSENT_PARAGRAPHS.map((part) => t(`consent.full_${part}`, values)),
    },
    actions: [
      { label: t("consent.accept"), kind: "primary", event: { type: "consent_accepted" }, isBusy },
      {
        label: t("consent.decline"),
        kind: "secondary",
        event: { type: "dialog_asked", dialog: "decline" },
        isBusy,
      },
    ],
  };
}

/** @param {State} _state @param {Surface} surface @returns {Card} */
function precheckCard(_state, surface) {
  const { t } = surface;
  return {
    figure: "oval",
    tone: "accent",
    title: t("precheck.title"),
    lead: t("precheck.lead"),
    points: [
      { icon: "light", text: t("precheck.point_light") },
      { icon: "eye", text: t("precheck.point_face") },
      { icon: "phone", text: t("precheck.point_level") },
    ],
    note: t("precheck.note"),
    actions: [
      { label: t("precheck.start"), kind: "primary", event: { type: "start_pressed" } },
      ...offerPhone(surface),
      needsAction(t),
    ],
  };
}

/** A browser's question can be overlooked, or never come. @param {State} state @param {Surface} surface @returns {Card} */
function askingCard(state, { t }) {
  const again = { label: t("action.try_again"), event: /** @type {const} */ ({ type: "start_pressed" }) };
  return {
    figure: "permission",
    tone: "accent",
    title: t("asking.title"),
    lead: t(state.slow ? "asking.slow" : "asking.lead"),
    note: t("asking.note"),
    actions: state.slow ? [{ kind: "secondary", ...again }] : [],
    isWaiting: true,
  };
}

/** The way to more time, or to other movements. @param {Translate} t @returns {Action} */
function needsAction(t) {
  return { label: t("needs.open"), kind: "quiet", event: { type: "dialog_asked", dialog: "needs" } };
}

/** @param {State} state @param {Surface} surface @returns {Card} */
function retryCard(state, { t }) {
  const reason = RETRY_REASONS.includes(state.reason ?? "") ? state.reason : "other";
  return {
    figure: "again",
    tone: "caution",
    title: t("retry.title"),
    lead: t(`retry.${reason}`),
    points: [
      { icon: "eye", text: t(`retry.${reason}_tip`) },
      { icon: "light", text: t("precheck.point_light") },
      { icon: "clock", text: t("retry.tip_pace") },
    ],
    note: t("retry.left", { count: state.attemptsLeft }),
    actions: [{ label: t("action.try_again"), kind: "primary", event: { type: "retry_pressed" } }, needsAction(t)],
    isUrgent: true,
  };
}

/** @param {State} state @param {Surface} surface @returns {Card} */
function lightNoticeCard(state, { t }) {
  const isBusy = state.lightAnswer !== null;
  return {
    figure: "light",
    tone: "caution",
    title: t("light.title"),
    lead: t("light.lead"),
    points: [
      { icon: "light", text: t("light.point_slow") },
      { icon: "warning", text: t("light.point_warning") },
    ],
    note: t("light.note"),
    actions: [
      { label: t("light.accept"), kind: "primary", event: { type: "light_accepted" }, isBusy },
      { label: t("light.decline"), kind: "secondary", event: { type: "light_declined" }, isBusy },
    ],
    isUrgent: true,
  };
}

/** @param {Surface} surface @param {string} key @param {string} figure @param {Action[]} actions @returns {Card} */
function waitingCard({ t }, key, figure, actions) {
  const tone = figure === "spinner" ? "accent" : "caution";
  return { figure, tone, title: t(`${key}.title`), lead: t(`${key}.lead`), actions, isWaiting: true };
}

/** @param {Translate} t @returns {Action} */
function reconnect(t) {
  return { label: t("action.try_now"), kind: "secondary", event: { type: "reconnect_pressed" } };
}

/** @param {State} state @param {Surface} surface @returns {Card} */
function processingCard(state, surface) {
  if (!state.slow) return waitingCard(surface, "processing", "spinner", []);
  return waitingCard(surface, "processing_slow", "spinner", [reconnect(surface.t)]);
}

/** @param {State} state @param {Surface} surface @returns {Card} */
function offlineCard(state, surface) {
  const key = state.slow ? "offline_slow" : "offline";
  return waitingCard(surface, key, "network", [reconnect(surface.t)]);
}

/** @param {State} _state @param {Surface} surface @returns {Card} */
function supersededCard(_state, { t }) {
  return {
    figure: "window",
    tone: "neutral",
    title: t("superseded.title"),
    lead: t("superseded.lead"),
    actions: [{ label: t("superseded.here"), kind: "primary", event: { type: "reconnect_pressed" } }],
    isUrgent: true,
  };
}

/** Codes of failures with texts of their own. */
const FAILURES = Object.freeze(["unknown_session", "handoff_over", "upload_failed", "timeout"]);

/** Links that no other try brings back. */
const DEAD_LINKS = Object.freeze(["unknown_session", "handoff_over"]);

/** @param {State} state @param {Surface} surface @returns {Card} */
function failedCard(state, { t }) {
  const key = FAILURES.includes(state.error ?? "") ? state.error : "other";
  const again = { label: t("action.try_again"), event: /** @type {const} */ ({ type: "retry_pressed" }) };
  const reload = { label: t("action.reload"), command: /** @type {const} */ ("reload") };
  return {
    figure: "warning",
    tone: "danger",
    title: t(`failed.${key}`),
    lead: t(`failed.${key}_lead`),
    reference: state.supportId === null ? "" : t("failed.support_id", { id: state.supportId }),
    actions: DEAD_LINKS.includes(state.error ?? "")
      ? []
      : [{ kind: "primary", ...(state.retryable ? again : reload) }],
    isUrgent: true,
  };
}

/** @type {Readonly<Record<string, (state: State, surface: Surface) => Card>>} */
const CARDS = Object.freeze({
  boot: (_state, surface) => waitingCard(surface, "boot", "spinner", []),
  consent: consentCard,
  precheck: precheckCard,
  asking: askingCard,
  blocked: blockedCard,
  light_notice: lightNoticeCard,
  uploading: (_state, surface) => waitingCard(surface, "uploading", "spinner", []),
  processing: processingCard,
  retry: retryCard,
  handoff: handoffCard,
  waiting_phone: waitingPhoneCard,
  outcome: outcomeCard,
  superseded: supersededCard,
  offline: offlineCard,
  busy: (_state, surface) => waitingCard(surface, "busy", "clock", [reconnect(surface.t)]),
  draining: (_state, surface) => waitingCard(surface, "draining", "network", [reconnect(surface.t)]),
  failed: failedCard,
});

/** Screens on which the last picture of the camera stays, dimmed. */
const DIMMED_SCREENS = Object.freeze(["light_notice", "offline", "draining"]);

/** Screens that belong to the stage while the camera is live. */
const STAGE_SCREENS = Object.freeze(["align", "challenge", "light", "capture", "uploading", "processing"]);

/**
 * Whether the stage is what the person looks at. What takes long gets a card, where the screen has one.
 * @param {State} state @returns {boolean}
 */
export function isOnStage(state) {
  const hasCard = state.slow && owns(CARDS, state.screen);
  return state.camera === "live" && STAGE_SCREENS.includes(state.screen) && !hasCard;
}

/** Whether the stage stays in sight, under a card. @param {State} state @returns {boolean} */
export function isStageDimmed(state) {
  return state.camera === "live" && DIMMED_SCREENS.includes(state.screen);
}

/**
 * The card of the state, or null where the stage has everything.
 * @param {State} state @param {Surface} surface @returns {Card|null}
 */
export function cardOf(state, surface) {
  if (isOnStage(state)) return null;
  return CARDS[state.screen]?.(state, surface) ?? null;
}
