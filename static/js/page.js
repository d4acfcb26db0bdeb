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

/** Screens that pass: a frame that shrank for them would soon grow again. */
const PASSING = Object.freeze(["asking", "uploading", "processing", "offline", "busy", "draining"]);

/**
 * What a card needs, be the window higher or not. @param {HTMLElement} card @returns {number}
 */
function naturalHeight(card) {
  // A card fills its screen; only without that can it be seen what it needs.
  card.style.minBlockSize = "0";
  const { height } = card.getBoundingClientRect();
  card.style.minBlockSize = "";
  return height;
}

/**
 * Tells how high the content wants to be, whatever the window's height, and keeps what has the focus clear of the
 * buttons that stand over the end of a card. In a frame the card is the frame.
 * @param {Document} page
 * @param {(height: number) => void} onHeight
 */
export function watchHeight(page, onHeight) {
  const [shell, header, screen] = ["shell", "header", "screen"].map((id) => page.getElementById(id));
  const { defaultView: view } = page;
  if (!shell || !header || !screen || !view) return;
  if (view.parent !== view) page.documentElement.dataset.framed = "";
  let told = 0;
  const measure = () => {
    const card = screen.firstElementChild;
    const { screen: name = "boot" } = shell.dataset;
    // The camera takes what height there is; nobody stays long enough at the beginning.
    if (!(card instanceof HTMLElement) || name === "boot") return;
    const actions = card.querySelector(".card__actions")?.getBoundingClientRect().height ?? 0;
    screen.style.scrollPaddingBlockEnd = `${Math.ceil(actions)}px`;
    const wanted = Math.ceil(naturalHeight(card) + header.getBoundingClientRect().height);
    const passes = PASSING.includes(name) || shell.classList.contains("shell--dimmed");
    const height = Math.max(LEAST_HEIGHT_PX, wanted, passes ? told : 0);
    if (height !== told) onHeight(height);
    told = height;
  };
  const observer = new MutationObserver(measure);
  observer.observe(screen, { childList: true, subtree: true, attributes: true, attributeFilter: ["open"] });
  // Another width breaks lines elsewhere, and a higher window has room for drawings.
  view.addEventListener("resize", measure);
  measure();
}
