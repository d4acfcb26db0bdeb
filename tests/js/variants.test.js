/** The table of `capture_machine.test.js` once more, for pages that are not as they mostly are on their screen. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { reduce } from "../../static/js/capture_machine.js";
import { DIALOGS, LIVE_SCREENS, SCREENS } from "../../static/js/capture_state.js";
import { EVENTS, stateOn } from "./states.js";

/** @typedef {import("../../static/js/capture_state.js").State} State */
/** @typedef {Record<string, Record<string, string[]>>} Ways by event the screens it leads to, and from where */

const LIVE = [...LIVE_SCREENS];
const AFTER_CAMERA = ["uploading", "processing", "retry", "offline", "draining", "failed"];
const WAITING = ["boot", "offline", "busy", "draining"];

/** Without a camera nothing is asked of the person but to start it. @param {string[]} [others] @returns {Ways} */
function withoutCamera(others = []) {
  const toStart = { precheck: [...LIVE, ...AFTER_CAMERA, ...others] };
  const stays = Object.fromEntries([...LIVE, ...AFTER_CAMERA].map((screen) => [screen, [screen]]));
  const states = ["camera", "align", "challenge", "light", "capture"];
  const asked = ["challenge", "light notice", "light", "capture request", "photo refused"];
  return Object.fromEntries([
    ...states.flatMap((state) => [`hello ${state}`, `told ${state}`].map((name) => [name, toStart])),
    ...asked.map((name) => [name, stays]),
    ["retry pressed", { asking: ["retry"] }],
  ]);
}

/** A still is not taken of who looks elsewhere. */
const LOOKED_FIRST = { capture: LIVE.filter((screen) => screen !== "align") };
const VOIDED = { align: ["challenge", "light"] };
const OVER = { challenge: ["challenge"], light: ["light"] };

/** @type {Ways} */
const UNDER_A_DIALOG = {
  "hello camera": OVER,
  "told camera": OVER,
  "capture request": LOOKED_FIRST,
  "dialog closed": VOIDED,
  "needs saved": VOIDED,
  "swap pressed": { align: ["challenge"] },
};

/** Each with what differs from the usual, and the screens on which it can be. @type {Record<string, {changes: Partial<State>, differs: Ways, on?: string[]}>} */
const VARIANTS = {
  "no camera": { changes: { camera: "off" }, differs: withoutCamera(["asking"]) },
  "a camera that is asked for": { changes: { camera: "asking" }, differs: withoutCamera() },
  "a hidden page": { changes: { isHidden: true }, differs: { "capture request": LOOKED_FIRST } },
  "the help open": { changes: { dialog: "help" }, differs: UNDER_A_DIALOG },
  "the wish to leave on its way": {
    changes: { dialog: "leave", leave: "asked", leaves: 1 },
    differs: {
      ...UNDER_A_DIALOG,
      "dialog closed": {},
      "needs saved": {},
      "leave too late": VOIDED,
    },
  },
  "the wish to leave waiting": {
    changes: { dialog: "leave", leave: "waiting", leaves: 1 },
    differs: { ...UNDER_A_DIALOG, "leave too late": VOIDED },
  },
  "a look before a still": {
    changes: { isLooking: true, looks: 1 },
    differs: { "capture request": { capture: ["capture"] } },
    on: ["capture"],
  },
  "a phone that has the session": {
    changes: { watches: true },
    differs: {
      "watch taken": { waiting_phone: WAITING },
      "watch answered": { waiting_phone: WAITING },
      "watch refused": { handoff: WAITING },
      "watch void": { superseded: WAITING },
    },
    on: [...WAITING, "handoff", "waiting_phone"],
  },
};

/** @type {[string, typeof VARIANTS[string]]} */
const USUAL = ["nothing else", { changes: {}, differs: {} }];

/** @param {Ways} ways @param {string} event @param {string} screen @param {string} usual */
function expected(ways, event, screen, usual) {
  return Object.entries(ways[event] ?? {}).find(([, from]) => from.includes(screen))?.[0] ?? usual;
}

for (const [name, { changes, differs, on = SCREENS }] of Object.entries(VARIANTS)) {
  test(`every event on each screen, with ${name}`, () => {
    for (const [eventName, event] of Object.entries(EVENTS)) {
      for (const screen of on) {
        const usual = reduce(stateOn(screen), event).screen;
        const { screen: next } = reduce(stateOn(screen, changes), event);
        assert.equal(next, expected(differs, eventName, screen, usual), `${eventName} on ${screen}`);
      }
    }
  });
}

/** Each state there is a variant of, and all that can happen to it. @param {(state: State, next: State, name: string) => void} look */
function atEach(look) {
  for (const [variant, { changes, on = SCREENS }] of [...Object.entries(VARIANTS), USUAL]) {
    for (const screen of on) {
      for (const [name, event] of Object.entries(EVENTS)) {
        const state = Object.freeze(stateOn(screen, changes));
        look(state, reduce(state, event), `${name} on ${screen}, with ${variant}`);
      }
    }
  }
}

test("the camera is announced to the server only by a page that is looked at", () => {
  atEach((state, next, name) => {
    const isAway = next.isHidden || next.dialog !== null;
    assert.ok(!isAway || next.announcements === state.announcements, name);
  });
});

test("a still is taken only of who looks, and with a camera", () => {
  atEach((state, next, name) => {
    if (next.uploads === state.uploads) return;
    assert.deepEqual([next.camera, next.dialog, state.isHidden], ["live", null, false], name);
  });
});

test("no event leads before a camera that is not there", () => {
  atEach((state, next, name) => {
    const isNew = next.screen !== state.screen && [...LIVE, "uploading"].includes(next.screen);
    assert.ok(!isNew || next.camera === "live", name);
  });
});

test("what has come of the wish to leave is seen as long as it is known", () => {
  atEach((_state, next, name) => {
    assert.ok(next.dialog === null || DIALOGS.includes(next.dialog), name);
    assert.ok(next.leave === null || next.dialog === "leave" || next.screen === "outcome", name);
  });
});

test("nobody is told that a check has ended that the server has not ended", () => {
  const ends = ["hello with a result", "uploaded with a result", "result", "expired", "watch ended", "left"];
  for (const [name, event] of Object.entries(EVENTS)) {
    for (const screen of SCREENS.filter((one) => one !== "outcome")) {
      const { screen: next } = reduce(stateOn(screen), event);
      assert.ok(next !== "outcome" || ends.includes(name), `${name} on ${screen}`);
    }
  }
});

test("no event asks twice for anything", () => {
  const counters = /** @type {const} */ ([
    ...["connects", "refusals", "asks", "announcements", "uploads", "looks", "answers"],
    ...["lightAnswers", "swaps", "leaves", "handoffs", "greetings"],
  ]);
  atEach((state, next, name) => {
    for (const counter of counters) {
      const [before, after] = [state, next].map((one) => Number(one[/** @type {keyof State} */ (counter)]));
      assert.ok([0, 1].includes((after ?? 0) - (before ?? 0)), `${counter}: ${name}`);
    }
  });
});
