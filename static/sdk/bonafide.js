/**
 * Shows a hosted session of Bonafide in a page: `open(url, options)` or `<bonafide-capture session-url>`.
 * What it tells is for the page to go on by. Whether somebody was approved only your server knows.
 */

/** What the hosted page may need of the browser: `iframeAllow` of the API. */
export const IFRAME_ALLOW = "camera; microphone; fullscreen; autoplay; encrypted-media";

/** A page that has not answered by then is not there. */
export const READY_TIMEOUT_MS = 20_000;

const MESSAGES = ["ready", "started", "step", "resize", "completed", "cancelled", "error", "close_request"];
const CLOSED_POLL_MS = 500;
const HEIGHT_PX = { least: 320, first: 700, most: 2_000 };
const STYLE = `dialog.bonafide{position:fixed;z-index:2147483647;inset:0;margin:auto;padding:0;border:0;overflow:hidden;
width:min(100vw,440px);height:min(100vh,760px);height:min(100dvh,760px);max-width:none;max-height:none;border-radius:16px;background:#fff}
dialog.bonafide::backdrop{background:rgb(10 14 22/.6)}
dialog.bonafide bonafide-capture,dialog.bonafide iframe{height:100%!important}
dialog.bonafide iframe{position:relative}
dialog.bonafide::before{content:"";position:absolute;inset:0;margin:auto;width:40px;height:40px;border-radius:50%;
border:3px solid rgb(127 140 160/.25);border-top-color:rgb(127 140 160);animation:bonafide 1s linear infinite}
@keyframes bonafide{to{rotate:1turn}}
@media(prefers-reduced-motion){dialog.bonafide::before{animation-duration:4s}}
dialog.bonafide button{position:absolute;inset-block-start:6px;inset-inline-end:8px;width:44px;height:44px;
border:0;border-radius:50%;background:#fff;color:#131a26;font:24px/1 sans-serif;cursor:pointer}
dialog.bonafide button[hidden]{display:none}
@media(max-width:480px){dialog.bonafide{width:100vw;height:100vh;height:100dvh;border-radius:0}}
@media(prefers-color-scheme:dark){dialog.bonafide,dialog.bonafide button{background:#141a24;color:#eef2f8}}`;

/**
 * @typedef {"ready"|"started"|"step"|"resize"|"completed"|"cancelled"|"error"|"close"} EventType
 * @typedef {object} Detail which of them are there depends on the event (docs/embedding.md)
 * @property {string|null} sessionId
 * @property {string} [step] @property {number} [height] @property {string} [outcome]
 * @property {string|null} [reason] @property {string} [code] @property {boolean} [retryable]
 * @typedef {{type: EventType, detail: Detail}} CaptureEvent
 * @typedef {object} Options
 * @property {"inline"|"modal"|"redirect"|"tab"} [mode] `inline` where there is a container, else `modal`
 * @property {Element} [container] what an inline session is put into
 * @property {string} [title] name of the frame, for those who listen
 * @property {string} [closeLabel] name of the button that closes a modal
 * @property {(event: CaptureEvent) => void} [onEvent]
 * @typedef {{element: HTMLElement|null, window: Window|null, close: () => void}} Handle
 */

/** @param {unknown} value @returns {URL} or throws TypeError: nothing else is ever opened */
export function sessionAddress(value) {
  try {
    const url = new URL(typeof value === "string" ? value : "");
    if (/^https?:$/.test(url.protocol) && !url.username && !url.password) return url;
  } catch {}
  throw new TypeError("session-url must be the sessionUrl of the API, an http(s) address");
}

/**
 * The event that a message stands for; null for whatever others say.
 * @param {Pick<MessageEvent, "data"|"origin"|"source">} message @param {string} origin @param {unknown} source
 * @returns {CaptureEvent|null}
 */
export function eventOf({ data, origin: from, source: sender }, origin, source) {
  if (sender !== source || !source || from !== origin) return null;
  if (data?.source !== "bonafide" || data.v !== 1 || !MESSAGES.includes(data.type)) return null;
  const type = data.type === "close_request" ? "close" : data.type;
  return { type, detail: { ...data.data, sessionId: data.sessionId ?? null } };
}

/** @param {unknown} height @returns {number} what a frame may be made */
export function frameHeight(height) {
  const wanted = Number.isFinite(height) ? Number(height) : HEIGHT_PX.first;
  return Math.min(Math.max(Math.ceil(wanted), HEIGHT_PX.least), HEIGHT_PX.most);
}

/** Listens to one window of ours. @param {URL} url @param {() => unknown} source @param {(event: CaptureEvent) => void} tell */
function listen(url, source, tell) {
  /** @param {MessageEvent} message */
  const hear = (message) => {
    const event = eventOf(message, url.origin, source());
    if (event !== null) tell(event);
  };
  addEventListener("message", hear);
  return () => removeEventListener("message", hear);
}

// On a server there are no elements; importing this there does no harm.
const Base = globalThis.HTMLElement ?? /** @type {typeof HTMLElement} */ (class {});

/** `<bonafide-capture session-url="…">`: the session in a frame as high as it needs. */
export class BonafideCapture extends Base {
  static observedAttributes = ["session-url", "frame-title"];
  /** @type {HTMLIFrameElement|null} */
  #frame = null;
  /** @type {URL|null} */
  #url = null;
  #isPlaced = false;
  #isThere = false;
  #stop = () => {};

  get sessionUrl() {
    return this.getAttribute("session-url") ?? "";
  }

  set sessionUrl(url) {
    this.setAttribute("session-url", url);
  }

  connectedCallback() {
    this.#isPlaced = true;
    this.#show();
  }

  disconnectedCallback() {
    this.#isPlaced = false;
    this.#clear();
  }

  /** @param {string} name @param {string|null} before @param {string|null} after */
  attributeChangedCallback(name, before, after) {
    if (name === "frame-title" && this.#frame) this.#frame.title = after ?? "";
    else if (name === "session-url" && before !== after && this.#isPlaced) this.#show();
  }

  /** Takes the session away and tells `close`. It can be shown again until it ends. */
  close() {
    this.#clear();
    this.#tell({ type: "close", detail: { sessionId: null } });
  }

  /** Lets the person say whether to leave. A page that is not there cannot ask. */
  askToClose() {
    if (!this.#isThere) return this.close();
    const message = { source: "bonafide-sdk", v: 1, type: "close" };
    this.#frame?.contentWindow?.postMessage(message, this.#url?.origin ?? "/");
  }

  #clear() {
    this.#stop();
    this.#stop = () => {};
    this.#frame?.remove();
    this.#frame = null;
    this.#isThere = false;
  }

  #show() {
    this.#clear();
    if (!this.hasAttribute("session-url")) return;
    try {
      this.#url = sessionAddress(this.sessionUrl);
    } catch {
      return this.#tell({ type: "error", detail: { sessionId: null, code: "bad_session_url" } });
    }
    const frame = document.createElement("iframe");
    const title = this.getAttribute("frame-title") ?? "Identity check";
    // The origin must be known to the page, or it stays silent.
    Object.assign(frame, { allow: IFRAME_ALLOW, referrerPolicy: "strict-origin", title, src: this.#url.href });
    Object.assign(frame.style, { display: "block", width: "100%", border: "0", height: `${frameHeight(null)}px` });
    this.style.display ||= "block";
    this.#frame = frame;
    const late = setTimeout(() => {
      this.#tell({ type: "error", detail: { sessionId: null, code: "not_loaded" } });
    }, READY_TIMEOUT_MS);
    const stop = listen(
      this.#url,
      () => frame.contentWindow,
      (event) => this.#hear(event, late),
    );
    this.#stop = () => {
      clearTimeout(late);
      stop();
    };
    this.append(frame);
  }

  /** @param {CaptureEvent} event @param {ReturnType<typeof setTimeout>} late */
  #hear(event, late) {
    clearTimeout(late);
    this.#isThere = true;
    if (event.type === "resize" && this.#frame) this.#frame.style.height = `${frameHeight(event.detail.height)}px`;
    if (event.type === "close") this.#clear();
    this.#tell(event);
  }

  /** @param {CaptureEvent} event */
  #tell({ type, detail }) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

if (globalThis.customElements && !customElements.get("bonafide-capture"))
  customElements.define("bonafide-capture", BonafideCapture);

/**
 * Shows the session, or throws TypeError where that is no address of one.
 * @param {string} sessionUrl @param {Options} [options] @returns {Handle}
 */
export function open(sessionUrl, options = {}) {
  const url = sessionAddress(sessionUrl);
  const { container, mode = container ? "inline" : "modal", onEvent = () => {} } = options;
  if (mode === "redirect") {
    location.assign(url.href);
    return { element: null, window, close() {} };
  }
  if (mode === "tab") return openTab(url, onEvent);
  const element = /** @type {BonafideCapture} */ (document.createElement("bonafide-capture"));
  element.setAttribute("session-url", url.href);
  if (options.title) element.setAttribute("frame-title", options.title);
  for (const type of [...MESSAGES.slice(0, -1), "close"])
    element.addEventListener(type, (event) => onEvent(/** @type {any} */ (event)));
  if (mode === "modal") showModal(element, options.closeLabel ?? "Close");
  else if (mode === "inline" && container instanceof Element) {
    element.addEventListener("close", () => element.remove());
    container.append(element);
  } else throw new TypeError("mode must be inline (with a container), modal, redirect or tab");
  return { element, window: null, close: () => element.close() };
}

/** Needs a click to come from: else the browser refuses. @param {URL} url @param {(event: CaptureEvent) => void} tell */
function openTab(url, tell) {
  const tab = window.open(url.href, "_blank");
  if (tab === null) {
    tell({ type: "error", detail: { sessionId: null, code: "popup_blocked" } });
    return { element: null, window: null, close() {} };
  }
  let isOver = false;
  const end = () => {
    if (isOver) return;
    isOver = true;
    clearInterval(timer);
    stop();
    tab.close();
    tell({ type: "close", detail: { sessionId: null } });
  };
  const timer = setInterval(() => tab.closed && end(), CLOSED_POLL_MS);
  const stop = listen(
    url,
    () => tab,
    (event) => (event.type === "close" ? end() : tell(event)),
  );
  return { element: null, window: tab, close: end };
}

/** A dialog of the browser's own: it keeps focus inside, and gives it back. @param {BonafideCapture} element @param {string} closeLabel */
function showModal(element, closeLabel) {
  const dialog = document.createElement("dialog");
  let isOver = false;
  // At once, not when the dialog tells that it is closed: by then the next one may be open.
  element.addEventListener("close", () => {
    if (isOver) return;
    isOver = true;
    dialog.close?.();
    dialog.remove();
    uncoverPage();
  });
  dialog.oncancel = (event) => {
    event.preventDefault();
    element.askToClose();
  };
  dialog.onclose = () => isOver || element.close();
  dialog.className = "bonafide";
  dialog.append(element, crossOf(element, closeLabel));
  coverPage();
  document.body.append(dialog);
  // Safari before 15.4 and Firefox before 98 have none.
  if (dialog.showModal) dialog.showModal();
  else dialog.setAttribute("open", "");
}

/** Where the page has no cross of its own: it begins, is over, or another window has it. */
const WITHOUT_LEAVE = ["boot", "outcome", "superseded", "failed"];

/** @param {BonafideCapture} element @param {string} label */
function crossOf(element, label) {
  const cross = document.createElement("button");
  Object.assign(cross, { type: "button", textContent: "×", onclick: () => element.askToClose() });
  cross.setAttribute("aria-label", label);
  element.addEventListener("step", (event) => {
    const { step } = /** @type {CustomEvent} */ (event).detail;
    cross.hidden = !WITHOUT_LEAVE.includes(step);
  });
  return cross;
}

let covers = 0;
let undo = () => {};

/** Styles, and a page that does not scroll, once for all dialogs that are open. */
function coverPage() {
  covers += 1;
  if (covers > 1) return;
  const unstyle = addStyle();
  const root = document.documentElement.style;
  const { overflow } = root;
  root.overflow = "hidden";
  undo = () => {
    root.overflow = overflow;
    unstyle();
  };
}

function uncoverPage() {
  covers -= 1;
  if (covers === 0) undo();
}

/** A sheet that no policy forbids; browsers without such (Safari before 16.4) get an element. @returns {() => void} */
function addStyle() {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    return () => {
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
    };
  } catch {
    const style = document.createElement("style");
    style.textContent = STYLE;
    document.head.append(style);
    return () => style.remove();
  }
}
