/** Nothing is asked of who does not look: the tab is hidden, or a dialog lies over what is asked. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { reduce } from "../../static/js/capture_machine.js";
import { createTranslate } from "../../static/js/messages.js";
import { promptOf, spokenOf } from "../../static/js/prompts.js";
import { helpDialog } from "../../static/js/view_dialogs.js";
import { englishMessages } from "./copy.js";
import { fakePage } from "./fake_page.js";
import { CHALLENGE, EVENTS, hello, stateOn, told } from "./states.js";

/** @typedef {import("../../static/js/capture_state.js").State} State */
/** @typedef {import("../../static/js/capture_state.js").MachineEvent} MachineEvent */

const t = createTranslate(englishMessages());
const INTERRUPTED = told("camera", { reason: "interrupted" });
const ANSWER = told("camera", { version: 10 });

/** @type {MachineEvent} */
const CLOSED = { type: "dialog_closed" };
/** @type {MachineEvent} */
const VOID = { type: "challenge_result", id: CHALLENGE.id, passed: false, reason: "interrupted" };

/** @param {string} dialog @returns {MachineEvent} */
const opened = (dialog) => ({ type: "dialog_asked", dialog });

/** @param {Partial<import("../../static/js/protocol.js").Challenge>} changes @returns {MachineEvent} */
const asked = (changes) => ({ type: "challenge", challenge: { ...CHALLENGE, id: "c2", nonce: "n2", ...changes } });

/** @param {State} state @param {MachineEvent[]} events */
const after = (state, ...events) => events.reduce(reduce, state);

test("a hidden page does not go on when the server says that it was interrupted", () => {
  for (const screen of ["align", "challenge", "light"]) {
    const page = fakePage(stateOn(screen));
    page.hide(true);
    for (const event of [VOID, INTERRUPTED]) page.dispatch(event);
    assert.deepEqual([page.world.state.screen, page.world.state.announcements], ["align", 0], screen);
    assert.deepEqual(page.of("camera"), []);
    page.hide(false);
    assert.deepEqual(page.of("camera"), [], "main.js says that it is seen, and the answer is followed");
    page.dispatch(ANSWER);
    assert.deepEqual(page.of("camera"), [["camera", "camera"]]);
  }
});

test("nor does one that is hidden while its camera opens, or its connection comes back", () => {
  const hidden = { isHidden: true };
  assert.equal(reduce(stateOn("asking", hidden), { type: "camera_opened" }).announcements, 0);
  const back = reduce(stateOn("offline", hidden), hello("camera"));
  assert.deepEqual([back.screen, back.announcements], ["align", 0]);
  assert.equal(after(back, { type: "page_shown" }, ANSWER).announcements, 1);
});

for (const screen of ["align", "challenge", "light"]) {
  for (const dialog of ["help", "leave"]) {
    test(`the server is told of ${dialog} over ${screen}, and goes on when it is closed`, () => {
      const page = fakePage(stateOn(screen));
      page.dispatch(opened(dialog));
      assert.deepEqual(page.of("visibility"), [["visibility", true, "dialog"]]);
      assert.deepEqual(page.of("frames", "no frames").slice(-1), [["no frames"]]);
      page.dispatch(INTERRUPTED);
      assert.deepEqual([page.world.state.dialog, page.world.state.announcements], [dialog, 0]);
      page.dispatch(CLOSED);
      assert.deepEqual(page.of("visibility").slice(1), [["visibility", false, "dialog"]]);
      assert.deepEqual([page.world.state.screen, page.world.state.nonce], ["align", null]);
      page.dispatch(ANSWER);
      assert.deepEqual(page.of("camera"), [["camera", "camera"]]);
    });
  }
}

test("a tab that is hidden and seen again under the help does not go on until it is closed", () => {
  const page = fakePage(stateOn("challenge"));
  page.dispatch(opened("help"));
  page.dispatch(INTERRUPTED);
  page.hide(true);
  page.hide(false);
  page.dispatch(ANSWER);
  assert.equal(page.world.state.announcements, 0);
  page.dispatch(CLOSED);
  page.dispatch(told("camera", { version: 11 }));
  assert.equal(page.world.state.announcements, 1);
});

test("a dialog that closes in a hidden tab does not say that the page is seen", () => {
  const page = fakePage(stateOn("align"));
  page.dispatch(opened("help"));
  page.hide(true);
  page.dispatch(told("retry", { reason: "not_aligned" }));
  assert.equal(page.world.state.dialog, null);
  assert.deepEqual(page.of("visibility"), [["visibility", true, "dialog"]]);
});

test("what needs no hurry is not interrupted by a dialog", () => {
  for (const screen of ["precheck", "light_notice", "capture", "processing"]) {
    const page = fakePage(stateOn(screen));
    page.dispatch(opened("leave"));
    page.dispatch(CLOSED);
    assert.deepEqual(page.of("visibility"), [], screen);
  }
});

test("a movement that the server did not void goes on where it was", () => {
  const read = after(stateOn("challenge", { nonce: "n1" }), opened("help"), CLOSED);
  assert.deepEqual([read.screen, read.nonce], ["challenge", "n1"]);
  const goesOn = reduce(read, told("challenge", { nonce: "n1" }));
  assert.deepEqual([goesOn.screen, goesOn.challenge?.id, goesOn.swaps], ["challenge", CHALLENGE.id, 0]);
});

test("an interruption does not say that the movement went wrong", () => {
  for (const events of [[VOID], [VOID, INTERRUPTED]]) {
    const over = after(stateOn("challenge"), opened("help"), ...events);
    assert.equal(promptOf(over, t), t("prompt.head_turn_left"));
  }
});

/** The help over a movement, which the server has voided meanwhile. */
const helped = () => after(stateOn("challenge"), opened("help"), VOID, INTERRUPTED);

test("the help keeps its way to another movement when the one that stood is void", () => {
  const choices = helpDialog(helped(), { t }).choices.map(({ event }) => event.type);
  assert.deepEqual(choices, ["dialog_closed", "swap_pressed"]);
});

test("what the person cannot do is not asked of them again", () => {
  const pressed = reduce(helped(), { type: "swap_pressed" });
  assert.deepEqual(
    [pressed.screen, pressed.dialog, pressed.swaps],
    ["align", null, 0],
    "the dead one is not swapped",
  );
  const again = after(pressed, ANSWER, asked({ direction: "right" }));
  assert.deepEqual([again.announcements, again.challenge?.id, again.swaps], [1, "c2", 1], "of the same ability");
  assert.equal(promptOf(again, t), t("prompt.hold"), "nor shown");
  assert.equal(spokenOf(again, pressed, t), null, "nor said");
  assert.equal(reduce(again, told("challenge", { version: 11 })).swaps, 1, "once");
  const other = reduce(again, asked({ id: "c3", kind: "blink", direction: null }));
  assert.deepEqual([other.swaps, promptOf(other, t)], [1, t("prompt.blink")]);
});

test("pressed before the server has answered, it is swapped should it still stand", () => {
  const pressed = after(stateOn("challenge", { nonce: "n1" }), opened("help"), { type: "swap_pressed" });
  assert.deepEqual([pressed.screen, pressed.dialog, pressed.swaps], ["challenge", null, 0]);
  assert.equal(reduce(pressed, told("challenge")).swaps, 1);
  assert.deepEqual([reduce(pressed, ANSWER).swaps, reduce(pressed, ANSWER).announcements], [0, 1]);
});

test("what cannot be swapped is shown, and said to stay", () => {
  const again = after(helped(), { type: "swap_pressed" }, ANSWER, asked({}));
  const refused = reduce(again, { type: "swap_refused", id: "c2" });
  assert.deepEqual([refused.dialog, refused.swapRefused], ["help", true]);
  assert.equal(promptOf(refused, t), t("prompt.head_turn_left"));
  const next = after(refused, CLOSED, told("camera", { version: 11 }), asked({ id: "c3" }));
  assert.deepEqual(
    [next.swaps, promptOf(next, t)],
    [1, t("prompt.head_turn_left")],
    "it is not asked for without end",
  );
});

test("another camera, or other needs, end the pause as well", () => {
  const page = fakePage(stateOn("align"));
  page.dispatch(opened("cameras"));
  page.dispatch({ type: "camera_picked", cameraId: "cam" });
  page.dispatch(ANSWER);
  assert.deepEqual([page.world.state.screen, page.world.state.announcements], ["asking", 0]);
  page.dispatch({ type: "camera_opened" });
  assert.equal(page.world.state.announcements, 1);
  const needy = fakePage(stateOn("align"));
  needy.dispatch(opened("needs"));
  needy.dispatch(EVENTS["needs saved"] ?? CLOSED);
  assert.deepEqual(
    needy
      .of("greet", "visibility")
      .map(([name]) => name)
      .sort(),
    ["greet", "visibility", "visibility"],
  );
});

test("where a pause would cost an attempt the movement goes on under the dialog, and can be swapped there", () => {
  const page = fakePage(stateOn("challenge", { pausesLeft: 0 }));
  page.dispatch(opened("help"));
  assert.deepEqual(page.of("visibility"), []);
  page.dispatch({ type: "swap_pressed" });
  assert.deepEqual(page.of("swap"), [["swap", CHALLENGE.id]]);
  assert.equal(page.world.state.screen, "challenge");
});

test("an alignment is paused whatever is left, and a pause that has begun goes on", () => {
  const align = fakePage(stateOn("align", { pausesLeft: 0 }));
  align.dispatch(opened("help"));
  assert.equal(align.of("visibility").length, 1);
  const page = fakePage(stateOn("challenge", { pausesLeft: 1 }));
  page.dispatch(opened("leave"));
  for (const event of [VOID, told("camera", { reason: "interrupted", pausesLeft: 0 })]) page.dispatch(event);
  assert.equal(page.of("visibility").length, 1, "not taken back by its own price");
  page.dispatch(CLOSED);
  page.dispatch(told("camera", { version: 10, pausesLeft: 0 }));
  assert.deepEqual([page.of("visibility").length, page.world.state.pausesLeft], [2, 0]);
  assert.equal(page.of("camera").length, 1);
});
