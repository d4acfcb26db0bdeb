/**
 * Reads what the server says about a handoff. What has not the shape of the protocol becomes null.
 */

import { LINK_STATES, SERVER_STATES } from "./protocol.js";

/** Rectangles of dark modules, and nothing else that a path could hold. */
const QR_PATH = /^(?:M\d{1,3} \d{1,3}h\d{1,3}v1h-\d{1,3}z)+$/;

/** Longer waits than a timer can hold would end at once. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** @param {unknown} value @returns {Record<string, unknown>} */
function fieldsOf(value) {
  return typeof value === "object" && value !== null ? /** @type {Record<string, unknown>} */ (value) : {};
}

/** @param {unknown} value @param {number} most @returns {number} */
function countOf(value, most) {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? Math.min(most, value) : 0;
}

/** Most steps that are shown: no session asks for as many. */
const STEPS_MAX = 16;

/** @param {unknown} value @returns {import("./protocol.js").Handoff|null} */
export function readHandoff(value) {
  const { link, number, expires_in_ms: expiresIn, qr } = fieldsOf(value);
  const { size, path } = fieldsOf(qr);
  if (typeof link !== "string" || !/^https?:\/\//i.test(link)) return null;
  if (typeof path !== "string" || !QR_PATH.test(path)) return null;
  if (!Number.isInteger(number) || !Number.isInteger(size)) return null;
  const expiresInMs = countOf(expiresIn, TIMER_MAX_MS);
  return { link, number: Number(number), expiresInMs, size: Number(size), path };
}

/** @param {unknown} value @returns {import("./protocol.js").Watch|null} */
export function readWatch(value) {
  const { link, state, index, total, away } = fieldsOf(value);
  if (typeof link !== "string" || !LINK_STATES.includes(link)) return null;
  if (typeof state !== "string" || !SERVER_STATES.includes(state)) return null;
  const steps = Math.floor(countOf(total, STEPS_MAX));
  return {
    link,
    state,
    index: Math.min(steps, Math.floor(countOf(index, STEPS_MAX))),
    total: steps,
    isAway: away === true,
  };
}
