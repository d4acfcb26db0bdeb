/**
 * What the computer shows while a phone is to take over, and while it has.
 */

/**
 * @typedef {import("./cards.js").Card} Card
 * @typedef {import("./cards.js").Action} Action
 * @typedef {import("./cards.js").Surface} Surface
 * @typedef {import("./capture_state.js").State} State
 * @typedef {import("./messages.js").Translate} Translate
 */

/** Troubles after which another link cannot help. */
const FINAL_TROUBLES = Object.freeze(["limit"]);

/** @param {Translate} t @param {Action["kind"]} kind @returns {Action} */
function here(t, kind) {
  return { label: t("handoff.here"), kind, event: { type: "here_pressed" } };
}

/** The way to a phone, on a page that is not on one. @param {Surface} surface @returns {Action[]} */
export function offerPhone({ t, canHandOff }) {
  if (canHandOff !== true) return [];
  return [{ label: t("handoff.offer"), kind: "secondary", event: { type: "handoff_pressed" } }];
}

/** @param {string} trouble @param {Surface} surface @returns {Card} */
function troubleCard(trouble, { t }) {
  const isFinal = FINAL_TROUBLES.includes(trouble);
  const another = { label: t("handoff.new_link"), event: /** @type {const} */ ({ type: "handoff_pressed" }) };
  return {
    figure: trouble === "expired" ? "clock" : "phone",
    tone: "caution",
    title: t(`handoff.${trouble}`),
    lead: t(`handoff.${trouble}_lead`),
    actions: isFinal ? [here(t, "primary")] : [{ kind: "primary", ...another }, here(t, "secondary")],
    isUrgent: true,
  };
}

/** @param {State} state @param {Surface} surface @returns {Card} */
export function handoffCard(state, surface) {
  const { t } = surface;
  const { handoff, handoffTrouble } = state;
  if (handoffTrouble !== null) return troubleCard(handoffTrouble, surface);
  const title = t("handoff.title");
  if (handoff === null) {
    const lead = t("handoff.getting");
    return { figure: "spinner", tone: "accent", title, lead, actions: [here(t, "secondary")], isWaiting: true };
  }
  return {
    figure: "phone",
    tone: "accent",
    title,
    lead: t("handoff.scan"),
    code: {
      size: handoff.size,
      path: handoff.path,
      label: t("handoff.code"),
      match: t("handoff.match"),
      number: String(handoff.number),
    },
    note: t("handoff.note"),
    actions: [{ label: t("action.copy_link"), kind: "secondary", command: "copy_link" }, here(t, "secondary")],
  };
}

/** Server states with words of their own. @type {Readonly<Record<string, string>>} */
const PROGRESS = Object.freeze({
  consent: "opening",
  camera: "camera",
  align: "align",
  challenge: "challenge",
  light: "light",
  capture: "capture",
  processing: "processing",
  retry: "retry",
});

/** @param {State} state @param {Surface} surface @returns {Card} */
export function waitingPhoneCard({ watch }, { t }) {
  const progress = PROGRESS[watch?.state ?? ""] ?? "opening";
  const values = { done: watch?.index ?? 0, total: watch?.total ?? 0 };
  const isOver = progress === "processing";
  const isAway = watch?.isAway === true && !isOver;
  return {
    figure: isOver ? "spinner" : "phone",
    tone: "accent",
    title: t("waiting_phone.title"),
    lead: t(`waiting_phone.${isAway ? "away" : progress}`, values),
    ...(values.total > 0 && progress !== "retry" ? { steps_done: values } : {}),
    note: t("waiting_phone.note"),
    // Once the photo is in there is nothing to take back.
    actions: isOver
      ? [{ label: t("action.try_now"), kind: "secondary", event: { type: "reconnect_pressed" } }]
      : [{ label: t("waiting_phone.here"), kind: "secondary", event: { type: "here_pressed" } }],
    isWaiting: true,
  };
}
