/**
 * Wiring only: boot data, the parts, and the one loop from event to state to view and effects.
 */

import { io } from "../vendor/socket.io.esm.min.js";
import { isPolicyInTheWay, listCameras, surroundingsOf, troubleBeforeAsking } from "./camera.js";
import { createCameraSession } from "./camera_session.js";
import { reduce } from "./capture_machine.js";
import { INITIAL_STATE } from "./capture_state.js";
import { createEffects } from "./effects.js";
import { createFrameStream, freshFrames } from "./frame_stream.js";
import { createTranslate } from "./messages.js";
import { createCommands, newPageId, readBoot, tokenOf, watchHeight } from "./page.js";
import { createParentMessages } from "./parent_messages.js";
import { createPictures } from "./picture.js";
import { createSocket } from "./socket.js";
import { uploadStill } from "./upload.js";
import { createView } from "./view.js";

const boot = readBoot(document);
const t = createTranslate(boot.messages);
const around = surroundingsOf(window);
const isFramed = window.parent !== window;
const pageId = newPageId(crypto);
const tellParent = createParentMessages({
  parent: window.parent,
  self: window,
  frameOrigin: boot.frameOrigin,
  sessionId: boot.sessionId,
  now: Date.now,
});

let state = INITIAL_STATE;

/** @param {import("./capture_state.js").MachineEvent} event */
function dispatch(event) {
  const previous = state;
  state = reduce(state, event);
  if (state === previous) return;
  view.render(state, previous);
  effects.follow(state, previous);
}

const video = document.createElement("video");
Object.assign(video, { muted: true, autoplay: true, playsInline: true });
video.setAttribute("playsinline", "");
video.setAttribute("aria-hidden", "true");

const pictures = createPictures(video);
const camera = createCameraSession({ video, around, dispatch });
const socket = createSocket({
  io,
  token: tokenOf(location),
  dispatch,
  hello: () => ({
    page_id: pageId,
    last_seq: stream.lastSeq,
    language: boot.language,
    embed: { iframe: isFramed, camera_allowed: !isPolicyInTheWay(around) },
    accessibility: { avoid: [], more_time: false },
  }),
});
const stream = createFrameStream({
  nextFrame: freshFrames(video),
  encode: () => pictures.frame(state.framePolicy),
  send: socket.frame,
  pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  now: () => performance.now(),
  challengeId: () => (state.screen === "challenge" ? (state.challenge?.id ?? null) : null),
  nonce: () => state.nonce,
  fps: () => state.framePolicy.fps,
  onFrozen: () => document.hidden || dispatch({ type: "camera_lost", trouble: "lost" }),
});
const view = createView({
  page: document,
  video,
  surface: { t, organization: boot.organization.name, isFramed, userAgent: navigator.userAgent },
  listCameras: () => listCameras(around),
  dispatch,
  onCommand: createCommands({ page: window, tellParent, onCopied: () => view.tell(t("spoken.copied")) }),
});
const effects = createEffects({
  socket,
  camera,
  stream,
  video,
  dispatch,
  tellParent,
  upload: async (ticket, maxBytes) => {
    const still = pictures.still(maxBytes);
    if (still === null) return { type: "upload_failed", supportId: null };
    return uploadStill(fetch.bind(window), ticket, still);
  },
  goTo: (url) => location.replace(url),
  consentVersion: boot.consent.version,
  isFramed,
  isHidden: () => document.hidden,
});

document.addEventListener("visibilitychange", () => {
  void socket.visibility(document.hidden);
  effects.follow(state, state);
});

tellParent("ready");
watchHeight(document, (height) => tellParent("resize", { height }));
view.render(state, { ...state, screen: "" });
effects.follow(state, { ...INITIAL_STATE, screen: "", connects: boot.result === null ? 0 : 1 });
if (boot.result !== null) dispatch({ type: "result", result: boot.result });
else if (troubleBeforeAsking(around) === "sandbox") dispatch({ type: "camera_failed", trouble: "sandbox" });
