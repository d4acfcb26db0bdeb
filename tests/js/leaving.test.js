/** Leaving is what the server says it is: nobody is told that a check has ended that goes on. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { reduce } from "../../static/js/capture_machine.js";
import { SCREENS } from "../../static/js/capture_state.js";
import { createTranslate } from "../../static/js/messages.js";
import { leaveDialog } from "../../static/js/view_dialogs.js";
import { englishMessages } from "./copy.js";
import { fakePage, settle } from "./fake_page.js";
import { APPROVED, EVENTS, hello, stateOn } from "./states.js";

/** @typedef {import("../../static/js/capture_state.js").State} State */
/** @typedef {import("../../static/js/capture_state.js").MachineEvent} MachineEvent */
/** @typedef {import("../../static/js/protocol.js").Ack} Ack */

const t = createTranslate(englishMessages());
const ABANDONED = { ok: true, result: { outcome: "abandoned", reason: null, redirect: null, support_id: null } };
const NOT_EXPECTED = { ok: false, code: "not_expected", retryable: true, support_id: "s" };

/** @type {MachineEvent[]} */
const LEAVE = [{ type: "dialog_asked", dialog: "leave" }, { type: "leave_confirmed" }];

/** @param {State} state @param {MachineEvent[]} events */
const after = (state, ...events) => events.reduce(reduce, state);

/** @param {string} code @returns {MachineEvent} */
const refused = (code) => ({ type: "leave_refused", code });

/** The page after the person has left and these were the answers, one a time. @param {State} state @param {Ack[]} acks */
async function left(state, ...acks) {
  const page = fakePage(state, { cancel: async () => acks.shift() ?? ABANDONED });
  for (const event of LEAVE) page.dispatch(event);
  await settle();
  return page;
}

/** @param {State} state */
const dialogOf = (state) => leaveDialog(state, { t, organization: "Acme" });

/** @param {State} state */
const buttonsOf = (state) => dialogOf(state).choices.map(({ event, isBusy }) => [event.type, isBusy === true]);

test("who leaves is told so once the server has said it", async () => {
  const { world, of } = await left(stateOn("align"), ABANDONED);
  assert.deepEqual([world.state.screen, world.state.result?.outcome], ["outcome", "cancelled"]);
  assert.deepEqual(of("parent").slice(-1), [["parent", "cancelled"]]);
});

test("until then the question stays, and is not asked twice", () => {
  const asked = after(stateOn("challenge"), ...LEAVE);
  assert.deepEqual([asked.dialog, asked.leave, asked.leaves], ["leave", "asked", 1]);
  assert.equal(after(asked, ...LEAVE).leaves, 1);
  assert.equal(reduce(asked, { type: "dialog_closed" }), asked);
  assert.deepEqual(buttonsOf(asked), [
    ["dialog_closed", true],
    ["leave_confirmed", true],
  ]);
});

test("once the photo is in the page follows the state that it is told", async () => {
  for (const screen of ["uploading", "processing"]) {
    const { world, of } = await left(stateOn(screen), { ...NOT_EXPECTED, state: "processing", version: 9 });
    assert.deepEqual([world.state.screen, world.state.dialog, world.state.leave], ["processing", null, null]);
    assert.deepEqual(of("close"), [], "the connection stays, by which the verdict comes");
    assert.ok(!of("parent").some(([, type]) => type === "cancelled" || type === "completed"));
    assert.equal(reduce(world.state, { type: "result", result: APPROVED }).result?.outcome, "approved");
  }
});

test("a computer whose phone has sent the photo goes on following", async () => {
  const { world } = await left(stateOn("waiting_phone"), NOT_EXPECTED);
  assert.deepEqual([world.state.screen, world.state.dialog], ["waiting_phone", null]);
});

for (const [code, said] of Object.entries({ unavailable: "other", too_fast: "other", timeout: "timeout" })) {
  test(`what is answered by ${code} has not ended, and the person is told`, async () => {
    const { world, of, dispatch } = await left(stateOn("align"), { ok: false, code, retryable: true });
    assert.deepEqual([world.state.screen, world.state.dialog, world.state.leave], ["align", "leave", said]);
    assert.ok(!of("parent").some(([, type]) => type === "cancelled"));
    assert.equal(dialogOf(world.state).title, t(`failed.${said}`));
    assert.deepEqual(buttonsOf(world.state), [
      ["dialog_closed", false],
      ["leave_confirmed", false],
    ]);
    dispatch({ type: "leave_confirmed" });
    await settle();
    assert.equal(world.state.screen, "outcome", "the second time");
  });
}

test("who leaves without a connection leaves as soon as there is one, and is told so", async () => {
  const offline = { ok: false, code: "offline", retryable: true, support_id: null };
  const { world, of, dispatch } = await left(stateOn("offline"), offline);
  assert.deepEqual([world.state.screen, world.state.leave], ["offline", "waiting"]);
  assert.equal(dialogOf(world.state).title, t("leave.waiting"));
  assert.deepEqual(buttonsOf(world.state), [
    ["dialog_closed", false],
    ["leave_confirmed", true],
  ]);
  dispatch(EVENTS["refused busy"] ?? refused(""));
  assert.deepEqual(
    [world.state.screen, world.state.dialog],
    ["busy", "leave"],
    "the wish is seen, and can be dropped",
  );
  assert.equal(of("cancel").length, 1);
  dispatch(hello("camera"));
  await settle();
  assert.equal(of("cancel").length, 2);
  assert.deepEqual(of("camera"), [], "nothing is begun for who leaves");
  assert.equal(world.state.result?.outcome, "cancelled");
});

test("a wish that waits can be dropped, and is then forgotten", () => {
  const waiting = after(stateOn("offline"), ...LEAVE, refused("offline"));
  const stays = reduce(waiting, { type: "dialog_closed" });
  assert.deepEqual([stays.dialog, stays.leave], [null, null]);
  assert.equal(reduce(stays, hello("camera")).leaves, 1);
  assert.equal(reduce(stays, refused("offline")), stays, "an answer that comes late means nothing");
});

test("a page that waits for room is not bound: its wish waits as well", () => {
  const waiting = after(stateOn("busy"), ...LEAVE, refused("superseded"));
  assert.equal(waiting.leave, "waiting");
  assert.equal(reduce(waiting, hello("camera")).leaves, 2);
});

test("a line that goes while the question is on its way is one more reason to wait", () => {
  const lost = after(stateOn("challenge"), ...LEAVE, { type: "connection_lost" });
  assert.deepEqual([lost.screen, lost.dialog, lost.leave], ["offline", "leave", "asked"]);
  assert.equal(reduce(lost, refused("offline")).leave, "waiting");
});

test("a computer that only watches leaves when it can watch again", () => {
  const waiting = after(stateOn("waiting_phone"), { type: "connection_lost" }, ...LEAVE, refused("offline"));
  const back = reduce(waiting, EVENTS["watch answered"] ?? refused(""));
  assert.deepEqual([back.screen, back.dialog, back.leave, back.leaves], ["waiting_phone", "leave", "asked", 2]);
});

test("an end of its own closes the question", () => {
  for (const screen of SCREENS.filter((name) => !["outcome", "superseded"].includes(name))) {
    const ended = after(stateOn(screen), ...LEAVE, { type: "result", result: APPROVED });
    assert.deepEqual([ended.dialog, ended.leave, ended.result?.outcome], [null, null, "approved"], screen);
  }
});

test("who stayed, and then stood still for too long, has not ended it", () => {
  const abandoned = { ...APPROVED, outcome: "abandoned" };
  const stayed = after(stateOn("align"), ...LEAVE, refused("unavailable"), { type: "dialog_closed" });
  assert.equal(reduce(stayed, { type: "result", result: abandoned }).result?.outcome, "abandoned");
});
