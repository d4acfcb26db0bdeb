import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { reduce } from "../../static/js/capture_machine.js";
import { INITIAL_STATE } from "../../static/js/capture_state.js";
import { COME_BACK_MS, createEffects } from "../../static/js/effects.js";
import { EVENTS } from "./states.js";

/** @typedef {import("../../static/js/capture_state.js").State} State */

Object.assign(globalThis, { window: globalThis });

/** The effects with parts that do nothing, and how often the page came back. */
function setUp() {
  const done = { comeBacks: 0 };
  const nothing = () => {};
  const parts = {
    socket: {
      connect: nothing,
      comeBack: () => {
        done.comeBacks += 1;
      },
    },
    camera: { close: nothing },
    stream: { start: nothing, stop: nothing },
    watch: { start: nothing, stop: nothing },
    video: { paused: false },
    tellParent: nothing,
    isHidden: () => false,
  };
  const effects = createEffects(/** @type {any} */ (parts));
  /** @type {State} */
  let state = INITIAL_STATE;
  return {
    done,
    /** @param {string} name of the event that happens */
    happen(name) {
      const previous = state;
      state = reduce(state, /** @type {any} */ (EVENTS[name]));
      effects.follow(state, previous);
    },
  };
}

test("a server that was full is asked again so long after its last answer", () => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const { done, happen } = setUp();
  happen("refused busy");
  mock.timers.tick(COME_BACK_MS - 1);
  happen("refused busy");
  mock.timers.tick(COME_BACK_MS - 1);
  assert.equal(done.comeBacks, 0, "the person had pressed meanwhile");
  mock.timers.tick(1);
  assert.equal(done.comeBacks, 1);
  mock.timers.tick(COME_BACK_MS);
  assert.equal(done.comeBacks, 2, "and again, if nothing comes of it");
  happen("hello consent");
  mock.timers.tick(COME_BACK_MS);
  assert.equal(done.comeBacks, 2);
  mock.timers.reset();
});
