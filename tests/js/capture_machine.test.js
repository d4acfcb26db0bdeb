import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { reduce } from "../../static/js/capture_machine.js";
import { INITIAL_STATE, SCREENS } from "../../static/js/capture_state.js";
import { APPROVED, CHALLENGE, EVENTS, hello, LIGHT, stateOn, told } from "./states.js";

/** @typedef {import("../../static/js/capture_state.js").State} State */
/** @typedef {import("../../static/js/capture_state.js").MachineEvent} MachineEvent */

/** Nothing moves these two but the person who takes a superseded page back. */
const OVER = ["outcome", "superseded"];
const OPEN = SCREENS.filter((screen) => !OVER.includes(screen));
/** @param {string[]} screens */
const openBut = (...screens) => OPEN.filter((screen) => !screens.includes(screen));

/** Every screen by what it is to the camera: one that stands nowhere has no answers yet. */
const LIVE = ["align", "challenge", "light_notice", "light", "capture"];
const BEFORE_CAMERA = ["boot", "consent", "busy"];
const AFTER_CAMERA = ["uploading", "processing", "retry", "offline", "draining", "failed"];
const ABOUT_CAMERA = ["precheck", "asking", "blocked"];
const HANDED_OVER = ["handoff", "waiting_phone"];

/** @param {string} screen */
const liveBut = (screen) => LIVE.filter((other) => other !== screen);
const TO_CAMERA = { precheck: BEFORE_CAMERA, align: [...liveBut("align"), ...AFTER_CAMERA] };
const TO_CHALLENGE = { precheck: BEFORE_CAMERA, align: AFTER_CAMERA };
const TO_LIGHT = { precheck: BEFORE_CAMERA, light: AFTER_CAMERA };
const TO_CAPTURE = {
  precheck: BEFORE_CAMERA,
  capture: [...liveBut("capture"), "processing", "retry", "offline", "draining", "failed"],
};

/** A page that takes the session back from its phone has no camera. @param {Record<string, string[]>} ways */
const orHandedOver = (ways) => ({ ...ways, precheck: [...(ways.precheck ?? []), ...HANDED_OVER] });

/** For each event the screens it leads to, and from where; from every other screen it leads nowhere. */
const EXPECTED = /** @type {Record<string, Record<string, string[]>>} */ ({
  "hello consent": { consent: openBut("consent") },
  "hello camera": orHandedOver(TO_CAMERA),
  "hello align": orHandedOver(TO_CAMERA),
  "hello challenge": orHandedOver(TO_CHALLENGE),
  "hello light": orHandedOver(TO_LIGHT),
  "hello capture": orHandedOver(TO_CAPTURE),
  "hello processing": { processing: openBut("processing") },
  "hello retry": { retry: openBut("retry") },
  "hello with a result": { outcome: OPEN },
  "refused busy": { busy: openBut("busy") },
  "refused too many pages": { offline: openBut("offline") },
  "refused unknown": { failed: openBut("failed") },
  "connection lost": {
    offline: openBut("boot", "uploading", "offline", "busy", "draining", "failed"),
  },
  "told consent": { consent: openBut("consent", ...HANDED_OVER) },
  "told camera": TO_CAMERA,
  "told align": TO_CAMERA,
  "told challenge": TO_CHALLENGE,
  "told light": TO_LIGHT,
  "told capture": TO_CAPTURE,
  "told processing": { processing: openBut("processing", ...HANDED_OVER) },
  "told retry": { retry: openBut("retry", ...HANDED_OVER) },
  "told done": { processing: openBut("processing", ...HANDED_OVER) },
  "told again": {},
  hint: {},
  "align progress": {},
  challenge: { challenge: liveBut("challenge") },
  progress: {},
  "challenge passed": {},
  "challenge failed": {},
  "light notice": { light_notice: [...liveBut("light_notice"), "uploading", "offline", "draining"] },
  light: { light: liveBut("light") },
  "capture request": { uploading: liveBut("align"), capture: ["align", "uploading", "offline", "draining"] },
  uploaded: { processing: ["uploading"] },
  "uploaded with a result": { outcome: OPEN },
  "upload failed": { failed: ["uploading"] },
  "photo refused": { capture: ["uploading"] },
  "photo not expected": {},
  "another upload failed": {},
  looked: {},
  "page hidden": {},
  "page shown": {},
  result: { outcome: OPEN },
  superseded: { superseded: OPEN },
  expired: { outcome: OPEN },
  draining: { draining: openBut("draining") },
  error: { failed: openBut("failed") },
  "camera opened": { align: ["asking"] },
  "camera failed": { blocked: ["boot", "asking", "uploading", ...LIVE] },
  "camera lost": { blocked: ["boot", "asking", "uploading", ...LIVE] },
  "handoff pressed": { handoff: ["precheck", "blocked"] },
  "handoff given": {},
  "handoff failed": {},
  "handoff expired": {},
  "here pressed": { boot: HANDED_OVER },
  "watch taken": { waiting_phone: ["handoff"] },
  "watch refused": { handoff: ["waiting_phone"] },
  "watch void": { superseded: HANDED_OVER },
  "watch again": {},
  "watch answered": { waiting_phone: ["handoff"] },
  "watch ended": { outcome: OPEN },
  "consent accepted": {},
  "decline confirmed": {},
  "start pressed": { asking: ["precheck", "asking", "blocked"] },
  "retry pressed": { align: ["retry"], boot: ["failed"] },
  "reconnect pressed": { boot: ["processing", "superseded", "offline", "busy", "draining", "failed"] },
  "camera picked": { asking: ["blocked", ...LIVE] },
  "needs saved": {},
  "speech pressed": {},
  "dialog asked": {},
  "dialog closed": {},
  "leave confirmed": {},
  "leave refused": {},
  "leave too late": {},
  "leave offline": {},
  "light accepted": {},
  "light declined": {},
  "swap pressed": {},
  "swap refused": {},
  left: { outcome: OPEN },
});

/** @param {string} eventName @param {string} screen */
function expectedScreen(eventName, screen) {
  const ways = Object.entries(EXPECTED[eventName] ?? {});
  return ways.find(([, from]) => from.includes(screen))?.[0] ?? screen;
}

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

test("every event has an expected answer", () => {
  assert.deepEqual(Object.keys(EXPECTED).sort(), Object.keys(EVENTS).sort());
});

test("every type of event there is stands in the table", () => {
  const source = readFileSync(new URL("../../static/js/capture_state.js", import.meta.url), "utf-8");
  const known = [...source.matchAll(/\{type: "(\w+)"/g)].map(([, type]) => type);
  assert.ok(known.length > 35);
  const answered = new Set([...Object.values(EVENTS).map(({ type }) => type), "patience_over"]);
  assert.deepEqual(
    known.filter((type) => !answered.has(/** @type {MachineEvent["type"]} */ (type))),
    [],
  );
});

test("every screen there is stands in the table", () => {
  const standing = [...OVER, ...LIVE, ...BEFORE_CAMERA, ...AFTER_CAMERA, ...ABOUT_CAMERA, ...HANDED_OVER];
  assert.deepEqual([...standing].sort(), [...SCREENS].sort());
});

for (const [name, event_] of Object.entries(EVENTS)) {
  test(`${name}, on each screen`, () => {
    for (const screen of SCREENS) {
      assert.equal(reduce(stateOn(screen), event_).screen, expectedScreen(name, screen), `on ${screen}`);
    }
  });
}

for (const screen of SCREENS) {
  test(`patience runs out on ${screen}`, () => {
    const next = reduce(stateOn(screen), { type: "patience_over", screen });
    const expected = { boot: "offline", uploading: "failed", capture: "failed" }[screen] ?? screen;
    assert.equal(next.screen, expected);
    assert.equal(next.slow, ["asking", "align", "offline", "processing", "draining"].includes(screen));
    const late = { type: /** @type {const} */ ("patience_over"), screen: "another" };
    assert.deepEqual(reduce(stateOn(screen), late), stateOn(screen), "a late timer means nothing");
  });
}

test("states are never changed in place", () => {
  for (const screen of SCREENS) {
    for (const event_ of Object.values(EVENTS)) {
      const frozen = Object.freeze(stateOn(screen));
      assert.doesNotThrow(() => reduce(frozen, event_));
    }
  }
});

test("hostile events leave every state as it is", () => {
  const hostile = ["", "__proto__", "constructor", "toString", "nonsense"].map((type) => ({ type }));
  for (const screen of SCREENS) {
    for (const event_ of hostile) {
      const state = stateOn(screen);
      assert.equal(reduce(state, /** @type {any} */ (event_)), state);
    }
  }
});

test("the happy path", () => {
  let state = after(INITIAL_STATE, hello("consent"), event("consent accepted"));
  assert.deepEqual([state.screen, state.consent, state.answers], ["consent", "accepted", 1]);
  state = after(state, told("camera", { version: 2 }), event("start pressed"));
  assert.deepEqual([state.screen, state.camera, state.asks], ["asking", "asking", 1]);
  state = after(state, event("camera opened"));
  assert.deepEqual([state.screen, state.announcements], ["align", 1]);
  state = after(state, told("align", { version: 3 }), { type: "align_progress", percent: 100 });
  assert.equal(state.alignPercent, 100);
  state = after(state, { type: "challenge", challenge: { ...CHALLENGE, index: 0 } });
  assert.deepEqual([state.screen, state.passed, state.percent], ["challenge", 0, 0]);
  state = after(state, { type: "progress", id: "c1", percent: 50 }, event("challenge passed"));
  assert.deepEqual([state.passed, state.percent], [1, 100]);
  state = after(state, told("capture", { version: 4 }), event("capture request"));
  assert.deepEqual([state.screen, state.uploads], ["uploading", 1]);
  state = after(state, event("uploaded"), event("result"));
  assert.deepEqual([state.screen, state.result, state.camera], ["outcome", APPROVED, "off"]);
});

test("frames carry the nonce of the step that stands", () => {
  const live = { camera: /** @type {const} */ ("live"), nonce: "old" };
  assert.equal(reduce(stateOn("align", live), told("align", { nonce: "n1" })).nonce, "n1");
  assert.equal(reduce(stateOn("align", live), told("align", { nonce: "n1", version: 0 })).nonce, "old");
  assert.equal(reduce(stateOn("challenge", live), event("challenge")).nonce, "n2");
  assert.equal(reduce(stateOn("offline", live), hello("align", { nonce: "n1" })).nonce, "n1");
  assert.equal(reduce(stateOn("retry", live), event("retry pressed")).nonce, null, "not before the server says");
  assert.equal(reduce(stateOn("challenge", live), told("retry")).nonce, null);
});

test("a state that is not newer is not followed", () => {
  const state = stateOn("align");
  assert.equal(reduce(state, told("retry", { version: state.version })), state);
});

test("consent that was not answered can be answered again after a reconnection", () => {
  const answered = after(stateOn("consent"), event("consent accepted"), event("connection lost"));
  const back = reduce(answered, hello("consent"));
  assert.deepEqual([back.screen, back.consent], ["consent", null]);
  const unchanged = after(stateOn("consent"), event("consent accepted"), told("consent"));
  assert.equal(unchanged.consent, "accepted", "an echo does not take the answer back");
});

test("a lost connection resumes the same attempt with the camera it has", () => {
  const lost = reduce(stateOn("challenge"), event("connection lost"));
  assert.deepEqual([lost.screen, lost.camera, lost.before], ["offline", "live", "challenge"]);
  const back = reduce(lost, hello("challenge"));
  assert.deepEqual([back.screen, back.challenge, back.announcements], ["align", null, 0]);
  const again = reduce(back, event("challenge"));
  assert.equal(again.screen, "challenge");
  assert.equal(reduce(lost, hello("camera")).announcements, 1, "a server that forgot it is told anew");
});

test("trouble with the camera outlives a lost connection", () => {
  const back = after(stateOn("blocked"), event("connection lost"), hello("camera"));
  assert.deepEqual([back.screen, back.trouble], ["blocked", "denied"]);
});

test("a camera that opens while offline is announced when the server is back", () => {
  const state = after(stateOn("asking"), event("connection lost"), event("camera opened"));
  assert.deepEqual([state.screen, state.announcements], ["offline", 0]);
  assert.deepEqual(reduce(state, hello("camera")).announcements, 1);
});

test("without a camera the server's state leads to the camera's start, never into the dark", () => {
  for (const server of ["camera", "align", "challenge", "capture"]) {
    assert.equal(reduce(INITIAL_STATE, hello(server)).screen, "precheck");
  }
});

test("a challenge counts only while the camera is live", () => {
  const state = stateOn("align", { camera: "off" });
  assert.equal(reduce(state, event("challenge")), state);
  assert.equal(reduce(state, event("capture request")), state);
});

test("progress and result of another challenge are not shown", () => {
  const state = stateOn("challenge");
  assert.equal(reduce(state, { type: "progress", id: "old", percent: 90 }), state);
  assert.equal(reduce(state, { type: "challenge_result", id: "old", passed: true, reason: null }), state);
});

test("a passed segment stays full", () => {
  const passed = reduce(stateOn("challenge"), event("challenge passed"));
  assert.equal(reduce(passed, { type: "progress", id: "c1", percent: 20 }).percent, 100);
});

test("a swapped challenge is no failure", () => {
  const swapped = { type: /** @type {const} */ ("challenge_result"), id: "c1", passed: false, reason: "swapped" };
  assert.equal(reduce(stateOn("challenge"), swapped).reason, null);
  assert.equal(reduce(stateOn("challenge"), event("challenge failed")).reason, "timed_out");
});

test("the answer to an earlier still is not taken for that of the last", () => {
  const second = after(stateOn("uploading"), event("capture request"), { type: "looked", look: 1 });
  assert.equal(second.uploads, 2);
  assert.equal(reduce(second, event("upload failed")), second);
  assert.equal(reduce(second, event("uploaded")), second);
});

test("who left on purpose is told so, and others that it stood still", () => {
  const abandoned = { type: /** @type {const} */ ("result"), result: { ...APPROVED, outcome: "abandoned" } };
  assert.equal(reduce(stateOn("align"), abandoned).result?.outcome, "abandoned");
  const left = after(stateOn("align"), event("leave confirmed"), abandoned);
  assert.equal(left.result?.outcome, "cancelled");
  assert.equal(left.leaves, 1);
});

test("a dialog stays while the camera goes on, and closes with its screen", () => {
  const open = reduce(stateOn("align"), event("dialog asked"));
  assert.equal(reduce(open, event("challenge")).dialog, "leave");
  assert.equal(reduce(open, told("retry")).dialog, null);
  assert.equal(reduce(open, event("dialog closed")).dialog, null);
  const unknown = { type: /** @type {const} */ ("dialog_asked"), dialog: "nonsense" };
  assert.equal(reduce(stateOn("align"), unknown).dialog, null);
});

test("another camera is asked for at once where one is in use, else remembered", () => {
  const live = reduce(stateOn("align"), event("camera picked"));
  assert.deepEqual([live.screen, live.cameraId, live.asks], ["asking", "cam", 1]);
  const later = reduce(stateOn("precheck"), event("camera picked"));
  assert.deepEqual([later.screen, later.cameraId, later.asks], ["precheck", "cam", 0]);
});

test("a superseded page lets the camera go, and can be taken back", () => {
  const superseded = reduce(stateOn("challenge"), event("superseded"));
  assert.equal(superseded.camera, "off");
  const back = reduce(superseded, event("reconnect pressed"));
  assert.deepEqual([back.screen, back.connects], ["boot", INITIAL_STATE.connects + 1]);
});

test("the notice is answered once, and only then does the page shine", () => {
  const noticed = reduce(stateOn("challenge"), { type: "light_notice", nonce: "n3" });
  assert.equal(noticed.nonce, "n3");
  assert.equal(noticed.light, null);
  const accepted = after(
    noticed,
    { type: "light_accepted" },
    { type: "light_declined" },
    { type: "light_accepted" },
  );
  assert.deepEqual([accepted.lightAnswer, accepted.lightAnswers], ["accepted", 1]);
  assert.equal(accepted.screen, "light_notice", "until the first colour comes");
  assert.equal(after(noticed, { type: "light_declined" }).lightAnswer, "declined");
});

test("each colour takes the place of the last, and none is left for the next attempt", () => {
  const shining = after(stateOn("light"), event("hint"), {
    type: "light",
    light: { ...LIGHT, index: 1, colour: "off" },
  });
  assert.equal(shining.light?.colour, "off");
  assert.notEqual(shining.hint, null, "what stands wrong still does");
  const again = after(shining, told("retry", { reason: "face_lost" }), { type: "retry_pressed" });
  assert.deepEqual([again.screen, again.light, again.lightAnswer], ["align", null, null]);
});

test("an answer that means nothing here asks for nothing", () => {
  for (const screen of SCREENS.filter((other) => other !== "light_notice")) {
    assert.equal(reduce(stateOn(screen), { type: "light_accepted" }).lightAnswers, 0, screen);
  }
});

test("what the person needs goes to the server once, and a dialog over the oval pauses the alignment", () => {
  const asked = reduce(stateOn("precheck"), { type: "dialog_asked", dialog: "needs" });
  const saved = reduce(asked, event("needs saved"));
  assert.deepEqual([saved.dialog, saved.isSpoken, saved.greetings], [null, true, 1]);
  assert.deepEqual([saved.needs.avoid, saved.needs.moreTime], [["blink"], true]);
  assert.equal(reduce(saved, event("needs saved")).greetings, 1, "the same again");
  const over = reduce(stateOn("align"), { type: "dialog_asked", dialog: "help" });
  for (const closed of [event("dialog closed"), event("needs saved")])
    assert.equal(after(over, closed, event("told camera")).announcements, 1, "it begins anew");
});

test("a question that is overlooked can be asked again", () => {
  const slow = reduce(stateOn("asking"), { type: "patience_over", screen: "asking" });
  const again = reduce(slow, event("start pressed"));
  assert.deepEqual([again.screen, again.slow, again.asks], ["asking", false, 2]);
});
