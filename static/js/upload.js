/**
 * The final still goes by HTTP: it is larger than a frame may be, and has a ticket of its own.
 */

import { readResult } from "./wire.js";

const UPLOAD_TIMEOUT_MS = 12_000;

/**
 * @typedef {{type: "uploaded", result: import("./protocol.js").Result|null}
 *   | {type: "upload_failed", code?: string|null, supportId: string|null}} UploadAnswer `code` is the server's reason,
 *   null where there was no answer
 */

/** The answer with its body: neither is waited for without end. @param {typeof fetch} fetcher @param {string} ticket @param {Blob} still */
async function post(fetcher, ticket, still) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), UPLOAD_TIMEOUT_MS);
  try {
    const response = await fetcher("/capture", {
      method: "POST",
      headers: { Authorization: `Ticket ${ticket}`, "Content-Type": "image/jpeg" },
      body: still,
      credentials: "omit",
      cache: "no-store",
      signal: patience.signal,
    });
    return { isTaken: response.ok, body: /** @type {Record<string, unknown>} */ ((await response.json()) ?? {}) };
  } finally {
    clearTimeout(timer);
  }
}

/** @param {unknown} value */
const textOf = (value) => (typeof value === "string" ? value : null);

/**
 * Sends the still. A network that fails once is tried a second time, a refusal is not: it would be
 * the same again.
 * @param {typeof fetch} fetcher
 * @param {string} ticket
 * @param {Blob} still
 * @returns {Promise<UploadAnswer>}
 */
export async function uploadStill(fetcher, ticket, still) {
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    try {
      const { isTaken, body } = await post(fetcher, ticket, still);
      if (isTaken) return { type: "uploaded", result: readResult(body.result) };
      return { type: "upload_failed", code: textOf(body.code), supportId: textOf(body.support_id) };
    } catch {
      // No answer, or one that is not JSON: the second try decides.
    }
  }
  return { type: "upload_failed", code: null, supportId: null };
}
