/**
 * A session and its whole decision, readable.
 */

import { alertBox, copyableId, factList, isOpen, meter, statusOf, timeAgo } from "./demo_parts.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * @typedef {import("./demo_api.js").Session} Session
 * @typedef {import("./demo_api.js").Decision} Decision
 * @typedef {import("./demo_api.js").ChallengeEvidence} ChallengeEvidence
 * @typedef {import("./demo_api.js").DetectorEvidence} DetectorEvidence
 */

const REJECTIONS = Object.freeze(
  /** @type {Record<string, string>} */ ({
    FACE_MATCH_SCORE_LOW: "The face is not that of the approved portrait.",
    CAPTURE_DECLINED: "The capture did not show a live person, or was declined.",
    REVIEW_REJECTED: "A reviewer rejected it.",
    CROSS_ENTITY: "The face belongs to another person of the organization.",
    FACE_IN_BLOCKLIST: "The face is on the organization's block list.",
  }),
);

const MOVEMENTS = Object.freeze(
  /** @type {Record<string, string>} */ ({
    head_turn: "Turn",
    look: "Look",
    blink: "Blink",
    smile: "Smile",
    mouth: "Open mouth",
    approach: "Move closer",
  }),
);

const FIGURES = Object.freeze(
  /** @type {Record<string, string>} */ ({
    success: "check",
    danger: "cross",
    caution: "review",
    accent: "clock",
  }),
);

/** @param {Session} session @returns {HTMLElement} */
export function sessionReport(session) {
  const { label, tone } = statusOf(session.status, session.inReview);
  const line = session.rejectionCode === null ? explain(session) : (REJECTIONS[session.rejectionCode] ?? "");
  return h(
    "article",
    { class: "report", "data-status": session.status },
    h(
      "header",
      { class: `verdict verdict--${tone}` },
      h("span", { class: "verdict__figure" }, icon(FIGURES[tone] ?? "clock")),
      h(
        "div",
        {},
        h("h3", { class: "verdict__title" }, label),
        h("p", { class: "verdict__line" }, line),
        session.rejectionCode === null
          ? null
          : h("p", { class: "verdict__code" }, h("code", {}, session.rejectionCode)),
      ),
    ),
    factList([
      ["Session", copyableId(session.id, "session id")],
      ["Created", timeAgo(session.createdAt)],
      ["Started", session.startedAt === null ? null : timeAgo(session.startedAt)],
      ["Completed", session.completedAt === null ? null : timeAgo(session.completedAt)],
      ["Link expires", isOpen(session.status) ? timeAgo(session.expiresAt) : null],
    ]),
    ...(session.decision === null ? [] : decisionParts(session.decision)),
    h(
      "details",
      { class: "raw" },
      h("summary", {}, "The answer as JSON"),
      h("pre", { class: "raw__text", tabindex: "0" }, JSON.stringify(session, null, 2)),
    ),
  );
}

/** @param {Session} session */
function explain({ status, inReview }) {
  if (inReview) return "The evidence is in; a person decides.";
  /** @type {Record<string, string>} */
  const lines = {
    pending: "The link was not opened yet.",
    in_progress: "The person is on the hosted page.",
    approved: "Alive, present, and the person of the portrait.",
    abandoned: "The person left, or was silent for too long.",
    expired: "The link was not opened in time.",
    cancelled: "Taken back through the API.",
  };
  return lines[status] ?? "";
}

/** @param {Decision} decision @returns {Node[]} */
function decisionParts(decision) {
  const { liveness, faceMatch, injection } = decision;
  const parts = [];
  const reasons = decision.reviewReasons;
  if (reasons.length > 0) parts.push(section("Left to a person", tags(reasons)));
  if (decision.warnings.length > 0) parts.push(section("Warnings", tags(decision.warnings)));
  if (faceMatch !== null) {
    const match =
      faceMatch.score === null
        ? h("p", { class: "note" }, "No comparison could be made.")
        : meter({ label: "Comparison score", value: faceMatch.score, limit: faceMatch.threshold });
    parts.push(
      section(
        "Face match",
        match,
        factList([
          ["Result", faceMatch.status],
          ["Threshold", String(faceMatch.threshold)],
        ]),
      ),
    );
  }
  if (liveness !== null) {
    parts.push(
      section(
        "Liveness",
        meter({ label: "Liveness score", value: liveness.score }),
        factList([
          ["Result", liveness.status],
          ["Method", liveness.method.replaceAll("_", " ")],
          ["Attempt", String(liveness.attempts)],
          [
            "Passive detectors",
            liveness.passive.score === null
              ? "not measured"
              : `${liveness.passive.score} over ${liveness.passive.frames} frames (${liveness.passive.models.join(", ")})`,
          ],
          [
            "Same face throughout",
            liveness.continuityScore === null ? "not measured" : `score ${liveness.continuityScore}`,
          ],
        ]),
      ),
    );
    if (liveness.challenges.length > 0) parts.push(section("Movements", challengeTable(liveness.challenges)));
    if (liveness.detectors.length > 0) parts.push(section("Detectors", detectorTable(liveness.detectors)));
  }
  parts.push(
    section(
      "How it was judged",
      factList([
        ["Signs of injection", injection.risk.replaceAll("_", " ")],
        ["Signals", injection.signals.length === 0 ? null : injection.signals.join(", ")],
        ["Policy version", String(decision.policyVersion)],
      ]),
      ...(decision.models.length === 0 ? [] : [modelTable(decision.models)]),
    ),
  );
  return parts;
}

/** @param {string} title @param {Node[]} content */
function section(title, ...content) {
  return h("section", { class: "part" }, h("h4", { class: "part__title" }, title), ...content);
}

/** @param {string[]} texts */
function tags(texts) {
  return h("ul", { class: "tags" }, ...texts.map((text) => h("li", {}, h("code", {}, text))));
}

/** @param {ChallengeEvidence[]} challenges */
function challengeTable(challenges) {
  return table(
    ["Movement", "Measured", "Required", "Began", "Took", "Outcome"],
    challenges.map((one) => [
      `${MOVEMENTS[one.kind] ?? one.kind}${one.direction === null ? "" : ` ${one.direction}`}`,
      one.measured === null ? "–" : amount(one.measured, one.unit),
      amount(one.required, one.unit),
      seconds(one.onsetMs),
      one.onsetMs === null || one.returnMs === null ? "–" : seconds(one.returnMs - one.onsetMs),
      h(
        "span",
        { class: `chip chip--${one.outcome === "passed" ? "success" : "danger"}` },
        one.outcome.replaceAll("_", " "),
      ),
    ]),
    [1, 2, 3, 4],
  );
}

/** @param {DetectorEvidence[]} detectors */
function detectorTable(detectors) {
  /** @type {Record<string, string>} */
  const tones = { passed: "success", failed: "danger", warned: "caution" };
  return table(
    ["Detector", "Score", "Limit", "Reason", "Result"],
    detectors.map((one) => [
      one.name.replaceAll("_", " "),
      one.score === null ? "–" : one.score.toFixed(0),
      one.limit.toFixed(0),
      one.reason.replaceAll("_", " "),
      h("span", { class: `chip chip--${tones[one.status] ?? "neutral"}` }, one.status.replaceAll("_", " ")),
    ]),
    [1, 2],
  );
}

/** @param {number} value @param {string} unit */
function amount(value, unit) {
  if (unit === "degrees") return `${value.toFixed(1)}°`;
  if (unit === "ratio") return `+${(100 * value).toFixed(0)} %`;
  return value.toFixed(2);
}

/** @param {number|null} ms */
function seconds(ms) {
  return ms === null ? "–" : `${(ms / 1000).toFixed(1)} s`;
}

/** @param {Decision["models"]} models */
function modelTable(models) {
  return table(
    ["Model", "SHA-256"],
    models.map(({ name, sha256 }) => [
      name,
      sha256 === null ? "missing" : h("code", { title: sha256 }, sha256.slice(0, 16)),
    ]),
    [],
  );
}

/** @param {string[]} heads @param {(Node|string)[][]} rows @param {number[]} numeric columns of figures */
function table(heads, rows, numeric) {
  /** @param {number} column */
  const of = (column) => ({ class: numeric.includes(column) ? "figures" : null });
  return h(
    "div",
    { class: "scroller", tabindex: "0" },
    h(
      "table",
      { class: "table" },
      h("thead", {}, h("tr", {}, ...heads.map((head, column) => h("th", { scope: "col", ...of(column) }, head)))),
      h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((cell, column) => h("td", of(column), cell))))),
    ),
  );
}

/** What a redirect brought back. @param {Record<string, string>} returned */
export function returnedBanner(returned) {
  if (returned.problem) return alertBox(returned.problem);
  return h(
    "p",
    { class: "proof" },
    icon("shield"),
    h(
      "span",
      {},
      "Back from the hosted page. The signed result says ",
      h("strong", {}, returned.status ?? ""),
      "; its signature holds (EdDSA, key ",
      h("code", {}, returned.keyId ?? ""),
      ").",
    ),
  );
}
