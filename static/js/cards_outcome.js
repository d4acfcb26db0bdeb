/**
 * How it ended, and where it goes from here. Never a score, never which check decided.
 */

/**
 * @typedef {import("./cards.js").Card} Card
 * @typedef {import("./cards.js").Action} Action
 * @typedef {import("./cards.js").Surface} Surface
 * @typedef {import("./capture_state.js").State} State
 */

/** @type {Readonly<Record<string, {figure: string, tone: Card["tone"]}>>} */
const LOOKS = Object.freeze({
  approved: { figure: "check", tone: "success" },
  rejected: { figure: "cross", tone: "neutral" },
  in_review: { figure: "review", tone: "accent" },
  declined: { figure: "cross", tone: "neutral" },
  cancelled: { figure: "cross", tone: "neutral" },
  abandoned: { figure: "clock", tone: "neutral" },
  expired: { figure: "clock", tone: "neutral" },
});

/** Reasons for which the person can do something about it the next time. */
const TIPS = Object.freeze(["attempts_exhausted", "not_confirmed"]);

/** How long the outcome is read before the redirect, in milliseconds: bad news take longer. */
export const REDIRECT_DELAY_MS = Object.freeze({ approved: 2_000, other: 5_000 });

/** @param {State} state @param {Surface} surface @returns {Action[]} */
function wayOn(state, { t, isFramed }) {
  const redirect = state.result?.redirect ?? null;
  if (redirect !== null) return [{ label: t("action.continue"), kind: "primary", href: redirect.url }];
  return isFramed ? [{ label: t("action.close"), kind: "primary", command: "close" }] : [];
}

/** @param {State} state @param {Surface} surface @returns {string} */
function whatNext(state, { t, organization, isFramed }) {
  const values = { organization };
  const elsewhere = state.result?.continue_on ?? null;
  if (elsewhere !== null) return t(`outcome.on_${elsewhere}`, values);
  if (state.result?.redirect !== null) return isFramed ? "" : t("outcome.taking_back", values);
  return isFramed ? "" : t("outcome.may_close");
}

/** @param {State} state @param {Surface} surface @returns {Card} */
export function outcomeCard(state, surface) {
  const { t, organization } = surface;
  const outcome = state.result?.outcome ?? "expired";
  const reason = state.result?.reason ?? "";
  const look = LOOKS[outcome] ?? /** @type {{figure: string, tone: Card["tone"]}} */ (LOOKS.expired);
  const tip = outcome === "rejected" && TIPS.includes(reason) ? [t(`outcome.tip_${reason}`)] : [];
  const supportId = state.result?.support_id ?? "";
  const needsReference = supportId !== "" && (outcome === "rejected" || outcome === "in_review");
  return {
    ...look,
    title: t(`outcome.${outcome}`),
    lead: [t(`outcome.${outcome}_lead`, { organization }), ...tip].join(" "),
    note: whatNext(state, surface),
    ...(needsReference ? { reference: t("outcome.reference", { id: supportId }) } : {}),
    actions: wayOn(state, surface),
    isUrgent: outcome !== "approved",
  };
}
