/**
 * The page around the capture: its boot data, its address, and what is done to it as a whole.
 */

import { readResult } from "./wire.js";

/**
 * @typedef {object} Boot
 * @property {string} sessionId
 * @property {import("./protocol.js").Result|null} result of a session that is over
 * @property {{name: string}} organization
 * @property {string} language
 * @property {"ltr"|"rtl"} direction
 * @property {"first"|"phone"|"watch"} arrival on which device the page is, and who has the session
 * @property {{version: string, paragraphs: string[]|null}} consent
 * @property {string|null} frameOrigin the only origin that messages are posted to
 * @property {Record<string, string>} messages
 */

/** @param {Document} page @returns {Boot} */
export function readBoot(page) {
  const boot = JSON.parse(page.getElementById("boot")?.textContent ?? "{}");
  return { ...boot, result: boot.state === "over" ? readResult(boot.result) : null };
}

/** The last segment of the page's address names the hosted session. @param {{pathname: string}} address */
export function tokenOf({ pathname }) {
  return pathname.split("/").filter(Boolean).pop() ?? "";
}

/**
 * A random UUID. Not `randomUUID`, which insecure pages lack: they too must be able to say what is wrong.
 * @param {Pick<Crypto, "getRandomValues">} source
 * @returns {string}
 */
export function newPageId(source) {
  const bytes = source.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/**
 * @param {{page: Window, tellParent: (type: string) => void, address: () => string,
 *   onCopied: (isCopied: boolean) => void}} parts `address` is the link to copy;
 *   `onCopied` is also told that nothing was copied, so that the link can be shown instead
 * @returns {(command: "reload"|"copy_link"|"close") => void}
 */
export function createCommands({ page, tellParent, address, onCopied }) {
  return (command) => {
    if (command === "reload") page.location.reload();
    if (command === "close") tellParent("close_request");
    if (command === "copy_link") void copy(page, address()).then(onCopied);
  };
}

/** A finger and nothing that hovers: who holds it needs no other phone. @param {Pick<Window, "matchMedia">} page */
export function isOnPhone(page) {
  return page.matchMedia("(pointer: coarse) and (hover: none)").matches;
}

/** A clipboard that does not answer for so long is as good as none. */
const CLIPBOARD_TIMEOUT_MS = 2_000;

/** @param {Window} page @param {string} text @returns {Promise<boolean>} whether it is in the clipboard */
async function copy(page, text) {
  const late = new Promise((_, reject) => page.setTimeout(reject, CLIPBOARD_TIMEOUT_MS));
  try {
    await Promise.race([page.navigator.clipboard.writeText(text), late]);
    return true;
  } catch {
    return false;
  }
}

/** A page that comes back out of the browser's memory has lost its connection and its camera. @param {Window} page */
export function reloadWhenBack(page) {
  page.addEventListener("pageshow", ({ persisted }) => {
    if (persisted) page.location.reload();
  });
}

/** Below this the stage is cramped, so a frame is never asked to be smaller. */
const LEAST_HEIGHT_PX = 600;

/**
 * Tells how high the content wants to be, whatever the window's height.
 * @param {Document} page @param {(height: number) => void} onHeight
 */
export function watchHeight(page, onHeight) {
  const screen = page.getElementById("screen");
  const header = page.getElementById("header");
  if (screen === null || header === null) return;
  let told = 0;
  const measure = () => {
    const content = screen.firstElementChild?.scrollHeight ?? 0;
    const height = Math.max(LEAST_HEIGHT_PX, Math.ceil(content + header.offsetHeight));
    if (height !== told) onHeight(height);
    told = height;
  };
  const observer = new MutationObserver(measure);
  observer.observe(screen, { childList: true, subtree: true, attributes: true, attributeFilter: ["open"] });
  measure();
}
