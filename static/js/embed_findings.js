/**
 * What around a page would keep the camera from a session, found without asking for the camera.
 * Pure: what was seen goes in, findings come out, problems first.
 */

import { SANDBOX_SNIPPET, WEB_VIEWS } from "./camera.js";

/** A frame below this is cramped. */
export const LEAST_SIZE = Object.freeze({ width: 360, height: 600 });

/**
 * @typedef {object} Seen what the page sees of where it is
 * @property {boolean} isFramed
 * @property {boolean} isSecure
 * @property {string} origin `null` in a sandbox
 * @property {string} ownOrigin of this server, sandbox or not
 * @property {string} userAgent
 * @property {boolean|null} cameraAllowed by the policies of all pages around; null where the browser does not tell
 * @property {boolean} hasCameraApi
 * @property {number|null} cameras null where they could not be counted
 * @property {string[]|null} ancestors origins around this one, null where the browser does not tell
 * @property {number} width
 * @property {number} height
 *
 * @typedef {object} Boot what the server saw
 * @property {"none"|"open"|"over"|"unknown"|"unavailable"} session
 * @property {string[]} allowed origins that may frame; empty: every https origin, and loopback
 * @property {string|null} referrer origin that the request named
 * @property {string|null} bound the same where messages would be posted to it
 *
 * @typedef {"problem"|"note"|"good"} Level
 * @typedef {{id: string, level: Level, title: string, text: string, snippet?: string}} Finding
 * @typedef {(seen: Seen, boot: Boot) => Finding|null} Check
 */

/** @param {string} id @param {string} title @param {string} text @returns {Finding} */
const good = (id, title, text) => ({ id, level: "good", title, text });
/** @param {string} id @param {string} title @param {string} text @param {string} [snippet] @returns {Finding} */
const problem = (id, title, text, snippet) => ({
  id,
  level: "problem",
  title,
  text,
  ...(snippet ? { snippet } : {}),
});
/** @param {string} id @param {string} title @param {string} text @returns {Finding} */
const note = (id, title, text) => ({ id, level: "note", title, text });

/** @param {string} origin @param {readonly string[]} allowed */
export function mayFrame(origin, allowed) {
  if (allowed.length > 0) return allowed.includes(origin);
  return /^https:\/\//.test(origin) || /^http:\/\/(([\w-]+\.)*localhost|127\.0\.0\.1)(:\d+)?$/.test(origin);
}

/** @type {Check} */
function secure({ isSecure, isFramed }) {
  if (isSecure)
    return good("secure", "Secure connection", "This page and all around it came over https or loopback.");
  const where = isFramed
    ? "This page, or a page around it, came over plain http."
    : "This page came over plain http.";
  return problem("secure", "No secure connection", `${where} Browsers give the camera to https pages only.`);
}

/** @type {Check} */
function sandbox({ origin, isFramed }) {
  if (!isFramed) return null;
  if (origin !== "null") return good("sandbox", "No sandbox in the way", "This page keeps its own origin.");
  return problem(
    "sandbox",
    "The sandbox takes this page's origin away",
    "Leave the iframe's sandbox attribute out, or let it allow both of these. A Content-Security-Policy with sandbox does the same.",
    SANDBOX_SNIPPET,
  );
}

/** @type {Check} */
function policy({ cameraAllowed, isFramed, ownOrigin }) {
  if (cameraAllowed === true)
    return good("policy", "The camera is passed on", "Neither the iframe nor a header keeps the camera back.");
  if (cameraAllowed === null)
    return note("policy", "This browser does not say whether the camera is passed on", "Try the camera below.");
  if (!isFramed)
    return problem(
      "policy",
      "A header keeps the camera back",
      "A proxy in front of this server changes Permissions-Policy.",
    );
  return problem(
    "policy",
    "The camera is not passed on",
    "Put the first line into the iframe, this one and each around it. If your pages send Permissions-Policy, it must name this server too.",
    `allow="camera"\n\nPermissions-Policy: camera=(self "${ownOrigin}")`,
  );
}

/** @type {Check} */
function referrer({ isFramed }, { referrer: sent }) {
  if (!isFramed) return null;
  if (sent !== null) return good("referrer", "Your page is known", `Messages go to ${sent}, and to no other.`);
  return problem(
    "referrer",
    "Your page is not known",
    "Its Referrer-Policy keeps its origin back, so no message can reach it: no events, no height. Put this into the iframe.",
    'referrerpolicy="strict-origin"',
  );
}

/** Every page around must be one that may, not the next one alone. @type {Check} */
function framing({ isFramed, ancestors }, { allowed, referrer: sent, session }) {
  const around = ancestors ?? (sent === null ? [] : [sent]);
  if (!isFramed || around.length === 0) return null;
  const refused = [...new Set(around.filter((origin) => !mayFrame(origin, allowed)))];
  if (refused.length === 0) {
    const which =
      session === "none" ? "by default; a session's link in the address checks your own list" : "by your list";
    return good("framing", "Your site may embed sessions", `Allowed ${which}.`);
  }
  const what = allowed.length > 0 ? "is not among your allowedFrameOrigins" : "is neither https nor loopback";
  const change =
    allowed.length > 0 ? JSON.stringify({ allowedFrameOrigins: [...allowed, ...refused] }) : undefined;
  return problem(
    "framing",
    "Your site may not embed sessions",
    `${refused.join(", ")} ${what}, so a session stays blank here.${change ? " Send this to PATCH /api/kyc/settings." : ""}`,
    change,
  );
}

/** @type {Check} */
function api({ hasCameraApi, userAgent, isSecure }) {
  if (WEB_VIEWS.test(userAgent))
    return problem(
      "api",
      "This is the web view of an app",
      "Most of them pass no camera on. Open sessions in the system's browser, or let your app grant the camera to its web view.",
    );
  if (hasCameraApi) return good("api", "The browser has a camera interface", "It is no restricted web view.");
  if (!isSecure) return null;
  return problem(
    "api",
    "The browser has no camera interface",
    "It is a web view, or very old. Use a real browser.",
  );
}

/** @type {Check} */
function device({ cameras }) {
  if (cameras === null) return null;
  if (cameras > 0) return good("device", "A camera is there", `This device lists ${cameras}.`);
  return note("device", "This device lists no camera", "That says nothing of the devices of others.");
}

/** @type {Check} */
function size({ isFramed, width, height }) {
  if (!isFramed) return null;
  const measured = `${width} × ${height} pixels`;
  if (width >= LEAST_SIZE.width && height >= LEAST_SIZE.height) return good("size", "Room enough", `${measured}.`);
  const least = `${LEAST_SIZE.width} × ${LEAST_SIZE.height}`;
  return note("size", "Little room", `${measured}. Give it at least ${least}; 440 × 700 is comfortable.`);
}

/** @type {Check} */
function session(_, { session: state }) {
  if (state === "unknown")
    return problem(
      "session",
      "The link of the session does not work",
      "It is incomplete, or was changed on its way.",
    );
  if (state === "over")
    return note("session", "The session is over", "It shows its end. Create a new one to go on.");
  if (state === "unavailable")
    return note("session", "The session could not be looked up", "Try again in a moment.");
  return state === "open"
    ? good("session", "The link of the session works", "Looking at it began nothing.")
    : null;
}

/** @type {readonly Check[]} */
const CHECKS = [secure, sandbox, policy, framing, referrer, api, session, device, size];
const ORDER = ["problem", "note", "good"];

/** @param {Seen} seen @param {Boot} boot @returns {Finding[]} */
export function findingsOf(seen, boot) {
  const findings = CHECKS.map((check) => check(seen, boot)).filter((one) => one !== null);
  return findings.sort((a, b) => ORDER.indexOf(a.level) - ORDER.indexOf(b.level));
}

/** What to write into a page. @param {string} ownOrigin */
export function recipe(ownOrigin) {
  return [
    '<iframe src="SESSION_URL" allow="camera; fullscreen; autoplay" referrerpolicy="strict-origin"',
    '  title="Identity check" style="width: 100%; height: 700px; border: 0"></iframe>',
    "",
    "Where your pages send these headers, they need:",
    `Permissions-Policy: camera=(self "${ownOrigin}")`,
    `Content-Security-Policy: frame-src ${ownOrigin}; script-src 'self' ${ownOrigin}`,
  ].join("\n");
}
