/**
 * Messages to the page that frames or opened this one, to its bound origin only and never with a token or
 * score; and the one message that it may send.
 */

import { PARENT_MESSAGE_VERSION, PARENT_MESSAGES } from "./protocol.js";

/**
 * @param {{parent: Window, self: Window, frameOrigin: string|null, sessionId: string, now: () => number}} parts
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
