import assert from "node:assert/strict";
import { test } from "node:test";
import { createAnnouncer, isOutdated } from "../../static/js/announcer.js";
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
