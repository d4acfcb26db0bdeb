import assert from "node:assert/strict";
import { test } from "node:test";
import { DIALOGS, SCREENS } from "../../static/js/capture_state.js";
import {
  CAMERA_TROUBLES,
  CHALLENGE_KINDS,
  HINT_CODES,
  LIGHT_COLOURS,
  OUTCOMES,
  RETRY_REASONS,
} from "../../static/js/protocol.js";
import { looks } from "./gallery_states.js";

/** @typedef {import("../../static/js/capture_state.js").State} State */

const states = looks().map(({ state }) => state);

/** @param {readonly string[]} wanted @param {(state: State) => string|null|undefined} of */
function assertAllShown(wanted, of) {
  const shown = new Set(states.map(of));
  assert.deepEqual(
    wanted.filter((one) => !shown.has(one)),
    [],
  );
}

test("the gallery shows every screen, dialog, trouble, hint, movement, colour, reason and outcome", () => {
  assertAllShown(SCREENS, ({ screen }) => screen);
  assertAllShown(DIALOGS, ({ dialog }) => dialog);
  assertAllShown(CAMERA_TROUBLES, ({ screen, trouble }) => (screen === "blocked" && trouble ? trouble : null));
  assertAllShown(HINT_CODES, ({ hint }) => hint?.code);
  assertAllShown(CHALLENGE_KINDS, ({ screen, challenge }) => (screen === "challenge" ? challenge?.kind : null));
  assertAllShown(LIGHT_COLOURS, ({ light }) => light?.colour);
  assertAllShown(RETRY_REASONS, ({ screen, reason }) => (screen === "retry" ? reason : null));
  assertAllShown(OUTCOMES, ({ result }) => result?.outcome);
});

test("the name of a look is a file's, and its own", () => {
  const names = looks().map(({ name }) => name);
  for (const name of names) assert.match(name, /^[a-z_]+(-[a-z_]+)*$/);
  assert.equal(new Set(names).size, names.length);
});
