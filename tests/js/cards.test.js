import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { agentOf, browserOf, promptPlaceOf } from "../../static/js/browser.js";
import { SCREENS } from "../../static/js/capture_state.js";
import { cardOf, isOnStage, isStageDimmed } from "../../static/js/cards.js";
import { PATIENCE_MS } from "../../static/js/effects.js";
import { ICONS } from "../../static/js/icons.js";
import { createTranslate } from "../../static/js/messages.js";
import { CAMERA_TROUBLES, OUTCOMES, RESULT_REASONS, RETRY_REASONS } from "../../static/js/protocol.js";
import { AGENTS, APPS_ON_IOS } from "./agents.js";
import { englishMessages } from "./copy.js";
import { stateOn } from "./states.js";

/** @typedef {import("../../static/js/capture_state.js").State} State */

const t = createTranslate(englishMessages());

/** @param {State} state @param {{isFramed?: boolean, canTell?: boolean, userAgent?: string}} [surface] */
function card(state, { userAgent = AGENTS.chrome, isFramed = false, ...surface } = {}) {
  return cardOf(state, { t, organization: "Acme", isFramed, userAgent, ...surface });
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

/** @param {string} userAgent */
const stepsIn = (userAgent) => card(stateOn("blocked", { trouble: "denied" }), { userAgent })?.steps;

test("no other browser on an iPhone is sent to Safari's menu", () => {
  for (const userAgent of [AGENTS.ios_app, ...APPS_ON_IOS]) {
    assert.ok(stepsIn(userAgent)?.includes(t("recovery.ios_app_1")), userAgent);
    assert.ok(!stepsIn(userAgent)?.includes(t("recovery.ios_1")), userAgent);
  }
});

test("Firefox on a phone has no crossed-out camera to press", () => {
  assert.ok(stepsIn(AGENTS.firefox_android)?.includes(t("recovery.firefox_android_1")));
});

test("an iPad that calls itself a Mac is one that can be touched", () => {
  const iPad = agentOf({ userAgent: AGENTS.safari, maxTouchPoints: 5 });
  assert.deepEqual([browserOf(iPad), promptPlaceOf(iPad)], ["ios", "phone"]);
  const chrome = AGENTS.safari.replace("Version/18.0", "CriOS/143.0");
  assert.equal(browserOf(agentOf({ userAgent: chrome, maxTouchPoints: 5 })), "ios_app");
  for (const maxTouchPoints of [0, 1, /** @type {any} */ (undefined)])
    assert.equal(agentOf({ userAgent: AGENTS.safari, maxTouchPoints }), AGENTS.safari);
  assert.equal(agentOf({ userAgent: AGENTS.edge, maxTouchPoints: 10 }), AGENTS.edge, "a PC with a touch screen");
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
  assert.equal(card(state)?.actions[0]?.href, "?continue", "the result is signed when it is pressed");
  assert.match(card(state)?.note ?? "", /Acme/, "a redirect by itself is announced");
  assert.equal(card(state, { isFramed: true })?.actions[0]?.href, "?continue");
  assert.equal(card(state, { isFramed: true })?.note, "", "a frame never goes by itself");
  const without = stateOn("outcome", { result: { ...result, redirect: null } });
  assert.equal(card(without, { isFramed: true })?.actions[0]?.command, "close");
  assert.deepEqual(card(without)?.actions, []);
});

test("a frame that cannot tell its page offers no button that does nothing", () => {
  const redirect = { url: "https://bank.example/done", status: "approved" };
  const mute = { isFramed: true, canTell: false };
  for (const outcome of OUTCOMES) {
    const result = { outcome, reason: null, redirect: null, support_id: null };
    const shown = card(stateOn("outcome", { result }), mute);
    assert.deepEqual(shown?.actions, []);
    assert.equal(shown?.note, t("outcome.may_close"));
    const [way] = card(stateOn("outcome", { result: { ...result, redirect } }), mute)?.actions ?? [];
    assert.equal(way?.label, t("action.continue"));
  }
});

test("the last picture stays, dimmed, while the connection is away", () => {
  assert.equal(isStageDimmed(stateOn("offline")), true);
  assert.equal(isStageDimmed(stateOn("offline", { camera: "off" })), false);
});

test("an answered consent cannot be pressed again", () => {
  const shown = card(stateOn("consent", { consent: "accepted" }));
  assert.ok(shown?.actions.every((action) => action.isBusy));
});

test("a link that is dead offers no other try, everything else that failed does", () => {
  for (const error of ["unknown_session", "handoff_over"])
    assert.deepEqual(card(stateOn("failed", { error, retryable: false }))?.actions, [], error);
  for (const error of ["timeout", "upload_failed", "other", null])
    for (const retryable of [true, false])
      assert.equal(card(stateOn("failed", { error, retryable }))?.actions.length, 1, `${error}`);
});
