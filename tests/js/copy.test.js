import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { SCREENS } from "../../static/js/capture_state.js";
import { createTranslate, MissingMessage } from "../../static/js/messages.js";
import {
  ESCALATED_HINTS,
  helpOf,
  hintOf,
  promptOf,
  RETURN_HINTS,
  spokenOf,
  stepOf,
} from "../../static/js/prompts.js";
import { CHALLENGE_KINDS, DIRECTIONS, HINT_CODES } from "../../static/js/protocol.js";
import { englishMessages } from "./copy.js";
import { CHALLENGE, stateOn } from "./states.js";

const MESSAGES = englishMessages();
const t = createTranslate(MESSAGES);
const SCRIPTS = new URL("../../static/js/", import.meta.url);
const CODE = readdirSync(SCRIPTS)
  .filter((name) => name.endsWith(".js") && !name.startsWith("demo"))
  .map((name) => readFileSync(new URL(name, SCRIPTS), "utf-8"))
  .join("\n");

/** Every way in which a movement can be asked for. */
const CHALLENGES = CHALLENGE_KINDS.flatMap((kind) => {
  const directions = { head_turn: ["left", "right"], look: ["up", "down"] }[kind] ?? [null];
  return directions.map((direction) => ({ ...CHALLENGE, kind, direction }));
});
const HINTS = HINT_CODES.flatMap((code) =>
  [null, ...(code === "off_centre" ? DIRECTIONS : [])].flatMap((direction) =>
    [false, true].map((escalated) => ({ code, direction, escalated })),
  ),
);

/** Words as a reader counts them. @param {string} text */
const wordsIn = (text) => text.split(/\s+/).filter(Boolean).length;

test("the texts are found", () => {
  assert.ok(Object.keys(MESSAGES).length > 180);
  assert.equal(MESSAGES["consent.title"], "Confirm it's you");
});

test("a text that is missing is an error, not an empty space", () => {
  assert.throws(() => t("nothing.here"), MissingMessage);
  assert.throws(() => t("toString"), MissingMessage);
});

test("values stand where their names were, and are not looked into again", () => {
  const translate = createTranslate({ a: "{name} of {total} {other}" });
  assert.equal(translate("a", { name: "{total}", total: 4 }), "{total} of 4 {other}");
});

test("each movement, hint and screen has its prompt, hint, step and spoken text", () => {
  for (const challenge of CHALLENGES) {
    for (const hint of [null, ...HINTS]) {
      const state = stateOn("challenge", { challenge, hint, reason: null });
      assert.ok(promptOf(state, t));
      assert.equal(hintOf(state, t) === "", hint === null || RETURN_HINTS.includes(hint.code));
      assert.ok(stepOf(state, t));
      assert.ok(spokenOf(state, stateOn("align"), t));
    }
  }
  for (const screen of SCREENS) assert.ok(promptOf(stateOn(screen), t));
});

test("a prompt has at most eight words and no exclamation mark", () => {
  for (const [key, text] of Object.entries(MESSAGES)) {
    assert.ok(!text.includes("!"), key);
    if (key.startsWith("prompt.") || key.startsWith("hint.")) assert.ok(wordsIn(text) <= 8, `${key}: ${text}`);
  }
});

test("no jargon, no blame", () => {
  for (const [key, text] of Object.entries(MESSAGES)) {
    assert.doesNotMatch(text, /liveness|spoof|fake|fraud|invalid|illegal|score|fault/i, key);
  }
});

test("the second half of a movement takes the prompt's place", () => {
  const hint = { code: "return_to_centre", direction: null, escalated: false };
  const state = stateOn("challenge", { hint, reason: null });
  assert.equal(promptOf(state, t), MESSAGES["hint.return_to_centre"]);
  assert.equal(hintOf(state, t), "");
});

test("a hint that has stood for long says more, or where there is help", () => {
  for (const { code, direction, escalated } of HINTS) {
    const hint = { code, direction, escalated };
    const isHelped = escalated && !ESCALATED_HINTS.includes(code);
    const state = stateOn("align", { hint });
    assert.equal(helpOf(state, t), isHelped ? MESSAGES["hint.help"] : "", `${code} ${direction} ${escalated}`);
    assert.ok(hintOf(state, t), "the cause stays");
    const heard = spokenOf(state, stateOn("align", { hint: { ...hint, escalated: false } }), t) ?? "";
    assert.equal(heard.includes(t("hint.help")), isHelped);
  }
});

test("who has tried for long is shown the help, whatever hint stands", () => {
  const usual = stateOn("align", { hint: null });
  for (const hint of [null, { code: "too_dark", direction: null, escalated: true }]) {
    const slow = { ...usual, hint, slow: true };
    assert.equal(helpOf(slow, t), MESSAGES["hint.help"]);
    assert.equal(spokenOf(slow, { ...slow, slow: false }, t), MESSAGES["hint.help"]);
    assert.equal(spokenOf(slow, slow, t), null);
  }
  assert.equal(helpOf(stateOn("processing", { slow: true }), t), "");
});

test("the live region says the movement once, and what changes after it", () => {
  const asked = stateOn("challenge", { hint: null, reason: null });
  assert.match(spokenOf(asked, stateOn("align"), t) ?? "", /^Step 2 of 4\. Turn your head/);
  assert.equal(spokenOf({ ...asked, percent: 70 }, asked, t), null);
  assert.equal(spokenOf({ ...asked, passed: 2 }, asked, t), "Step 2 done.");
});

/** Keys that the scripts put together, such as `retry.${reason}_tip`, as patterns. */
const COMPOSED = [...CODE.matchAll(/`([a-z_]+\.[^`]*\$\{[^`]*)`/g)].map(([, template]) => {
  const pattern = (template ?? "").replaceAll(".", "\\.").replace(/\$\{[^}]+\}/g, "\\w+");
  return new RegExp(`^${pattern}$`);
});

test("no text lies unused", () => {
  for (const key of Object.keys(MESSAGES)) {
    const isNamed = CODE.includes(`"${key}"`);
    // Waiting cards and dialogs take the first part of the key as a whole.
    const isOfGroup = CODE.includes(`"${key.split(".")[0]}"`) && /\.(title|lead|stay|confirm)$/.test(key);
    assert.ok(isNamed || isOfGroup || COMPOSED.some((pattern) => pattern.test(key)), key);
  }
});

test("names of another script stand apart from the words around them", () => {
  const messages = { a: "{name} ({count})" };
  const [latin, arabic] = ["Banco Aurora", "بنك الأفق"];
  const told = (/** @type {string} */ name, /** @type {"ltr"|"rtl"} */ direction) =>
    createTranslate(messages, direction)("a", { name, count: 3 });
  assert.equal(told(latin, "ltr"), `${latin} (3)`);
  assert.equal(told(arabic, "ltr"), `\u2068${arabic}\u2069 (3)`);
  assert.equal(told(latin, "rtl"), `\u2068${latin}\u2069 (3)`);
});
