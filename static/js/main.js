/**
 * Wiring only: boot data, the parts, and the one loop from event to state to view and effects.
 */

import { io } from "../vendor/socket.io.esm.min.js";
import { agentOf } from "./browser.js";
import { isPolicyInTheWay, listCameras, surroundingsOf, troubleBeforeConnecting } from "./camera.js";
import { createCameraSession } from "./camera_session.js";
import { reduce } from "./capture_machine.js";
import { INITIAL_STATE, isHeard } from "./capture_state.js";
import { CONTINUE } from "./cards_outcome.js";
import { createEffects } from "./effects.js";
import { createFrameStream, freshFrames } from "./frame_stream.js";
import { createHandoffEffects } from "./handoff_effects.js";
import { rememberedCamera } from "./memory.js";
import { createTranslate } from "./messages.js";
import { createCommands, isOnPhone, newPageId, readBoot, reloadWhenBack, tokenOf, watchHeight } from "./page.js";
import { createParentMessages, integratorOf, keepFrameOrigin, listenToParent } from "./parent_messages.js";
import { createPictures } from "./picture.js";
import { createPictureWatch } from "./picture_watch.js";
import { createSocket } from "./socket.js";
import { createSpeech } from "./speech.js";
import { uploadStill } from "./upload.js";
import { createView, linkOf, WITHOUT_LEAVE } from "./view.js";

const boot = readBoot(document);
const t = createTranslate(boot.messages, boot.direction);
const around = surroundingsOf(window);
const barred = troubleBeforeConnecting(around);
const isFramed = window.parent !== window;
const pageId = newPageId(crypto);
const integrator = integratorOf(window);
const tellParent = createParentMessages({
  parent: integrator,
  self: window,
  frameOrigin: boot.frameOrigin,
  sessionId: boot.sessionId,
  now: Date.now,
});

/** @type {import("./capture_state.js").State} */
let state = { ...INITIAL_STATE, cameraId: rememberedCamera(), watches: boot.arrival === "watch" };

/** @param {import("./capture_state.js").MachineEvent} event */
function dispatch(event) {
  const previous = state;
  state = reduce(state, event);
  if (state === previous) return;
  view.render(state, previous);
  effects.follow(state, previous);
  handoffEffects.follow(state, previous);
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
  watches: () => state.watches,
  hello: () => ({
    page_id: pageId,
    last_seq: stream.lastSeq,
    language: boot.language,
    embed: { iframe: isFramed, camera_allowed: !isPolicyInTheWay(around) },
    accessibility: { avoid: [...state.needs.avoid], more_time: state.needs.moreTime },
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
const watch = createPictureWatch({ video, onTrouble: (trouble) => dispatch({ type: "camera_lost", trouble }) });
const view = createView({
  page: document,
  video,
  surface: {
    t,
    organization: boot.organization.name,
    isFramed,
    canTell: boot.frameOrigin !== null,
    userAgent: agentOf(navigator),
    ownConsent: boot.consent.paragraphs,
    canHandOff: boot.arrival !== "phone" && !isOnPhone(window) && barred === null,
  },
  listCameras: () => listCameras(around),
  dispatch,
  speech: createSpeech({ synthesis: window.speechSynthesis, language: boot.language }),
  onCommand: createCommands({
    page: window,
    tellParent,
    address: () => state.handoff?.link ?? linkOf(location),
    onCopied: (isCopied) =>
      isCopied ? view.tell(t("spoken.copied"), "copy_link") : dispatch({ type: "dialog_asked", dialog: "link" }),
  }),
});
const handoffEffects = createHandoffEffects({ socket, dispatch });
const effects = createEffects({
  socket,
  camera,
  stream,
  watch,
  video,
  dispatch,
  tellParent,
  upload: async (ticket, maxBytes) => {
    const still = pictures.still(maxBytes);
    if (still === null) return { type: "upload_failed", supportId: null };
    return uploadStill(fetch.bind(window), ticket, still);
  },
  goTo: () => location.replace(CONTINUE),
  consentVersion: boot.consent.version,
  isFramed,
  isHidden: () => document.hidden,
});

document.addEventListener("visibilitychange", () => {
  if (isHeard(state)) void socket.visibility(document.hidden);
  effects.follow(state, state);
});

listenToParent({
  page: window,
  parent: integrator,
  frameOrigin: boot.frameOrigin,
  onClose: () => {
    if (WITHOUT_LEAVE.includes(state.screen)) tellParent("close_request");
    else dispatch({ type: "dialog_asked", dialog: "leave" });
  },
});
keepFrameOrigin({ page: window, parent: integrator, frameOrigin: boot.frameOrigin });
tellParent("ready");
watchHeight(document, (height) => tellParent("resize", { height }));
view.render(state, { ...state, screen: "" });
effects.follow(state, { ...state, screen: "", connects: boot.result === null && barred === null ? 0 : 1 });
if (boot.result !== null) dispatch({ type: "result", result: boot.result });
else if (barred !== null) dispatch({ type: "camera_failed", trouble: barred });
reloadWhenBack(window);
