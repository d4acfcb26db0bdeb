import assert from "node:assert/strict";
import { test } from "node:test";
import { reduce } from "../../static/js/capture_machine.js";
import { cardOf } from "../../static/js/cards.js";
import { readHandoff, readWatch } from "../../static/js/handoff_wire.js";
import { createTranslate } from "../../static/js/messages.js";
import { CAMERA_TROUBLES, SERVER_STATES } from "../../static/js/protocol.js";
import { readServerEvent, readWatched } from "../../static/js/wire.js";
import { englishMessages } from "./copy.js";
import { EVENTS, HANDOFF, hello, stateOn, told, WATCH } from "./states.js";

/** @typedef {import("../../static/js/capture_state.js").State} State */
/** @typedef {import("../../static/js/capture_state.js").MachineEvent} MachineEvent */

const t = createTranslate(englishMessages());
const WIRE = { link: HANDOFF.link, number: 47, expires_in_ms: 5, qr: { size: 29, path: HANDOFF.path } };

/** @param {State} state @param {boolean} [canHandOff] */
function card(state, canHandOff = true) {
  return cardOf(state, { t, organization: "Acme", isFramed: false, userAgent: "", canHandOff });
}

/** @param {State} state @param {boolean} [canHandOff] */
function pressed(state, canHandOff) {
  return (card(state, canHandOff)?.actions ?? []).map(({ event, command }) => event?.type ?? command);
}

/** @param {State} state @param {MachineEvent[]} events */
function after(state, ...events) {
  return events.reduce(reduce, state);
}

/** @param {string} name @returns {MachineEvent} */
function event(name) {
  return /** @type {MachineEvent} */ (EVENTS[name]);
}

test("the way to the phone is offered before the camera and in every trouble, and never on a phone", () => {
  const states = [stateOn("precheck"), ...CAMERA_TROUBLES.map((trouble) => stateOn("blocked", { trouble }))];
  for (const state of states) {
    assert.ok(pressed(state).includes("handoff_pressed"), state.trouble ?? state.screen);
    assert.ok(!pressed(state, false).includes("handoff_pressed"), state.trouble ?? state.screen);
  }
});

test("a link is asked for once a press, and its number and code are shown", () => {
  const asked = reduce(stateOn("precheck"), event("handoff pressed"));
  assert.deepEqual([asked.screen, asked.handoffs, asked.handoff, asked.watches], ["handoff", 1, null, false]);
  assert.equal(card(asked)?.isWaiting, true);
  const given = reduce(asked, event("handoff given"));
  assert.deepEqual([given.handoffs, given.watches], [1, true]);
  assert.deepEqual(card(given)?.code?.number, "47");
  assert.deepEqual(pressed(given), ["copy_link", "here_pressed"]);
});

test("an answer to what was said before the phone was chosen does not take it back", () => {
  const asked = reduce(stateOn("precheck", { version: 1 }), event("handoff pressed"));
  const answered = reduce(asked, hello("camera", { version: 7, attemptsLeft: 2 }));
  assert.deepEqual([answered.screen, answered.handoffs, answered.version], ["handoff", 1, 7]);
  assert.equal(reduce(answered, event("handoff given")).handoff, HANDOFF);
  assert.equal(reduce(asked, event("hello with a result")).screen, "outcome");
  assert.equal(
    reduce(stateOn("handoff"), hello("camera")).screen,
    "precheck",
    "whose link stood has taken it back",
  );
});

test("every trouble of the link says what happened and has a way on", () => {
  const open = stateOn("handoff");
  const failed = after(open, event("handoff pressed"));
  const troubled = [
    [after(open, event("handoff expired")), "expired"],
    [after(open, event("watch refused")), "refused"],
    [after(failed, event("handoff failed")), "failed"],
    [after(failed, { type: "handoff_failed", code: "handoff_limit" }), "limit"],
  ];
  for (const [state, trouble] of /** @type {[State, string][]} */ (troubled)) {
    assert.deepEqual([state.screen, state.handoff, state.handoffTrouble], ["handoff", null, trouble]);
    const ways = trouble === "limit" ? ["here_pressed"] : ["handoff_pressed", "here_pressed"];
    assert.deepEqual(pressed(state), ways);
    assert.equal(card(state)?.title, t(`handoff.${trouble}`));
  }
});

test("a timer of an earlier link ends no later one", () => {
  const state = stateOn("handoff", { handoff: { ...HANDOFF, link: "https://verify.example/handoff/later" } });
  assert.equal(reduce(state, event("handoff expired")), state);
});

test("a page that watches asks how it stands after a lost connection, and does not take the session", () => {
  for (const screen of ["handoff", "waiting_phone"]) {
    const lost = reduce(stateOn(screen), event("connection lost"));
    assert.deepEqual([lost.screen, lost.watches, lost.before], ["offline", true, screen]);
    const pressedAgain = reduce(lost, event("reconnect pressed"));
    assert.deepEqual([pressedAgain.screen, pressedAgain.watches], ["boot", true]);
    assert.equal(after(lost, event("watch answered")).screen, "waiting_phone");
  }
  const open = { ...event("watch answered"), watch: { ...WATCH, link: "open" } };
  const back = after(stateOn("handoff"), event("connection lost"), /** @type {MachineEvent} */ (open));
  assert.deepEqual([back.screen, back.handoff], ["handoff", HANDOFF]);
});

test("taking the session back, or losing it, ends the watch", () => {
  const back = reduce(stateOn("waiting_phone"), event("here pressed"));
  assert.deepEqual([back.screen, back.watches, back.watch, back.connects], ["boot", false, null, 2]);
  assert.equal(reduce(back, event("watch taken")), back, "a late word of the phone is not followed");
  assert.equal(reduce(back, event("watch answered")), back, "nor is a late answer");
  assert.equal(reduce(back, hello("camera")).screen, "precheck");
  for (const end of ["watch void", "superseded"]) {
    const state = reduce(stateOn("waiting_phone"), event(end));
    assert.deepEqual([state.screen, state.watches], ["superseded", false], end);
  }
  assert.equal(reduce(stateOn("handoff"), hello("camera")).watches, false);
});

test("the capture's own state moves nothing while the phone has it", () => {
  const state = reduce(stateOn("waiting_phone"), told("retry"));
  assert.deepEqual([state.screen, state.version], ["waiting_phone", 9]);
});

test("every step of the phone has words; once the photo is in nothing is taken back", () => {
  const leads = new Set();
  for (const server of SERVER_STATES.filter((name) => name !== "done")) {
    const state = stateOn("waiting_phone", { watch: { ...WATCH, state: server } });
    leads.add(card(state)?.lead);
    assert.deepEqual(pressed(state), [server === "processing" ? "reconnect_pressed" : "here_pressed"]);
  }
  assert.equal(leads.size, SERVER_STATES.length - 1);
  assert.equal(card(stateOn("waiting_phone"))?.lead, "Follow the movements: 1 of 3 done.");
  assert.ok(card(stateOn("waiting_phone", { watch: null }))?.lead);
});

test("the device that is not sent on says where it goes on", () => {
  const result = { outcome: "approved", reason: null, redirect: null, support_id: null };
  for (const continue_on of /** @type {const} */ (["phone", "computer"])) {
    const shown = card(stateOn("outcome", { result: { ...result, continue_on } }));
    assert.equal(shown?.note, t(`outcome.on_${continue_on}`, { organization: "Acme" }));
  }
});

test("a handoff of another shape is none", () => {
  assert.deepEqual(readHandoff(WIRE), { ...HANDOFF, expiresInMs: 5 });
  const wrong = [
    null,
    "x",
    {},
    { ...WIRE, link: "javascript:alert(1)" },
    { ...WIRE, number: "47" },
    { ...WIRE, qr: null },
    { ...WIRE, qr: { size: 29, path: '"><script>' } },
    { ...WIRE, qr: { size: "29", path: HANDOFF.path } },
  ];
  for (const value of wrong) assert.equal(readHandoff(value), null);
  assert.equal(readHandoff({ ...WIRE, expires_in_ms: 1e15 })?.expiresInMs, 2 ** 31 - 1, "no timer overflows");
  assert.equal(readHandoff({ ...WIRE, expires_in_ms: -1 })?.expiresInMs, 0);
});

test("what is watched is bounded, and another shape is nothing", () => {
  assert.deepEqual(readWatch({ ...WATCH, index: 99, total: 1e9 }), { ...WATCH, index: 16, total: 16 });
  assert.deepEqual(readWatch({ ...WATCH, index: 3, total: 2 }), { ...WATCH, index: 2, total: 2 });
  for (const value of [null, [], { ...WATCH, link: "x" }, { ...WATCH, state: "__proto__" }]) {
    assert.equal(readWatch(value), null);
    assert.equal(readServerEvent("watch_state", value), null);
  }
  assert.deepEqual(readServerEvent("watch_state", { ...WATCH, version: 9 }), EVENTS["watch taken"]);
  const ended = { outcome: "approved", reason: null, redirect: null, support_id: null };
  const read = readWatched({ result: ended });
  assert.equal(read.type === "watch_accepted" && read.result?.outcome, "approved");
});

test("the computer says that the phone is away, and how far it is once it is back", () => {
  const away = stateOn("waiting_phone", { watch: { ...WATCH, isAway: true } });
  assert.equal(card(away)?.lead, t("waiting_phone.away"));
  assert.ok(pressed(away).includes("here_pressed"), "whoever waits no longer goes on here");
  const back = reduce(away, { type: "watch_state", version: 99, watch: WATCH });
  assert.notEqual(card(back)?.lead, t("waiting_phone.away"));
  const over = stateOn("waiting_phone", { watch: { ...WATCH, state: "processing", isAway: true } });
  assert.equal(card(over)?.lead, t("waiting_phone.processing"), "nothing is wanted from it any more");
  const told = { link: "taken", state: "align", index: 0, total: 4 };
  assert.equal(readWatch({ ...told, away: true })?.isAway, true);
  assert.equal(readWatch({ ...told, away: "yes" })?.isAway, false);
  assert.equal(readWatch(told)?.isAway, false);
});
