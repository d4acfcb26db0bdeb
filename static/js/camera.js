/**
 * The camera: what keeps it from the page, opening it, and what it says about itself.
 */

import { inTime } from "./in_time.js";

/** A permission prompt that nobody answers ends here, with a way to ask again. */
export const CAMERA_TIMEOUT_MS = 60_000;

/** Nobody reads a question and answers it within this time. */
export const AT_ONCE_MS = 700;

/** A browser that does not say which cameras there are offers none. */
const LIST_TIMEOUT_MS = 3_000;

const WANTED_WIDTH = 1280;
const WANTED_HEIGHT = 720;
const WANTED_FPS = 30;

/** Names under which programs offer a camera of their own making. */
const VIRTUAL_LABELS =
  /\b(obs|virtual|manycam|snap camera|xsplit|vcam|e2esoft|droidcam|iriun|epoccam|ndi|mmhmm|camtwist|splitcam|youcam|v4l2loopback|dummy|fake|screen capture|deepfacelive|avatarify)\b/i;

/** Windows Hello and depth cameras give pictures that no face matcher was made for. */
const INFRARED_LABELS = /\b(ir|infra-?red|infrarot|depth|windows hello)\b/i;

/** What an integrator has to write where a frame keeps the camera back. */
export const IFRAME_SNIPPET = '<iframe src="…" allow="camera"></iframe>';
export const SANDBOX_SNIPPET =
  'sandbox="allow-scripts allow-same-origin allow-popups allow-top-navigation-by-user-activation"';

/** What stands in the user agent of apps that open pages in a view of their own. */
export const WEB_VIEWS =
  /\bFBAN\b|\bFBAV\b|Instagram|Line\/|MicroMessenger|Snapchat|TikTok|musical_ly|LinkedInApp|; wv\)/;

/** Why the camera is not to be had; `code` is one of CAMERA_TROUBLES. */
export class CameraTrouble extends Error {
  /** @param {string} code */
  constructor(code) {
    super(`camera: ${code}`);
    this.name = "CameraTrouble";
    this.code = code;
  }
}

/**
 * @typedef {object} Surroundings what the page stands in
 * @property {boolean} isSecureContext
 * @property {string} origin `null` in a sandboxed iframe
 * @property {boolean} isFramed
 * @property {string} userAgent
 * @property {{allowsFeature(name: string): boolean}|undefined} featurePolicy Chromium's alone
 * @property {Pick<MediaDevices, "getUserMedia"|"enumerateDevices">|undefined} mediaDevices
 */

/** @param {Window} page @returns {Surroundings} */
export function surroundingsOf(page) {
  const { document, navigator } = page;
  return {
    isSecureContext: page.isSecureContext,
    isFramed: page.parent !== page,
    origin: /** @type {Window & {origin?: string}} */ (page).origin ?? page.location.origin,
    userAgent: navigator.userAgent,
    featurePolicy: /** @type {any} */ (document).featurePolicy ?? /** @type {any} */ (document).permissionsPolicy,
    mediaDevices: navigator.mediaDevices,
  };
}

/** @param {Surroundings} around @returns {boolean} */
export function isPolicyInTheWay(around) {
  return around.featurePolicy?.allowsFeature("camera") === false;
}

/**
 * What keeps even the connection away, or null: a page that is locked in has no origin, and one that came
 * unencrypted has another than the server's.
 * @param {Surroundings} around
 * @returns {string|null} one of CAMERA_TROUBLES
 */
export function troubleBeforeConnecting(around) {
  if (around.origin === "null") return "sandbox";
  return around.isSecureContext ? null : "insecure";
}

/**
 * What would keep the camera away before anybody is asked, or null.
 * @param {Surroundings} around
 * @returns {string|null} one of CAMERA_TROUBLES
 */
export function troubleBeforeAsking(around) {
  const trouble = troubleBeforeConnecting(around);
  if (trouble !== null) return trouble;
  if (around.mediaDevices?.getUserMedia === undefined) return "webview";
  if (isPolicyInTheWay(around)) return "policy";
  return null;
}

/** The names that browsers give, old ones too. @type {Record<string, string>} */
const TROUBLE_OF = {
  NotAllowedError: "denied",
  PermissionDeniedError: "denied",
  SecurityError: "policy",
  NotReadableError: "in_use",
  TrackStartError: "in_use",
  AbortError: "in_use",
  NotFoundError: "no_camera",
  DevicesNotFoundError: "no_camera",
  OverconstrainedError: "constraints",
  ConstraintNotSatisfiedError: "constraints",
  TypeError: "insecure",
};

/**
 * The trouble behind what getUserMedia threw. A refusal inside another app's web view is mostly the
 * app's, which the person can only get around in a real browser. In a frame, a browser that does not tell its policy
 * and asks nobody may have been told not to, by either.
 * @param {unknown} error
 * @param {Surroundings} around
 * @param {boolean} [isAtOnce] before a person could have answered
 * @returns {string}
 */
export function classifyCameraError(error, around, isAtOnce = false) {
  if (error instanceof CameraTrouble) return error.code;
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  const trouble = TROUBLE_OF[name] ?? "in_use";
  if (trouble === "denied" && isPolicyInTheWay(around)) return "policy";
  if (trouble === "denied" && WEB_VIEWS.test(around.userAgent)) return "webview";
  const isUnknown = isAtOnce && around.isFramed && around.featurePolicy === undefined;
  return trouble === "denied" && isUnknown ? "kept_back" : trouble;
}

/**
 * What to ask for: never `exact`, except the very camera that the person picked.
 * @param {string|null} deviceId
 * @returns {MediaStreamConstraints}
 */
export function constraintsFor(deviceId) {
  const size = {
    width: { ideal: WANTED_WIDTH },
    height: { ideal: WANTED_HEIGHT },
    frameRate: { ideal: WANTED_FPS },
  };
  const which = deviceId === null ? { facingMode: { ideal: "user" } } : { deviceId: { ideal: deviceId } };
  return { audio: false, video: { ...size, ...which } };
}

const readClock = () => performance.now();

/**
 * Opens the camera, or throws the CameraTrouble. A stream that comes after the timeout is stopped, so
 * that no camera light burns for nobody.
 * @param {Surroundings} around
 * @param {string|null} deviceId
 * @param {{timeoutMs?: number, now?: () => number}} [clock]
 * @returns {Promise<MediaStream>}
 */
export async function openCamera(around, deviceId, { timeoutMs = CAMERA_TIMEOUT_MS, now = readClock } = {}) {
  const trouble = troubleBeforeAsking(around);
  if (trouble !== null || around.mediaDevices === undefined) throw new CameraTrouble(trouble ?? "webview");
  const askedAtMs = now();
  const asked = around.mediaDevices.getUserMedia(constraintsFor(deviceId));
  let isLate = false;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => {
      isLate = true;
      reject(new CameraTrouble("timeout"));
    }, timeoutMs);
  });
  asked.then((stream) => isLate && stopStream(stream)).catch(() => {});
  try {
    return /** @type {MediaStream} */ (await Promise.race([asked, late]));
  } catch (error) {
    throw new CameraTrouble(classifyCameraError(error, around, now() - askedAtMs < AT_ONCE_MS));
  } finally {
    clearTimeout(timer);
  }
}

/** @param {MediaStream|null} stream */
export function stopStream(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/**
 * Opens the camera, and another one where the browser gives an infrared camera first: once, whatever comes of it.
 * @param {Surroundings} around
 * @param {string|null} deviceId
 * @returns {Promise<MediaStream>}
 */
export async function openForPeople(around, deviceId) {
  const opened = await openCamera(around, deviceId);
  if (!INFRARED_LABELS.test(opened.getVideoTracks()[0]?.label ?? "")) return opened;
  const other = (await listCameras(around)).find(({ label }) => classifyLabel(label) === "physical");
  if (other === undefined) return opened;
  stopStream(opened);
  return openCamera(around, other.id);
}

/**
 * What devices there are, null where the browser does not say.
 * @param {Surroundings} around
 * @param {number} [timeoutMs]
 */
async function listDevices(around, timeoutMs = LIST_TIMEOUT_MS) {
  const asked = around.mediaDevices?.enumerateDevices();
  return asked === undefined ? null : inTime(asked, timeoutMs, null);
}

/**
 * How many cameras there are, null where that is not known. They have no ids before one was allowed.
 * @param {Surroundings} around
 * @param {number} [timeoutMs]
 */
export async function countCameras(around, timeoutMs) {
  const devices = await listDevices(around, timeoutMs);
  return devices?.filter(({ kind }) => kind === "videoinput").length ?? null;
}

/**
 * The cameras a person may choose from. Labels are only there once one camera was allowed.
 * @param {Surroundings} around
 * @param {number} [timeoutMs]
 * @returns {Promise<{id: string, label: string}[]>}
 */
export async function listCameras(around, timeoutMs) {
  const devices = (await listDevices(around, timeoutMs)) ?? [];
  return devices
    .filter((device) => device.kind === "videoinput" && device.deviceId !== "")
    .filter((device) => !INFRARED_LABELS.test(device.label))
    .map((device) => ({ id: device.deviceId, label: device.label }));
}

/** @param {string} label @returns {"physical"|"virtual"|"unknown"} */
export function classifyLabel(label) {
  if (label === "") return "unknown";
  return VIRTUAL_LABELS.test(label) ? "virtual" : "physical";
}

/** Whether a function is still the browser's own. @param {unknown} fn @returns {boolean} */
function isNative(fn) {
  return typeof fn === "function" && /\[native code\]/.test(Function.prototype.toString.call(fn));
}

/**
 * Signs that the picture may not come from a camera. They add to a risk; none of them decides.
 * @param {MediaStreamTrack} track
 * @param {Surroundings} around
 * @returns {string[]}
 */
export function injectionSignals(track, around) {
  const settings = track.getSettings?.() ?? {};
  const signals = [];
  if (track.constructor?.name === "CanvasCaptureMediaStreamTrack") signals.push("canvas_track");
  if (!settings.deviceId) signals.push("no_device_id");
  if (settings.frameRate === undefined) signals.push("no_frame_rate");
  if (track.label === "") signals.push("no_label");
  if (classifyLabel(track.label) === "virtual") signals.push("virtual_label");
  if (!isNative(around.mediaDevices?.getUserMedia)) signals.push("patched_get_user_media");
  return signals;
}

/**
 * What the server is told about the camera (message `camera`).
 * @param {MediaStream} stream
 * @param {{videoWidth: number, videoHeight: number}} video its size is the true one, after rotation
 * @param {Surroundings} around
 */
export function describeCamera(stream, video, around) {
  const track = stream.getVideoTracks()[0];
  if (track === undefined) return { error: "no_camera" };
  const settings = track.getSettings?.() ?? {};
  return {
    width: video.videoWidth,
    height: video.videoHeight,
    fps: Math.round(settings.frameRate ?? 0),
    facing: settings.facingMode ?? "unknown",
    label_class: classifyLabel(track.label),
    signals: injectionSignals(track, around),
  };
}
