/** The page's own loop from event to state to effects, with parts that do nothing but note what they were asked. */

import { reduce } from "../../static/js/capture_machine.js";
import { createEffects } from "../../static/js/effects.js";

/** @typedef {import("../../static/js/capture_state.js").State} State */
/** @typedef {import("../../static/js/capture_state.js").MachineEvent} MachineEvent */
/** @typedef {import("../../static/js/protocol.js").Ack} Ack */

Object.assign(globalThis, { window: globalThis });
// Node has one from its version 21 on.
if (!("navigator" in globalThis)) Object.assign(globalThis, { navigator: {} });

/** Lets everything that is ready run. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A video whose pictures come when the test wants, and stand while it is paused. */
function fakeVideo() {
  /** @type {(() => void)[]} */
  let waiting = [];
  return {
    paused: false,
    readyState: 4,
    currentTime: 1,
    async play() {
      this.paused = false;
    },
    pause() {
      this.paused = true;
    },
    /** @param {() => void} callback */
    requestVideoFrameCallback: (callback) => waiting.push(callback),
    /** The camera shows the next picture. */
    show() {
      if (!this.paused) this.currentTime += 1;
      const callbacks = waiting;
      waiting = [];
      for (const callback of callbacks) callback();
    },
  };
}

/**
 * @param {State} from
 * @param {{cancel?: () => Promise<Ack>, upload?: () => Promise<import("../../static/js/upload.js").UploadAnswer>}} answers
 */
export function fakePage(from, answers = {}) {
  /** @type {unknown[][]} what the server, the parent and the upload were given, in order */
  const done = [];
  const video = fakeVideo();
  const world = { state: from, isHidden: from.isHidden, video };
  const nothing = () => {};
  const note =
    (/** @type {string} */ name) =>
    async (/** @type {unknown[]} */ ...given) => {
      done.push([name, ...given]);
    };
  const socket = {
    ...Object.fromEntries(
      ["connect", "comeBack", "close", "greet", "camera", "consent", "lightReady", "swap", "visibility"].map(
        (name) => [name, note(name)],
      ),
    ),
    telemetry: nothing,
    cancel: () => {
      done.push(["cancel"]);
      return answers.cancel?.() ?? new Promise(nothing);
    },
  };
  const parts = {
    socket,
    camera: { open: nothing, close: nothing, describe: () => "camera" },
    stream: { start: () => done.push(["frames"]), stop: () => done.push(["no frames"]) },
    watch: { start: nothing, stop: nothing },
    video,
    upload: (/** @type {string} */ ticket) => {
      done.push(["upload", ticket, video.paused ? "a standing picture" : video.currentTime]);
      return answers.upload?.() ?? new Promise(nothing);
    },
    tellParent: (/** @type {string} */ type) => done.push(["parent", type]),
    dispatch,
    goTo: nothing,
    consentVersion: "v",
    isFramed: false,
    isHidden: () => world.isHidden,
  };
  const effects = createEffects(/** @type {any} */ (parts));

  /** @param {MachineEvent} event */
  function dispatch(event) {
    const previous = world.state;
    world.state = reduce(previous, event);
    if (world.state !== previous) effects.follow(world.state, previous);
  }

  return {
    world,
    video,
    dispatch,
    done,
    /** What was done by these parts. @param {string[]} names */
    of: (...names) => done.filter(([name]) => names.includes(String(name))),
    /** As main.js does when the tab is hidden or seen again. @param {boolean} isHidden */
    hide(isHidden) {
      world.isHidden = isHidden;
      effects.follow(world.state, world.state);
    },
  };
}
