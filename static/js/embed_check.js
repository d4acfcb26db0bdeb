/**
 * The page of `/embed-check`: looks around, says what it found, and tries the camera when it is asked to.
 */

import {
  CameraTrouble,
  countCameras,
  isPolicyInTheWay,
  openCamera,
  stopStream,
  surroundingsOf,
} from "./camera.js";
import { button, h, setText } from "./dom.js";
import { findingsOf, recipe } from "./embed_findings.js";
import { icon } from "./icons.js";
import { inTime } from "./in_time.js";

/** @typedef {import("./embed_findings.js").Finding} Finding */

const SIGNS = Object.freeze({ good: "check", problem: "cross", note: "help" });
const WORDS = Object.freeze({ good: "Fine", problem: "Problem", note: "Note" });

const CLIPBOARD_TIMEOUT_MS = 2_000;

/** What came of trying the camera, in words for who builds. @type {Record<string, string>} */
const TROUBLES = {
  denied: "The browser was told not to, by you or by the system. Sessions show how to change that.",
  policy: "A policy keeps it back: see above.",
  kept_back:
    'The browser refused at once. Either the iframe, or one around it, lacks allow="camera", or the browser was told not to, by you or by the system.',
  sandbox: "The sandbox keeps it back: see above.",
  insecure: "The connection is not secure: see above.",
  webview: "This browser has no camera interface.",
  in_use: "Another app uses it, or it did not start.",
  no_camera: "This device has no camera.",
  constraints: "It gives no picture of the kind that is needed.",
  timeout: "Nobody answered the browser's question.",
};

const around = surroundingsOf(window);
const isFramed = window.parent !== window;
const boot = JSON.parse(document.getElementById("boot")?.textContent ?? "{}");
const polite = /** @type {HTMLElement} */ (document.getElementById("polite"));

/** @returns {Promise<import("./embed_findings.js").Seen>} */
async function look() {
  const { ancestorOrigins } = location;
  return {
    isFramed,
    isSecure: around.isSecureContext,
    origin: around.origin,
    ownOrigin: location.origin,
    userAgent: around.userAgent,
    cameraAllowed: around.featurePolicy === undefined ? null : !isPolicyInTheWay(around),
    hasCameraApi: around.mediaDevices !== undefined,
    cameras: isPolicyInTheWay(around) ? null : await countCameras(around),
    ancestors: ancestorOrigins === undefined ? null : [...ancestorOrigins],
    width: innerWidth,
    height: innerHeight,
  };
}

/** @param {string} text */
function snippet(text) {
  const copy = button({
    label: "Copy",
    class: "button button--secondary check__copy",
    onPress: () =>
      void copied(text).then((done) => setText(polite, done ? "Copied" : "Select the text and copy it")),
    name: "copy",
  });
  return h("div", { class: "check__snippet" }, h("pre", { class: "check__code", tabindex: "0" }, text), copy);
}

/** Some browsers have no clipboard for a page in a frame, or never answer. @param {string} text */
async function copied(text) {
  const writing = (async () => navigator.clipboard.writeText(text))();
  return inTime(
    writing.then(() => true),
    CLIPBOARD_TIMEOUT_MS,
    false,
  );
}

/** @param {Finding} finding */
function row({ id, level, title, text, snippet: code }) {
  return h(
    "li",
    { class: `finding finding--${level}`, "data-finding": id, "data-level": level },
    h("span", { class: "finding__sign" }, icon(SIGNS[level])),
    h(
      "div",
      { class: "finding__body" },
      h("h2", { class: "finding__title" }, h("span", { class: "spoken" }, `${WORDS[level]}: `), title),
      h("p", { class: "finding__text" }, text),
      code ? snippet(code) : null,
    ),
  );
}

/** @param {Finding[]} findings */
function verdict(findings) {
  const problems = findings.filter(({ level }) => level === "problem").length;
  if (problems > 0)
    return [
      problems === 1 ? "One thing is in the way" : `${problems} things are in the way`,
      "Sessions embedded like this do not work.",
    ];
  if (!isFramed)
    return [
      "Nothing is in the way here",
      "Put this page into your iframe, in the place of a session, to check that one.",
    ];
  return ["Nothing is in the way", "A session embedded like this can ask for the camera."];
}

/** @param {HTMLElement} list */
async function tryCamera(list) {
  list.querySelector('[data-finding="tried"]')?.remove();
  /** @type {Finding} */
  let found = {
    id: "tried",
    level: "good",
    title: "The camera starts",
    text: "It was switched off again at once.",
  };
  try {
    stopStream(await openCamera(around, null));
  } catch (error) {
    const code = error instanceof CameraTrouble ? error.code : "in_use";
    found = { id: "tried", level: "problem", title: "The camera does not start", text: TROUBLES[code] ?? code };
  }
  list.prepend(row(found));
  setText(polite, `${found.title}. ${found.text}`);
}

async function show() {
  const findings = findingsOf(await look(), boot);
  const [title = "", lead = ""] = verdict(findings);
  setText(/** @type {HTMLElement} */ (document.getElementById("verdict")), title);
  setText(/** @type {HTMLElement} */ (document.getElementById("lead")), lead);
  const list = h("ul", { class: "findings" }, ...findings.map(row));
  const attempt = button({
    label: "Try the camera",
    class: "button button--primary",
    onPress: () => void tryCamera(list),
    name: "try_camera",
  });
  document
    .getElementById("body")
    ?.replaceChildren(
      list,
      h("div", { class: "check__actions" }, attempt),
      h(
        "details",
        { class: "check__recipe" },
        h("summary", {}, "What a page needs"),
        snippet(recipe(location.origin)),
      ),
    );
  document.documentElement.dataset.checked = findings.some(({ level }) => level === "problem")
    ? "problems"
    : "good";
}

void show();
