import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { SCREENS } from "../../static/js/capture_state.js";
import { cardOf, isOnStage, isStageDimmed } from "../../static/js/cards.js";
import { PATIENCE_MS } from "../../static/js/effects.js";
import { ICONS } from "../../static/js/icons.js";
import { createTranslate } from "../../static/js/messages.js";
import { CAMERA_TROUBLES, OUTCOMES, RESULT_REASONS, RETRY_REASONS } from "../../static/js/protocol.js";
import { AGENTS } from "./agents.js";
import { englishMessages } from "./copy.js";
import { stateOn } from "./states.js";

/** @typedef {import("../../static/js/capture_state.js").State} State */

const t = createTranslate(englishMessages());

/** @param {State} state @param {{isFramed?: boolean, userAgent?: string}} [surface] */
function card(state, { isFramed = false, userAgent = AGENTS.chrome } = {}) {
  return cardOf(state, { t, organization: "Acme", isFramed, userAgent });
}

/** Whether the state goes on: by a press, by a timeout behind what is awaited, or because it is over. @param {State} state */
function goesOn(state) {
  const shown = card(state);
  if (shown === null) return true;
  const hasPress = shown.actions.some((action) => action.isBusy !== true);
  const isTimed = shown.isWaiting === true && (state.screen in PATIENCE_MS || state.screen === "asking");
  return hasPress || isTimed || state.screen === "outcome";
}

test("each screen is on the stage or has a card, and none is a dead end", () => {
  for (const screen of SCREENS) {
    const state = stateOn(screen);
    for (const shown of [state, { ...state, slow: true }])
      assert.ok(isOnStage(shown) || card(shown) !== null, `${screen} shows nothing`);
    assert.ok(goesOn(state), `${screen} is a dead end`);
    assert.ok(goesOn({ ...state, slow: true }), `${screen} is a dead end when slow`);
    assert.ok(goesOn({ ...state, camera: "off" }), `${screen} is a dead end without a camera`);
  }
});

test("each trouble with the camera has its own words, steps and a way on, in each browser", () => {
  const titles = new Set();
  for (const trouble of CAMERA_TROUBLES) {
    for (const userAgent of Object.values(AGENTS)) {
      const shown = card(stateOn("blocked", { trouble }), { userAgent });
      assert.ok(shown?.steps && shown.steps.length >= 2, trouble);
      assert.ok(shown.actions.length > 0, trouble);
      assert.ok(ICONS.includes(shown.figure), `${trouble}: ${shown.figure}`);
      titles.add(`${shown.title} ${shown.lead}`);
    }
  }
  assert.equal(titles.size, CAMERA_TROUBLES.length);
});

test("a forbidding frame is shown the very attribute that it lacks", () => {
  assert.match(card(stateOn("blocked", { trouble: "policy" }))?.snippet ?? "", /allow="camera"/);
  assert.match(card(stateOn("blocked", { trouble: "sandbox" }))?.snippet ?? "", /sandbox=/);
});

test("a refusal whose cause cannot be known shows both ways out", () => {
  const shown = card(stateOn("blocked", { trouble: "kept_back" }), { isFramed: true, userAgent: AGENTS.firefox });
  assert.match(shown?.snippet ?? "", /allow="camera"/);
  const steps = shown?.steps ?? [];
  for (const key of ["blocked.policy_1", "recovery.firefox_1", "recovery.firefox_2", "blocked.policy_2"])
    assert.ok(steps.includes(t(key)), key);
  assert.deepEqual(
    shown?.actions.map(({ event, command }) => command ?? event?.type),
    ["copy_link", "start_pressed"],
  );
});

test("who was refused in a frame can also take the link elsewhere", () => {
  const ways = (/** @type {boolean} */ isFramed) =>
    card(stateOn("blocked", { trouble: "denied" }), { isFramed })?.actions.map(({ command }) => command);
  assert.ok(ways(true)?.includes("copy_link"));
  assert.ok(!ways(false)?.includes("copy_link"));
});

test("a sandbox is asked for the same everywhere", () => {
  const shown = card(stateOn("blocked", { trouble: "sandbox" }))?.snippet ?? "";
  const docs = readFileSync(new URL("../../docs/embedding.md", import.meta.url), "utf-8");
  const tokens = shown.match(/allow-[a-z-]+/g) ?? [];
  assert.equal(tokens.length, 4);
  for (const token of tokens) assert.ok(docs.includes(token), token);
  assert.ok(docs.includes(tokens.slice(2).join(" ")), "no more and no less");
});

test("steps to allow the camera differ by browser", () => {
  const first = Object.entries(AGENTS).map(([, userAgent]) =>
    card(stateOn("blocked", { trouble: "denied" }), { userAgent })?.steps?.join(),
  );
  assert.equal(new Set(first).size, Object.keys(AGENTS).length - 1, "Edge does as Chrome");
});

test("each reason to try again has a tip of its own; an unknown one has a general tip", () => {
  const leads = [...RETRY_REASONS, "unknown", null].map((reason) => card(stateOn("retry", { reason }))?.lead);
  assert.equal(new Set(leads).size, RETRY_REASONS.length + 1);
});

test("each outcome has its words, whatever the reason, and never a number", () => {
  for (const outcome of OUTCOMES) {
    for (const reason of [...RESULT_REASONS, "unknown", null]) {
      const result = { outcome, reason, redirect: null, support_id: null };
      const shown = card(stateOn("outcome", { result }));
      assert.ok(shown?.title);
      assert.doesNotMatch(`${shown.title} ${shown.lead}`, /\d/);
    }
  }
});

test("the way on after the outcome fits where the page stands", () => {
  const redirect = { url: "https://bank.example/done", status: "approved" };
  const result = { outcome: "approved", reason: null, redirect, support_id: null };
  const state = stateOn("outcome", { result });
  assert.equal(card(state)?.actions[0]?.href, redirect.url);
  assert.match(card(state)?.note ?? "", /Acme/, "a redirect by itself is announced");
  assert.equal(card(state, { isFramed: true })?.actions[0]?.href, redirect.url);
  assert.equal(card(state, { isFramed: true })?.note, "", "a frame never goes by itself");
  const without = stateOn("outcome", { result: { ...result, redirect: null } });
  assert.equal(card(without, { isFramed: true })?.actions[0]?.command, "close");
  assert.deepEqual(card(without)?.actions, []);
});

test("the last picture stays, dimmed, while the connection is away", () => {
  assert.equal(isStageDimmed(stateOn("offline")), true);
  assert.equal(isStageDimmed(stateOn("offline", { camera: "off" })), false);
});

test("an answered consent cannot be pressed again", () => {
  const shown = card(stateOn("consent", { consent: "accepted" }));
  assert.ok(shown?.actions.every((action) => action.isBusy));
});
