import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER_MS, createAnnouncer, createButtonAnswer, isOutdated } from "../../static/js/announcer.js";
import { stateOn } from "./states.js";

/** A live region, and all that a screen reader makes of it. */
function region() {
  /** @type {string[]} */
  const heard = [];
  let text = "";
  return {
    heard,
    get textContent() {
      return text;
    },
    set textContent(value) {
      text = value;
      if (value !== "") heard.push(value);
    },
  };
}

const HINT = Object.freeze({ code: "too_far", direction: null, escalated: false });

test("the same hint is said again when it comes back, and not while it stands", () => {
  const polite = region();
  const announcer = createAnnouncer(/** @type {any} */ (polite), /** @type {any} */ (region()));
  const [without, hinted] = [stateOn("align"), stateOn("align", { hint: HINT })];
  for (const [next, previous] of [
    [hinted, without],
    [{ ...hinted, alignPercent: 5 }, hinted],
    [without, hinted],
    [hinted, without],
  ]) {
    if (next === undefined || previous === undefined) continue;
    if (isOutdated(next, previous)) announcer.forget();
    if (next.hint !== null) announcer.say("Move a little closer");
  }
  assert.deepEqual(polite.heard, ["Move a little closer", "Move a little closer"]);
});

test("a card that comes back is as urgent as the first time", () => {
  const [polite, urgent] = [region(), region()];
  const announcer = createAnnouncer(/** @type {any} */ (polite), /** @type {any} */ (urgent));
  announcer.say("Try once more", true);
  assert.equal(isOutdated(stateOn("align"), stateOn("retry")), true);
  announcer.forget();
  announcer.say("Put your face in the oval");
  announcer.say("Try once more", true);
  assert.deepEqual(urgent.heard, ["Try once more", "Try once more"]);
  assert.deepEqual(polite.heard, ["Put your face in the oval"]);
});

/** @param {string} textContent */
function buttonOf(textContent) {
  const style = { minInlineSize: "", minBlockSize: "" };
  const element = { textContent, style, getBoundingClientRect: () => ({ width: 180.5, height: 52 }) };
  return { element, asButton: /** @type {any} */ (element) };
}

test("a pressed button says what came of it, for a while and without a jump", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const answer = createButtonAnswer();
  const { element, asButton } = buttonOf("Copy the link");
  answer(asButton, "Link copied.");
  assert.equal(element.textContent, "Link copied.");
  assert.deepEqual(element.style, { minInlineSize: "180.5px", minBlockSize: "52px" });
  t.mock.timers.tick(ANSWER_MS - 1);
  assert.equal(element.textContent, "Link copied.");
  t.mock.timers.tick(1);
  assert.equal(element.textContent, "Copy the link");
  assert.deepEqual(element.style, { minInlineSize: "", minBlockSize: "" });
});

test("pressed again meanwhile it says so for as long, and never forgets its name", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const answer = createButtonAnswer();
  const [first, other] = [buttonOf("Copy the link"), buttonOf("Copy")];
  answer(first.asButton, "Link copied.");
  t.mock.timers.tick(ANSWER_MS / 2);
  answer(first.asButton, "Link copied.");
  t.mock.timers.tick(ANSWER_MS / 2);
  assert.equal(first.element.textContent, "Link copied.");
  answer(other.asButton, "Link copied.");
  assert.equal(first.element.textContent, "Copy the link");
  t.mock.timers.tick(ANSWER_MS);
  assert.equal(other.element.textContent, "Copy");
});
