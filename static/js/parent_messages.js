/**
 * Messages to the page that frames or opened this one, to its bound origin only and never with a token or
 * score; and the one message that it may send.
 */

import { PARENT_MESSAGE_VERSION, PARENT_MESSAGES } from "./protocol.js";

/** The integrator's page: what frames this one, or opened it in a tab of its own. @param {Window} page @returns {Window} */
export function integratorOf(page) {
  return page.parent !== page ? page.parent : (page.opener ?? page);
}

/**
 * @param {{parent: Window, self: Window, frameOrigin: string|null, sessionId: string|null, now: () => number}} parts
 * @returns {(type: string, data?: object) => void}
 */
export function createParentMessages({ parent, self, frameOrigin, sessionId, now }) {
  const isFramed = parent !== self && frameOrigin !== null;
  return (type, data = {}) => {
    if (!isFramed || !PARENT_MESSAGES.includes(type)) return;
    const message = { source: "bonafide", v: PARENT_MESSAGE_VERSION, type, sessionId, data, ts: now() };
    parent.postMessage(message, frameOrigin);
  };
}

/**
 * Has the page's address say who frames it, for whenever it is loaded again: a reload sends no Referer under our
 * policy, but in Firefox, and the server would no longer know (app/hosted/framing.py).
 * @param {{page: Window, parent: Window, frameOrigin: string|null}} parts
 */
export function keepFrameOrigin({ page, parent, frameOrigin }) {
  if (parent === page || frameOrigin === null) return;
  try {
    page.history.replaceState(null, "", `?from=${encodeURIComponent(frameOrigin)}`);
  } catch {
    // Where a sandbox forbids it a page that is loaded again is silent.
  }
}

/**
 * Hears the SDK's wish to close, from that page and its bound origin only.
 * @param {{page: Window, parent: Window, frameOrigin: string|null, onClose: () => void}} parts
 */
export function listenToParent({ page, parent, frameOrigin, onClose }) {
  if (parent === page || frameOrigin === null) return;
  page.addEventListener("message", ({ source, origin, data }) => {
    if (source !== parent || origin !== frameOrigin) return;
    if (data?.source === "bonafide-sdk" && data.v === PARENT_MESSAGE_VERSION && data.type === "close") onClose();
  });
}
