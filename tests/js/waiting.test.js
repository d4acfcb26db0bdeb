/** Screens that wait for the server: what they say of it must be true while the line is gone. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { reduce } from "../../static/js/capture_machine.js";
import { COME_BACK_MS, PATIENCE_MS } from "../../static/js/effects.js";
import { fakePage } from "./fake_page.js";
import { EVENTS, hello, stateOn } from "./states.js";

/** @typedef {import("../../static/js/capture_state.js").State} State */
/** @typedef {import("../../static/js/capture_state.js").MachineEvent} MachineEvent */

/** @type {MachineEvent} */
const LOST = { type: "connection_lost" };
/** @type {MachineEvent} */
const BUSY = { type: "refused", code: "busy" };

/** @param {State} state @param {MachineEvent[]} events */
const after = (state, ...events) => events.reduce(reduce, state);

test("nobody is said to wait for others while the network is gone", () => {
  const busy = after(stateOn("align"), BUSY);
  const once = reduce(busy, LOST);
  assert.equal(once.screen, "busy", "the page itself hangs up to ask again");
  assert.equal(after(once, BUSY, LOST).screen, "busy", "and was answered");
  assert.equal(reduce(once, LOST).screen, "offline", "a try that failed as well");
});

test("what stood before the wait is found again", () => {
  for (const before of ["asking", "blocked"]) {
    const state = stateOn("busy", { before, camera: before === "asking" ? "asking" : "off" });
    const back = after(state, LOST, LOST, hello("camera"));
    assert.equal(back.screen, before);
  }
  const live = after(stateOn("align"), BUSY, LOST, LOST);
  assert.deepEqual([live.screen, reduce(live, hello("camera")).announcements], ["offline", 1]);
  assert.equal(reduce(live, BUSY).screen, "busy", "let in to the queue again");
});

test("a server that restarts is waited for a while, and not without end", () => {
  assert.ok((PATIENCE_MS.draining ?? 0) >= 20_000);
  const over = { type: /** @type {const} */ ("patience_over"), screen: "draining" };
  const draining = reduce(stateOn("challenge"), EVENTS.draining ?? LOST);
  const gone = after(draining, LOST, LOST, LOST);
  assert.equal(gone.screen, "draining", "it restarts");
  const offline = reduce(gone, over);
  assert.deepEqual([offline.screen, offline.before], ["offline", "challenge"]);
  const late = after(draining, LOST, over);
  assert.equal(late.screen, "draining", "as long as the line stands");
  assert.equal(reduce(late, LOST).screen, "offline");
});

test("lines that still count as pages are waited for, and nothing is taken from the phone", (context) => {
  context.mock.timers.enable({ apis: ["setInterval", "setTimeout"] });
  const full = /** @type {const} */ ({ type: "refused", code: "too_many_pages" });
  const page = fakePage(stateOn("waiting_phone"));
  page.dispatch(full);
  page.dispatch(full);
  const { screen, before, watches } = page.world.state;
  assert.deepEqual([screen, before, watches], ["offline", "waiting_phone", true]);
  context.mock.timers.tick(COME_BACK_MS);
  assert.equal(page.of("comeBack").length, 1);
  page.dispatch(hello("camera"));
  context.mock.timers.tick(3 * COME_BACK_MS);
  assert.equal(page.of("comeBack").length, 1, "it is back");
});
