/**
 * How it ended, and where it goes from here. Never a score, never which check decided.
 */

/**
 * @typedef {import("./cards.js").Card} Card
 * @typedef {import("./cards.js").Action} Action
 * @typedef {import("./cards.js").Surface & {canTell?: boolean}} OutcomeSurface `canTell`: the page that frames this
 *   one is known, and hears it
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

/**
 * Where the person goes on, from the page's own address: the server signs the result and sends them to the callback.
 * One that was signed when the page learnt of it is too old for who reads the screen for some minutes.
 */
export const CONTINUE = "?continue";

/** Whether there is a page around that takes this one away when it is asked to. @param {OutcomeSurface} surface */
function canClose({ isFramed, canTell = true }) {
  return isFramed && canTell;
}

/** @param {State} state @param {OutcomeSurface} surface @returns {Action[]} */
function wayOn(state, surface) {
  const { t } = surface;
  const redirect = state.result?.redirect ?? null;
  if (redirect !== null) return [{ label: t("action.continue"), kind: "primary", href: CONTINUE }];
  return canClose(surface) ? [{ label: t("action.close"), kind: "primary", command: "close" }] : [];
}

/** @param {State} state @param {OutcomeSurface} surface @returns {string} */
function whatNext(state, surface) {
  const { t, organization, isFramed } = surface;
  const values = { organization };
  const elsewhere = state.result?.continue_on ?? null;
  if (elsewhere !== null) return t(`outcome.on_${elsewhere}`, values);
  if (state.result?.redirect !== null) return isFramed ? "" : t("outcome.taking_back", values);
  return canClose(surface) ? "" : t("outcome.may_close");
}

/** @param {State} state @param {OutcomeSurface} surface @returns {Card} */
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
