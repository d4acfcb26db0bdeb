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
 * @property {{version: string}} consent
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
 * @param {{page: Window, tellParent: (type: string) => void, onCopied: () => void}} parts
 * @returns {(command: "reload"|"copy_link"|"close") => void}
 */
export function createCommands({ page, tellParent, onCopied }) {
  return (command) => {
    if (command === "reload") page.location.reload();
    if (command === "close") tellParent("close_request");
    if (command === "copy_link") void copy(page, page.location.href).then(onCopied);
  };
}

/** The clipboard where the page may use it, else a prompt to copy from. @param {Window} page @param {string} text */
async function copy(page, text) {
  try {
    await page.navigator.clipboard.writeText(text);
  } catch {
    page.prompt("", text);
  }
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
