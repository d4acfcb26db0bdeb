/** The still that is taken again: of a person who was shown themselves, and for its true cause. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { reduce } from "../../static/js/capture_machine.js";
import { createTranslate } from "../../static/js/messages.js";
import { promptOf } from "../../static/js/prompts.js";
import { englishMessages } from "./copy.js";
import { fakePage, settle } from "./fake_page.js";
import { EVENTS, hello, stateOn, told } from "./states.js";

/** @typedef {import("../../static/js/capture_state.js").State} State */
/** @typedef {import("../../static/js/capture_state.js").MachineEvent} MachineEvent */

const t = createTranslate(englishMessages());

/** @param {State} state @param {MachineEvent[]} events */
const after = (state, ...events) => events.reduce(reduce, state);

/** @param {string} ticket @returns {MachineEvent} */
const request = (ticket) => ({ type: "capture_request", capture: { ticket, maxBytes: 5 } });

/** @param {number} upload @param {string|null} [code] @returns {MachineEvent} */
const refused = (upload, code = null) => ({ type: "upload_failed", upload, code, supportId: "s" });

/** The time passes, and what waited for it goes on. @param {number} ms */
async function pass(ms) {
  mock.timers.tick(ms);
  await settle();
}

/** @param {() => Promise<void>} body */
async function inMockedTime(body) {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  try {
    await body();
  } finally {
    mock.timers.reset();
  }
}

test("the first still is taken at once, while the picture moves", async () => {
  const page = fakePage(stateOn("capture"));
  page.dispatch(request("t1"));
  assert.deepEqual(page.of("upload"), [["upload", "t1", 1]]);
  assert.deepEqual([page.world.state.screen, page.video.paused], ["uploading", true]);
});

for (const screen of ["uploading", "offline", "draining", "boot"]) {
  test(`one that is asked for on ${screen} shows the person first, and is a picture of then`, () =>
    inMockedTime(async () => {
      const page = fakePage(stateOn(screen, { camera: "live", uploads: 1 }));
      page.video.pause();
      page.dispatch(request("t2"));
      await settle();
      assert.deepEqual([page.world.state.screen, page.video.paused], ["capture", false]);
      assert.equal(promptOf(page.world.state, t), t("prompt.capture"));
      page.video.show();
      await pass(900);
      assert.deepEqual(page.of("upload"), [], "there is time to do something about it");
      await pass(200);
      assert.deepEqual(page.of("upload"), [], "no picture has come since");
      page.video.show();
      await settle();
      assert.deepEqual(page.of("upload"), [["upload", "t2", page.video.currentTime]]);
      assert.deepEqual([page.world.state.screen, page.video.paused], ["uploading", true]);
      await pass(5_000);
      assert.equal(page.of("upload").length, 1);
    }));
}

test("nobody is photographed while they look elsewhere", () =>
  inMockedTime(async () => {
    const page = fakePage(stateOn("uploading"));
    page.dispatch(request("t2"));
    page.dispatch({ type: "dialog_asked", dialog: "leave" });
    for (let second = 0; second < 20; second += 1) {
      page.video.show();
      await pass(1_000);
    }
    assert.deepEqual(page.of("upload"), []);
    assert.deepEqual([page.world.state.screen, page.world.state.dialog], ["capture", "leave"], "nor told of it");
    page.dispatch({ type: "dialog_closed" });
    page.hide(true);
    await pass(1_000);
    page.video.show();
    await pass(1_000);
    assert.deepEqual(page.of("upload"), []);
    page.hide(false);
    page.video.show();
    await pass(900);
    page.video.show();
    await settle();
    assert.deepEqual(page.of("upload"), [], "who comes back has as long");
    for (let look = 0; look < 3; look += 1) {
      page.video.show();
      await pass(1_000);
    }
    assert.equal(page.of("upload").length, 1);
  }));

test("what was looked at for another request, or is over, takes nothing", () => {
  const looking = reduce(stateOn("uploading"), request("t2"));
  const { looks } = looking;
  assert.equal(reduce(looking, { type: "looked", look: looks - 1 }), looking);
  const over = reduce(looking, told("retry", { reason: "quality" }));
  assert.equal(reduce(over, { type: "looked", look: looks }), over);
  const later = after(looking, request("t3"), { type: "looked", look: looks });
  assert.deepEqual([later.screen, later.capture?.ticket, later.uploads], ["uploading", "t3", 2]);
});

test("a connection that comes back shows the person first as well", () => {
  const back = after(stateOn("offline", { before: "uploading" }), request("t2"), hello("capture", { nonce: "n" }));
  assert.deepEqual([back.screen, back.nonce, back.isLooking], ["capture", "n", true]);
  assert.equal(reduce(back, { type: "looked", look: back.looks }).screen, "uploading");
});

for (const code of ["no_face", "not_an_image", "quality"]) {
  test(`a photo refused as ${code} is no weak connection, whatever comes first`, () => {
    const refusal = refused(1, code);
    const [ask, state] = [request("t2"), told("capture", { nonce: "n" })];
    const orders = [
      [refusal, state, ask],
      [state, refusal, ask],
      [state, ask, refusal],
    ];
    for (const order of orders) {
      const waiting = after(stateOn("uploading"), ...order);
      assert.deepEqual([waiting.screen, waiting.capture?.ticket, waiting.isLooking], ["capture", "t2", true]);
      const again = reduce(waiting, { type: "looked", look: waiting.looks });
      assert.deepEqual([again.screen, again.uploads], ["uploading", 2]);
    }
  });
}

test("a camera that was opened anew for the still shows the person first", () => {
  const opened = after(stateOn("uploading"), { type: "camera_lost", trouble: "lost" }, { type: "start_pressed" });
  const asked = after(opened, { type: "camera_opened" }, request("t2"), told("capture", { nonce: "n" }));
  assert.deepEqual([asked.announcements, asked.screen, asked.isLooking, asked.nonce], [1, "capture", true, "n"]);
  assert.equal(reduce(asked, { type: "looked", look: asked.looks }).capture?.ticket, "t2");
});

test("a look that is over before the request takes the still as the request comes", () => {
  const looked = after(stateOn("uploading"), refused(1, "no_face"), { type: "looked", look: 1 });
  assert.deepEqual([looked.screen, looked.isLooking], ["capture", false]);
  assert.equal(reduce(looked, request("t2")).screen, "uploading");
});

test("a refusal after which nobody says how it goes on does not wait for ever", () => {
  const waiting = after(stateOn("uploading"), refused(1, "no_face"), { type: "looked", look: 1 });
  const over = reduce(waiting, { type: "patience_over", screen: "capture" });
  assert.deepEqual([over.screen, over.error, over.retryable], ["failed", "timeout", true]);
});

test("the third refusal is one for quality, and says so", () => {
  const order = [refused(1, "no_face"), told("retry", { reason: "quality" })];
  for (const events of [order, [...order].reverse()]) {
    const state = after(stateOn("uploading"), ...events);
    assert.deepEqual([state.screen, state.reason, state.isLooking], ["retry", "quality", false]);
  }
});

test("a still that was not expected waits for the server's word", () => {
  const state = stateOn("uploading");
  assert.equal(reduce(state, refused(1, "not_expected")), state);
  assert.equal(after(state, refused(1, "not_expected"), told("processing")).screen, "processing");
});

test("only a line that fails is called one", () => {
  assert.equal(reduce(stateOn("uploading"), refused(1)).error, "upload_failed");
  for (const code of ["too_large", "unavailable", "constructor"]) {
    const failed = reduce(stateOn("uploading"), refused(1, code));
    assert.deepEqual([failed.screen, failed.error, failed.retryable], ["failed", code, true]);
  }
});

test("a ticket that lay too long is asked for anew, once", () => {
  const asked = reduce(stateOn("uploading"), refused(1, "bad_ticket"));
  assert.deepEqual([asked.screen, asked.greetings], ["uploading", 1]);
  const again = after(asked, request("t2"), { type: "looked", look: asked.looks + 1 });
  assert.deepEqual([again.screen, again.capture?.ticket], ["uploading", "t2"]);
  const failed = reduce(again, refused(again.uploads, "bad_ticket"));
  assert.deepEqual([failed.screen, failed.error, failed.greetings], ["failed", "bad_ticket", 1]);
});

test("a new attempt begins without a look", () => {
  const looking = reduce(stateOn("uploading"), request("t2"));
  const fresh = after(looking, told("retry", { reason: "quality" }), EVENTS["retry pressed"] ?? request(""));
  assert.deepEqual([fresh.screen, fresh.isLooking, fresh.capture], ["align", false, null]);
});
