/**
 * Small parts of the demo's page: statuses, ids to copy, times, meters.
 */

import { h } from "./dom.js";
import { icon } from "./icons.js";

const STATUSES = Object.freeze(
  /** @type {Record<string, {label: string, tone: string}>} */ ({
    pending: { label: "Not started", tone: "neutral" },
    in_progress: { label: "In progress", tone: "accent" },
    in_review: { label: "In review", tone: "caution" },
    approved: { label: "Approved", tone: "success" },
    rejected: { label: "Rejected", tone: "danger" },
    abandoned: { label: "Abandoned", tone: "neutral" },
    expired: { label: "Expired", tone: "neutral" },
    cancelled: { label: "Cancelled", tone: "neutral" },
  }),
);

/** @param {string} status */
export function isOpen(status) {
  return status === "pending" || status === "in_progress";
}

/** @param {string} status @param {boolean} [isInReview] */
export function statusOf(status, isInReview = false) {
  return STATUSES[isInReview ? "in_review" : status] ?? { label: status, tone: "neutral" };
}

/** @param {string} status @param {boolean} [isInReview] */
export function statusChip(status, isInReview = false) {
  const { label, tone } = statusOf(status, isInReview);
  return h("span", { class: `chip chip--${tone}` }, label);
}

/** An id in full, with a button that copies it. @param {string} id @param {string} what */
export function copyableId(id, what) {
  const button = h(
    "button",
    { type: "button", class: "icon-button copy", "aria-label": `Copy the ${what}`, title: `Copy the ${what}` },
    icon("copy"),
  );
  button.addEventListener("click", async () => {
    const isCopied = await navigator.clipboard.writeText(id).then(
      () => true,
      () => false,
    );
    button.replaceChildren(icon(isCopied ? "check" : "cross"));
    say(isCopied ? "Copied" : "Could not copy");
    setTimeout(() => button.replaceChildren(icon("copy")), 1_500);
  });
  return h("span", { class: "id" }, h("code", { class: "id__text" }, id), button);
}

/** Tells those who listen. @param {string} text */
export function say(text) {
  const region = document.getElementById("polite");
  if (region !== null) region.textContent = text;
}

const UNITS = /** @type {const} */ ([
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
]);

/** "3 minutes ago", with the exact time on hover. @param {string} iso */
export function timeAgo(iso) {
  const seconds = Math.round((Date.parse(iso) - Date.now()) / 1000);
  const [unit, size] = UNITS.find(([, one]) => Math.abs(seconds) >= one) ?? ["second", 1];
  const text =
    Math.abs(seconds) < 10
      ? "just now"
      : new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(Math.round(seconds / size), unit);
  return h("time", { datetime: iso, title: new Date(iso).toLocaleString("en") }, text);
}

/** A value on 0–100 with an optional threshold. @param {{label: string, value: number, limit?: number}} options */
export function meter({ label, value, limit }) {
  const isLow = limit !== undefined && value < limit;
  const fill = h("span", { class: `meter__fill${isLow ? " meter__fill--low" : ""}` });
  fill.style.setProperty("inline-size", `${Math.max(0, Math.min(100, value))}%`);
  const bar = h("span", { class: "meter__bar", role: "img", "aria-label": `${label}: ${value} of 100` }, fill);
  if (limit !== undefined) {
    const mark = h("span", { class: "meter__limit", title: `Threshold ${limit}` });
    mark.style.setProperty("inset-inline-start", `${limit}%`);
    bar.append(mark);
  }
  return h("span", { class: "meter" }, bar, h("span", { class: "meter__value" }, String(value)));
}

/** A definition list of facts; those without a value are left out. @param {[string, Node|string|null][]} facts */
export function factList(facts) {
  const rows = facts.filter(([, value]) => value !== null);
  return h(
    "dl",
    { class: "facts" },
    ...rows.map(([name, value]) => h("div", { class: "fact" }, h("dt", {}, name), h("dd", {}, value))),
  );
}

/** What went wrong, said where it happened. @param {string} text */
export function alertBox(text) {
  return h("p", { class: "alert", role: "alert" }, icon("warning"), h("span", {}, text));
}
