/**
 * The camera: what keeps it from the page, opening it, and what it says about itself.
 */

/** A permission prompt that nobody answers ends here, with a way to ask again. */
export const CAMERA_TIMEOUT_MS = 60_000;

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
 * @property {string} userAgent
 * @property {{allowsFeature(name: string): boolean}|undefined} featurePolicy
 * @property {Pick<MediaDevices, "getUserMedia"|"enumerateDevices">|undefined} mediaDevices
 */

/** @param {Window} page @returns {Surroundings} */
export function surroundingsOf(page) {
  const { document, navigator } = page;
  return {
    isSecureContext: page.isSecureContext,
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
 * What would keep the camera away before anybody is asked, or null.
 * @param {Surroundings} around
 * @returns {string|null} one of CAMERA_TROUBLES
 */
export function troubleBeforeAsking(around) {
  if (around.origin === "null") return "sandbox";
  if (!around.isSecureContext) return "insecure";
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
 * app's, which the person can only get around in a real browser.
 * @param {unknown} error
 * @param {Surroundings} around
 * @returns {string}
 */
export function classifyCameraError(error, around) {
  if (error instanceof CameraTrouble) return error.code;
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  const trouble = TROUBLE_OF[name] ?? "in_use";
  if (trouble === "denied" && isPolicyInTheWay(around)) return "policy";
  if (trouble === "denied" && WEB_VIEWS.test(around.userAgent)) return "webview";
  return trouble;
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

/**
 * Opens the camera, or throws the CameraTrouble. A stream that comes after the timeout is stopped, so
 * that no camera light burns for nobody.
 * @param {Surroundings} around
 * @param {string|null} deviceId
 * @param {number} [timeoutMs]
 * @returns {Promise<MediaStream>}
 */
export async function openCamera(around, deviceId, timeoutMs = CAMERA_TIMEOUT_MS) {
  const trouble = troubleBeforeAsking(around);
  if (trouble !== null || around.mediaDevices === undefined) throw new CameraTrouble(trouble ?? "webview");
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
    throw new CameraTrouble(classifyCameraError(error, around));
  } finally {
    clearTimeout(timer);
  }
}

/** @param {MediaStream|null} stream */
export function stopStream(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/**
 * The cameras a person may choose from. Labels are only there once one camera was allowed.
 * @param {Surroundings} around
 * @param {number} [timeoutMs]
 * @returns {Promise<{id: string, label: string}[]>}
 */
export async function listCameras(around, timeoutMs = LIST_TIMEOUT_MS) {
  const asked = around.mediaDevices?.enumerateDevices().catch(() => []) ?? [];
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let timer;
  /** @type {Promise<MediaDeviceInfo[]>} */
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve([]), timeoutMs);
  });
  const devices = await Promise.race([asked, late]).finally(() => clearTimeout(timer));
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
