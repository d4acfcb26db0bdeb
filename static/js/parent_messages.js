/**
 * Messages to the page that frames this one, to its bound origin only and never with a token or score.
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
