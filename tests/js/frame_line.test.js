import assert from "node:assert/strict";
import { test } from "node:test";
import { createFrameLine } from "../../static/js/frame_line.js";

const alone = (/** @type {number} */ wayMs) => ({ wayMs, wasAlone: true, isPaused: false });
const paired = (/** @type {number} */ wayMs) => ({ wayMs, wasAlone: false, isPaused: false });

/** A line whose way is known. @param {number} [wayMs] */
function known(wayMs = 180) {
  const line = createFrameLine();
  for (let answer = 0; answer < 3; answer += 1) {
    assert.equal(line.room, 1);
    line.note(alone(wayMs));
  }
  assert.equal(line.room, 2);
  return line;
}

test("one frame until the way is known, then two", () => {
  known();
});

test("where two take hardly longer than one the line is long: two stay", () => {
  const line = known();
  for (let answer = 0; answer < 100; answer += 1) line.note(paired(200 + (answer % 3) * 30));
  assert.equal(line.room, 2);
});

test("where two take as long again the line is narrow: one, and later two are tried again", () => {
  const line = known();
  line.note(paired(360));
  line.note(paired(360));
  assert.equal(line.room, 2, "a delay or two say nothing");
  line.note(paired(360));
  assert.equal(line.room, 1);
  for (let answer = 0; answer < 29; answer += 1) line.note(alone(190));
  assert.equal(line.room, 1);
  line.note(alone(190));
  assert.equal(line.room, 2);
});

test("an answer in time between slow ones begins the count anew", () => {
  const line = known();
  for (const wayMs of [360, 360, 180, 360, 360, 180]) line.note(paired(wayMs));
  assert.equal(line.room, 2);
});

test("a line that has become longer is measured again before two are tried", () => {
  const line = known(150);
  for (let answer = 0; answer < 3; answer += 1) line.note(paired(400));
  for (let answer = 0; answer < 30; answer += 1) line.note(alone(400));
  for (let answer = 0; answer < 9; answer += 1) line.note(paired(430));
  assert.equal(line.room, 2);
});

test("no second frame where the server asks for pauses", () => {
  const line = known();
  line.note({ ...paired(200), isPaused: true });
  assert.equal(line.room, 1);
  line.note(alone(200));
  assert.equal(line.room, 2);
});
