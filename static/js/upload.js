/**
 * The final still goes by HTTP: it is larger than a frame may be, and has a ticket of its own.
 */

import { readResult } from "./wire.js";

const UPLOAD_TIMEOUT_MS = 12_000;

/** @typedef {import("./capture_machine.js").MachineEvent} MachineEvent */

/** @param {unknown} body @returns {{code: string, supportId: string|null}} */
function refusalOf(body) {
  const fields = /** @type {Record<string, unknown>} */ (body ?? {});
  const code = typeof fields.code === "string" ? fields.code : "unknown";
  return { code, supportId: typeof fields.support_id === "string" ? fields.support_id : null };
}

/** @param {typeof fetch} fetcher @param {string} ticket @param {Blob} still */
async function post(fetcher, ticket, still) {
  return fetcher("/capture", {
    method: "POST",
    headers: { Authorization: `Ticket ${ticket}`, "Content-Type": "image/jpeg" },
    body: still,
    credentials: "omit",
    cache: "no-store",
    signal: AbortSignal.timeout?.(UPLOAD_TIMEOUT_MS) ?? null,
  });
}

/**
 * Sends the still. A network that fails once is tried a second time, a refusal is not: it would be
 * the same again.
 * @param {typeof fetch} fetcher
 * @param {string} ticket
 * @param {Blob} still
 * @returns {Promise<MachineEvent>}
 */
export async function uploadStill(fetcher, ticket, still) {
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    try {
      const response = await post(fetcher, ticket, still);
      const body = /** @type {Record<string, unknown>} */ (await response.json());
      if (response.ok) return { type: "uploaded", result: readResult(body.result) };
      return { type: "upload_failed", ...refusalOf(body) };
    } catch {
      // No answer, or one that is not JSON: the second try decides.
    }
  }
  return { type: "upload_failed", code: "network", supportId: null };
}
