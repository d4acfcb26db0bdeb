/** What the machine makes of what does not go well: a movement nobody can do, failures, a server that is full. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { reduce } from "../../static/js/capture_machine.js";
import { INITIAL_STATE, isHeard, SCREENS } from "../../static/js/capture_state.js";
import { CHALLENGE, EVENTS, hello, stateOn } from "./states.js";

/** @typedef {import("../../static/js/capture_state.js").State} State */
/** @typedef {import("../../static/js/capture_state.js").MachineEvent} MachineEvent */

/** @param {State} state @param {MachineEvent[]} events */
function after(state, ...events) {
  return events.reduce(reduce, state);
}

/** @param {string} name @returns {MachineEvent} */
function event(name) {
  const found = EVENTS[name];
  assert.ok(found, `no event ${name}`);
  return found;
}

/** Another movement was asked for, and the same kind came again. */
const swapping = () =>
  after(stateOn("challenge", { dialog: "help" }), event("swap pressed"), event("told camera"), event("challenge"));

/** @type {MachineEvent} */
const SWAP_REFUSED = { type: "swap_refused", id: "c2" };

test("only one refusal of a swap, until the next challenge", () => {
  const state = reduce(swapping(), SWAP_REFUSED);
  assert.deepEqual([state.swaps, state.swapRefused], [1, true]);
  const next = reduce(state, { type: "challenge", challenge: { ...CHALLENGE, id: "c3" } });
  assert.equal(next.swapRefused, false);
});

test("who asks for another movement sees it at once, and is told where there is none", () => {
  const asked = swapping();
  assert.equal(asked.dialog, null, "its time runs");
  assert.equal(reduce(asked, SWAP_REFUSED).dialog, "help");
  const leaving = reduce(asked, event("dialog asked"));
  assert.equal(reduce(leaving, SWAP_REFUSED).dialog, "leave", "what was asked since stays");
  const next = reduce(asked, { type: "challenge", challenge: { ...CHALLENGE, id: "c3" } });
  assert.equal(reduce(next, SWAP_REFUSED), next, "it was about the one before");
});

test("trying again uses the camera that is live, or asks for one", () => {
  const again = reduce(stateOn("retry"), event("retry pressed"));
  assert.deepEqual([again.screen, again.announcements, again.reason], ["align", 1, null]);
  const without = reduce(stateOn("retry", { camera: "off" }), event("retry pressed"));
  assert.deepEqual([without.screen, without.asks], ["asking", 1]);
});

test("a still that did not get through is taken again", () => {
  const failed = reduce(stateOn("uploading"), event("upload failed"));
  assert.deepEqual([failed.error, failed.retryable, failed.camera], ["upload_failed", true, "live"]);
  const again = reduce(failed, event("retry pressed"));
  assert.deepEqual([again.screen, again.connects, again.announcements], ["boot", failed.connects + 1, 0]);
  const asked = after(again, event("capture request"), hello("capture"), { type: "looked", look: 1 });
  assert.deepEqual([asked.screen, asked.uploads], ["uploading", failed.uploads + 1], "by another request");
});

test("no failure is left but by a connection, since it has closed the last one", () => {
  for (const error of ["upload_failed", "timeout", "internal"]) {
    for (const camera of /** @type {const} */ (["live", "off"])) {
      const again = reduce(stateOn("failed", { error, camera }), event("retry pressed"));
      assert.deepEqual(
        [again.screen, again.connects],
        ["boot", INITIAL_STATE.connects + 1],
        `${error}, ${camera}`,
      );
    }
  }
});

test("the first failure stays on the screen", () => {
  const first = reduce(stateOn("align"), event("error"));
  const echo = { ...event("error"), code: "timeout" };
  assert.equal(reduce(first, /** @type {MachineEvent} */ (echo)).error, "internal");
});

test("a failure that cannot be helped lets the camera go", () => {
  const refused = reduce(stateOn("align"), event("refused unknown"));
  assert.deepEqual([refused.retryable, refused.camera], [false, "off"]);
});

test("only a page that is bound to the session says whether it is seen", () => {
  const silent = [
    "boot",
    "uploading",
    "outcome",
    "superseded",
    "offline",
    "busy",
    "draining",
    "failed",
    "handoff",
    "waiting_phone",
  ];
  const heard = SCREENS.filter((screen) => isHeard(stateOn(screen)));
  assert.deepEqual(
    heard,
    SCREENS.filter((screen) => !silent.includes(screen)),
  );
  assert.equal(isHeard(stateOn("align", { watches: true })), false, "its phone has the session");
});

test("each answer of a server that is full is counted, since the page comes back after the last", () => {
  const full = after(INITIAL_STATE, event("refused busy"), event("refused busy"));
  assert.deepEqual([full.screen, full.refusals], ["busy", 2]);
});
