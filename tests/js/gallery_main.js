/**
 * Stands in for main.js in the gallery: the page's own view, and no socket, camera or upload.
 *
 * `window.gallery.show(name)` draws a look as the page draws it; the camera shows an empty room.
 */

import { INITIAL_STATE } from "../../static/js/capture_state.js";
import { createTranslate } from "../../static/js/messages.js";
import { readBoot, watchHeight } from "../../static/js/page.js";
import { createView } from "../../static/js/view.js";
import { looks } from "./gallery_states.js";

/** @typedef {import("./gallery_states.js").Look} Look */

const ROOM = Object.freeze({ width: 640, height: 480 });
const CAMERAS = Object.freeze([
  { id: "front", label: "Front camera" },
  { id: "desk", label: "" },
]);

const boot = readBoot(document);
const all = new Map(looks().map((look) => [look.name, look]));
const pristine = ["shell", "polite", "urgent"].map((id) => /** @type {Node} */ (document.getElementById(id)));
const copies = pristine.map((element) => element.cloneNode(true));
const translate = createTranslate(boot.messages, boot.direction);
/** @type {Set<string>} keys of the texts that any look has shown */
const shownKeys = new Set();

/** @type {import("../../static/js/messages.js").Translate} */
function t(key, values) {
  shownKeys.add(key);
  return translate(key, values);
}

/** A lit wall: the gallery shows nobody. @returns {MediaStream} */
function emptyRoom() {
  const canvas = Object.assign(document.createElement("canvas"), ROOM);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const light = context.createLinearGradient(0, 0, ROOM.width, ROOM.height);
  light.addColorStop(0, "#b9b4aa");
  light.addColorStop(1, "#7d7a75");
  context.fillStyle = light;
  context.fillRect(0, 0, ROOM.width, ROOM.height);
  return canvas.captureStream();
}

const video = document.createElement("video");
Object.assign(video, { muted: true, autoplay: true, playsInline: true, srcObject: emptyRoom() });
video.setAttribute("aria-hidden", "true");
const isPlaying = new Promise((resolve) => video.addEventListener("playing", resolve, { once: true }));

/** The page as it was sent, so that nothing of the look before is left. */
function clear() {
  const now = ["shell", "polite", "urgent"].map((id) => document.getElementById(id));
  now.forEach((element, place) => {
    element?.replaceWith(/** @type {Node} */ (copies[place]).cloneNode(true));
  });
}

/** @param {Look} look */
function draw({ state, areDetailsOpen = false, cameras = 2, ...around }) {
  const { isFramed = false, userAgent = navigator.userAgent, canHandOff = true } = around;
  clear();
  const view = createView({
    page: document,
    video,
    surface: { t, organization: boot.organization.name, isFramed, userAgent, canHandOff },
    listCameras: async () => CAMERAS.slice(0, cameras),
    speech: { isAvailable: true, say: () => {}, hush: () => {} },
    dispatch: () => {},
    onCommand: () => {},
  });
  watchHeight(document, () => {});
  // As one comes there: from the same screen without what lies over it.
  view.render({ ...state, dialog: null }, { ...INITIAL_STATE, screen: "" });
  view.render(state, state);
  for (const details of document.querySelectorAll("details")) details.open = areDetailsOpen;
}

/** @param {number} count */
async function frames(count) {
  for (let left = count; left > 0; left -= 1) await new Promise((resolve) => requestAnimationFrame(resolve));
}

Object.assign(window, {
  gallery: {
    names: [...all.keys()],
    messages: Object.keys(boot.messages),
    shownKeys: () => [...shownKeys],
    /** @param {string} name */
    async show(name) {
      const look = all.get(name);
      if (look === undefined) throw new Error(`the gallery has no look ${name}`);
      draw(look);
      await video.play().catch(() => {});
      await isPlaying;
      await frames(2);
    },
  },
});
document.documentElement.dataset.gallery = "hung";
