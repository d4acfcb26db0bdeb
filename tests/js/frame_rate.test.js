import assert from "node:assert/strict";
import { test } from "node:test";
import { createFrameStream } from "../../static/js/frame_stream.js";

/** @typedef {import("../../static/js/protocol.js").Ack} Ack */

/** Lets everything that is ready run. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/**
 * A stream on a line in virtual time: a camera of 30 pictures a second, `wayMs` there and back, one frame after the
 * other where it is narrow (`serialMs` each). `pauseMs` is what the server asks for after `pausedFromMs`.
 * @param {{wayMs: number, serialMs?: number, pauseMs?: number, pausedFromMs?: number, untilMs?: number,
 *   answer?: (meta: import("../../static/js/protocol.js").FrameHeader) => Ack, nonce?: () => string}} how
 */
async function onLine({ wayMs, serialMs = 0, pauseMs = 0, pausedFromMs = 0, untilMs = 20_000, answer, nonce }) {
  /** @type {{atMs: number, run: () => void}[]} */
  const timers = [];
  let now = 0;
  let freeMs = 0;
  let onTheWay = 0;
  const at = (/** @type {number} */ atMs) =>
    new Promise((/** @type {(value: void) => void} */ run) => timers.push({ atMs, run }));
  /** @type {{atMs: number, wasAlone: boolean, most: number, seq: number}[]} */
  const sent = [];
  const stream = createFrameStream({
    nextFrame: async () => {
      await at((Math.floor(now / 33.4) + 1) * 33.4);
      return now;
    },
    encode: () => new ArrayBuffer(1),
    send: async (meta) => {
      onTheWay += 1;
      sent.push({ atMs: now, wasAlone: onTheWay === 1, most: onTheWay, seq: meta.seq });
      freeMs = Math.max(freeMs, now) + serialMs;
      await at(freeMs + wayMs);
      onTheWay -= 1;
      return answer?.(meta) ?? { ok: true, next_in_ms: now >= pausedFromMs ? pauseMs : 0 };
    },
    pause: (ms) => at(now + ms),
    now: () => now,
    challengeId: () => null,
    nonce: nonce ?? (() => "n"),
    fps: () => 10,
    onFrozen: () => assert.fail("the camera goes on"),
  });
  stream.start();
  while (now < untilMs) {
    await settle();
    timers.sort((one, other) => one.atMs - other.atMs);
    const next = timers.shift();
    assert.ok(next);
    now = Math.max(now, next.atMs);
    next.run();
  }
  stream.stop();
  const gaps = sent.slice(1).map(({ atMs }, place) => atMs - (sent[place]?.atMs ?? 0));
  return { sent, gaps: gaps.slice(10), most: Math.max(...sent.map(({ most }) => most)) };
}

/** @param {number[]} values */
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

test("on a short line one frame is on its way, ten a second", async () => {
  const { gaps, most } = await onLine({ wayMs: 60 });
  assert.equal(most, 1);
  assert.ok(Math.abs(mean(gaps) - 117) < 20, String(mean(gaps)));
});

test("on a long line two frames are on their way, evenly, and no rate is lost", async () => {
  for (const wayMs of [150, 180, 220, 300, 400]) {
    const { gaps, most } = await onLine({ wayMs });
    assert.equal(most, 2);
    const even = Math.max(117, wayMs / 2);
    assert.ok(mean(gaps) < even + 35, `${wayMs}: ${mean(gaps)}`);
    assert.ok(Math.max(...gaps) < even + 75, `${wayMs}: in pairs, ${Math.max(...gaps)}`);
  }
});

test("on a narrow line frames soon go alone, since two would only wait for each other", async () => {
  const { sent } = await onLine({ wayMs: 20, serialMs: 180, untilMs: 60_000 });
  const paired = sent.filter(({ wasAlone }) => !wasAlone).length;
  assert.ok(paired / sent.length < 0.2, `${paired} of ${sent.length}`);
  assert.ok(
    sent.slice(-60).some(({ wasAlone }) => !wasAlone),
    "two are tried again now and then",
  );
});

test("where the server asks for pauses one frame is on its way, as far apart as it wants", async () => {
  const { sent } = await onLine({ wayMs: 180, pauseMs: 200, pausedFromMs: 8_000 });
  assert.ok(sent.some(({ wasAlone }) => !wasAlone));
  const later = sent.filter(({ atMs }) => atMs > 9_000);
  assert.ok(later.every(({ wasAlone }) => wasAlone));
  assert.ok((later[1]?.atMs ?? 0) - (later[0]?.atMs ?? 0) >= 380);
});

test("a frame that was sent before the next prompt came costs no pause, and its number is used up", async () => {
  let nonce = "n0";
  let answered = 0;
  const { sent, gaps } = await onLine({
    wayMs: 180,
    untilMs: 4_000,
    nonce: () => nonce,
    answer: ({ nonce: of, seq }) => {
      answered += 1;
      if (answered % 8 === 0) nonce = `n${answered}`;
      return of === nonce || answered % 8 === 0
        ? { ok: true, next_in_ms: 0 }
        : { ok: false, code: "other_challenge", expected_seq: seq + 1 };
    },
  });
  assert.deepEqual(
    sent.map(({ seq }) => seq),
    sent.map((_, place) => place + 1),
  );
  assert.ok(Math.max(...gaps) < 200, String(Math.max(...gaps)));
});

test("after a refusal both frames are waited for, and numbers go on where the server's stand", async () => {
  let taken = 0;
  let isLost = false;
  const { sent } = await onLine({
    wayMs: 180,
    answer: ({ seq }) => {
      // One frame never came: from then on the server waits for its number.
      if (seq === 20 && !isLost) {
        isLost = true;
        return { ok: false, code: "timeout" };
      }
      if (seq !== taken + 1) return { ok: false, code: "out_of_order", expected_seq: taken + 1 };
      taken = seq;
      return { ok: true, next_in_ms: 0 };
    },
  });
  assert.ok(taken > 150, String(taken));
  const wrong = sent.filter(({ seq }, place) => place > 0 && seq !== (sent[place - 1]?.seq ?? 0) + 1);
  assert.equal(wrong.length, 1, "put right once, and for good");
});
