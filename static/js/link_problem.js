/**
 * The page of a link that leads nowhere says so to who frames or opened it, as the capture page would.
 */

import { watchHeight } from "./page.js";
import { createParentMessages, integratorOf, listenToParent } from "./parent_messages.js";

/** By code. The step has a modal show its cross again: this page has none. @type {Readonly<Record<string, [string, object][]>>} */
const TOLD = Object.freeze({
  expired: [
    ["step", { step: "outcome" }],
    ["completed", { outcome: "expired", reason: null }],
  ],
  unavailable: [
    ["step", { step: "failed" }],
    ["error", { code: "unavailable", retryable: true }],
  ],
});

/** @type {{code: string, frameOrigin: string, sessionId: string|null}} */
const { code, frameOrigin, sessionId } = JSON.parse(document.getElementById("boot")?.textContent ?? "{}");
const parent = integratorOf(window);
const tellParent = createParentMessages({ parent, self: window, frameOrigin, sessionId, now: Date.now });
const close = /** @type {HTMLElement|null} */ (document.querySelector("[data-close]"));

listenToParent({ page: window, parent, frameOrigin, onClose: () => tellParent("close_request") });
tellParent("ready");
watchHeight(document, (height) => tellParent("resize", { height }));
for (const [type, data] of TOLD[code] ?? []) tellParent(type, data);
if (close !== null && window.parent !== window) {
  close.addEventListener("click", () => tellParent("close_request"));
  close.hidden = false;
}
