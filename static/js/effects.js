/**
 * What follows from a change of the state: each effect is derived from the state before and after it.
 */

import { isAway, isHeard, isPaused, LIVE_SCREENS } from "./capture_state.js";
import { REDIRECT_DELAY_MS } from "./cards_outcome.js";
import { freshFrames } from "./frame_stream.js";
import { rememberCamera } from "./memory.js";
import { readResult, readServerEvent } from "./wire.js";

/** How long each screen may wait before it says so, or gives another way on. */
export const PATIENCE_MS = Object.freeze({
  boot: 12_000,
  asking: 15_000,
  align: 30_000,
  capture: 15_000,
  uploading: 40_000,
  processing: 20_000,
  offline: 20_000,
  draining: 30_000,
});

/** So long the person is shown themselves before a still is taken again, and can do something about it. */
export const LOOK_MS = 1_000;

/** How often a server that was full or going down is asked again. */
export const COME_BACK_MS = 5_000;

const TELEMETRY_BATCH = 8;

/** Screens on which the session may not have begun; the first other one says that it has. */
const BEFORE_THE_START = Object.freeze(["boot", "offline", "busy", "draining", "superseded", "failed", "outcome"]);

/**
 * @typedef {import("./capture_state.js").State} State
 * @typedef {import("./capture_state.js").MachineEvent} MachineEvent
 */

/**
 * @typedef {object} Parts
 * @property {ReturnType<typeof import("./socket.js").createSocket>} socket
 * @property {ReturnType<typeof import("./camera_session.js").createCameraSession>} camera
 * @property {ReturnType<typeof import("./frame_stream.js").createFrameStream>} stream
 * @property {{start: () => void, stop: () => void}} watch over the picture itself
 * @property {HTMLVideoElement} video
 * @property {(ticket: string, maxBytes: number) => Promise<import("./upload.js").UploadAnswer>} upload
 * @property {(type: string, data?: object) => void} tellParent
 * @property {(event: MachineEvent) => void} dispatch
 * @property {(url: string) => void} goTo
 * @property {string} consentVersion
 * @property {boolean} isFramed
 * @property {() => boolean} isHidden
 */

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Whether frames should flow. A person who reads the help is not hurried. @param {State} state */
function wantsFrames(state) {
  return state.camera === "live" && LIVE_SCREENS.includes(state.screen) && !isPaused(state);
}

/** Felt by who does not look at the screen: short for done, twice for not done. */
const VIBRATION_MS = Object.freeze({ passed: [40], failed: [60, 80, 60] });

/** @param {State} next @param {State} previous @returns {keyof typeof VIBRATION_MS|null} */
export function feltOf(next, previous) {
  if (next.screen === "challenge" && next.passed > previous.passed && next.percent === 100) return "passed";
  return next.screen === "retry" && previous.screen !== "retry" ? "failed" : null;
}

/** A page that nobody has pressed yet may not vibrate, and would be told so on the console. @param {keyof typeof VIBRATION_MS} kind */
function vibrate(kind) {
  if (navigator.userActivation?.hasBeenActive === false) return;
  navigator.vibrate?.(VIBRATION_MS[kind]);
}

/** @param {Parts} parts */
export function createEffects(parts) {
  const { socket, camera, stream, watch, video, dispatch, tellParent } = parts;
  const nextPicture = freshFrames(video);
  /** @type {State|null} the last state that was followed */
  let shown = null;
  let patience = 0;
  let hasStarted = false;
  let comingBack = 0;
  /** @type {{name: string, at_ms: number}[]} */
  let events = [];

  /** Counters that grew: each asks for its effect once. @param {State} next @param {State} previous */
  function onCounters(next, previous) {
    if (next.connects > previous.connects) socket.connect();
    if (next.asks > previous.asks) void camera.open(next.cameraId);
    if (next.greetings > previous.greetings) void socket.greet();
    if (next.announcements > previous.announcements) void socket.camera(camera.describe());
    if (next.answers > previous.answers) void socket.consent(parts.consentVersion, next.consent === "accepted");
    if (next.lightAnswers > previous.lightAnswers) void socket.lightReady(next.lightAnswer === "accepted");
    if (next.swaps > previous.swaps && next.challenge !== null) void socket.swap(next.challenge.id);
    if (next.uploads > previous.uploads && next.capture !== null) {
      void upload(next.capture, next.uploads);
    }
    if (next.looks > previous.looks) void lookFirst(next.looks);
    if (next.leaves > previous.leaves) void leave();
  }

  /** @param {import("./protocol.js").CaptureRequest} request @param {number} number which upload it is */
  async function upload({ ticket, maxBytes }, number) {
    const answer = await parts.upload(ticket, maxBytes);
    dispatch({ ...answer, upload: number });
  }

  /** @param {number} number which look before a still */
  function isLooking(number) {
    return shown !== null && shown.screen === "capture" && shown.isLooking && shown.looks === number;
  }

  /** Whether the person looks at the page. */
  function isSeen() {
    return shown !== null && !isAway(shown) && !parts.isHidden();
  }

  /** The still will be one that the camera shows after the person has seen themselves. @param {number} number */
  async function lookFirst(number) {
    while (isLooking(number)) {
      const wasSeen = isSeen();
      await Promise.all([nextPicture(), pause(LOOK_MS)]);
      const isNew = wasSeen && isSeen() && (await nextPicture()) !== null;
      if (isNew && isSeen()) dispatch({ type: "looked", look: number });
    }
  }

  /** What the server answers is so. Once the photo is in, it tells how the session stands. */
  async function leave() {
    const ack = await socket.cancel();
    const result = ack.ok ? readResult(ack.result) : null;
    if (result !== null) return dispatch({ type: "result", result });
    if (ack.ok) return dispatch({ type: "left" });
    dispatch({ type: "leave_refused", code: ack.code ?? "unknown" });
    const standing = ack.code === "not_expected" ? readServerEvent("state", ack) : null;
    if (standing !== null) dispatch(standing);
  }

  /** A dialog over what is asked hides it as another tab does. @param {State} next @param {State} previous */
  function onPause(next, previous) {
    const [is, was] = [isPaused(next), isPaused(previous)];
    if (is && !was) void socket.visibility(true, "dialog");
    if (was && !is && isHeard(next) && !parts.isHidden()) void socket.visibility(false, "dialog");
  }

  /** From now on: also once a person looks again. @param {string} screen */
  function startPatience(screen) {
    clearTimeout(patience);
    const limit = /** @type {Record<string, number>} */ (PATIENCE_MS)[screen];
    if (limit !== undefined) bePatient(screen, limit);
  }

  /** Nobody is told of waiting too long for a still while they look elsewhere. @param {string} screen @param {number} limit */
  function bePatient(screen, limit) {
    patience = window.setTimeout(() => {
      if (shown?.isLooking && !isSeen()) bePatient(screen, limit);
      else dispatch({ type: "patience_over", screen });
    }, limit);
  }

  /** @param {State} next @param {State} previous */
  function onCamera(next, previous) {
    if (next.camera === "off" && previous.camera !== "off") camera.close();
    const isTold = next.screen === "blocked" && previous.screen !== "blocked" && next.trouble !== null;
    if (isTold) void socket.camera({ error: next.trouble });
    const isCapturing = wantsFrames(next) && !parts.isHidden();
    if (isCapturing) stream.start();
    else stream.stop();
    // In coloured light a dark picture may be what was asked for.
    if (isCapturing && next.screen !== "light") watch.start();
    else watch.stop();
    if (next.camera !== "live") return;
    // The last picture stays while a connection is awaited or the still is on its way.
    const isStill = ["offline", "draining", "uploading", "processing"].includes(next.screen);
    if (isStill && !video.paused) video.pause();
    if (!isStill && video.paused) void video.play().catch(() => {});
  }

  /** Counted from the server's last answer. @param {State} next @param {boolean} isRefused just now */
  function comeBackLater({ screen, retryInMs }, isRefused) {
    clearInterval(comingBack);
    const isAskedAgain = screen === "busy" || screen === "draining" || (screen === "offline" && isRefused);
    if (!isAskedAgain) return;
    comingBack = window.setInterval(() => socket.comeBack(), Math.max(COME_BACK_MS, retryInMs));
  }

  /** @param {State} next */
  function onNewScreen(next) {
    const { screen } = next;
    startPatience(screen);
    if (screen === "superseded" || screen === "outcome" || screen === "failed") socket.close();
    events.push({ name: `screen_${screen}`, at_ms: Math.round(performance.now()) });
    if (events.length >= TELEMETRY_BATCH) {
      void socket.telemetry(events);
      events = [];
    }
  }

  /** @param {State} next */
  function onOutcome({ result }) {
    const { outcome = "expired", reason = null, redirect = null } = result ?? {};
    if (outcome === "cancelled") tellParent("cancelled", { outcome });
    else tellParent("completed", { outcome, reason });
    if (redirect === null || parts.isFramed) return;
    const delay = outcome === "approved" ? REDIRECT_DELAY_MS.approved : REDIRECT_DELAY_MS.other;
    window.setTimeout(() => parts.goTo(redirect.url), delay);
  }

  /** @param {State} next */
  function tellParentOf(next) {
    if (!hasStarted && !BEFORE_THE_START.includes(next.screen)) {
      hasStarted = true;
      tellParent("started");
    }
    tellParent("step", { step: next.screen });
    if (next.screen === "blocked") tellParent("error", { code: next.trouble });
    if (next.screen === "failed") tellParent("error", { code: next.error });
    if (next.screen === "outcome") onOutcome(next);
  }

  return {
    /** @param {State} next @param {State} previous */
    follow(next, previous) {
      shown = next;
      if (next.screen !== previous.screen) {
        onNewScreen(next);
        tellParentOf(next);
      }
      const isRefused = next.refusals > previous.refusals;
      if (next.screen !== previous.screen || isRefused) comeBackLater(next, isRefused);
      if (isAway(previous) && !isAway(next)) startPatience(next.screen);
      onPause(next, previous);
      if (next.cameraId !== null && next.cameraId !== previous.cameraId) rememberCamera(next.cameraId);
      const felt = feltOf(next, previous);
      if (felt !== null) vibrate(felt);
      onCounters(next, previous);
      onCamera(next, previous);
      const isHidden = parts.isHidden();
      // Last: what follows from it is followed at once.
      if (isHidden !== next.isHidden) dispatch({ type: isHidden ? "page_hidden" : "page_shown" });
    },
  };
}
