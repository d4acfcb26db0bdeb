import assert from "node:assert/strict";
import { test } from "node:test";
import { createFrameStream, freshFrames } from "../../static/js/frame_stream.js";

/** @typedef {import("../../static/js/protocol.js").Ack} Ack */

/** Lets everything that is ready run. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A stream whose camera, clock and server are in the test's hand. */
function studio() {
  /** @type {{meta: import("../../static/js/protocol.js").FrameHeader, answer: (ack: Ack) => void}[]} */
  const sent = [];
  /** @type {{ms: number, end: () => void}[]} */
  const pauses = [];
  const log = { frozen: 0, mostInFlight: 0 };
  let inFlight = 0;
  const world = {
    now: 0,
    picture: /** @type {number|null} */ (1),
    challenge: /** @type {string|null} */ (null),
    nonce: /** @type {string|null} */ ("n0"),
    encoded: true,
  };
  const stream = createFrameStream({
    nextFrame: async () => world.picture,
    encode: () => (world.encoded ? new ArrayBuffer(world.picture ?? 0) : null),
    send: (meta) => {
      inFlight += 1;
      log.mostInFlight = Math.max(log.mostInFlight, inFlight);
      return new Promise((resolve) => {
        const answer = (/** @type {Ack} */ ack) => {
          inFlight -= 1;
          resolve(ack);
        };
        sent.push({ meta, answer });
      });
    },
    pause: (ms) =>
      new Promise((resolve) => {
        const until = world.now + ms;
        const end = () => {
          world.now = Math.max(world.now, until);
          resolve();
        };
        pauses.push({ ms, end });
      }),
    now: () => world.now,
    challengeId: () => world.challenge,
    nonce: () => world.nonce,
    fps: () => 10,
    onFrozen: () => {
      log.frozen += 1;
    },
  });
  return { stream, sent, pauses, log, world };
}

test("one frame is in flight, and the next is taken when the last is acknowledged", async () => {
  const { stream, sent, pauses, log, world } = studio();
  stream.start();
  await settle();
  assert.equal(sent.length, 1);
  await settle();
  assert.equal(sent.length, 1, "nothing more without an acknowledgement");
  world.picture = 77;
  sent[0]?.answer({ ok: true });
  await settle();
  pauses[0]?.end();
  await settle();
  assert.equal(sent.length, 2);
  assert.equal(sent[1]?.meta.captured_at_ms, 77, "the newest picture wins");
  assert.equal(log.mostInFlight, 1);
});

test("frames are paced: what encoding and sending took is not waited for again", async () => {
  const { stream, sent, pauses, world } = studio();
  stream.start();
  await settle();
  world.now = 30;
  sent[0]?.answer({ ok: true, next_in_ms: 0 });
  await settle();
  assert.equal(pauses[0]?.ms, 70);
  pauses[0]?.end();
  await settle();
  world.now = 500;
  sent[1]?.answer({ ok: true, next_in_ms: 0 });
  await settle();
  assert.deepEqual([pauses.length, sent.length], [1, 3], "a slow answer is followed by a frame at once");
});

test("the server may slow the page down, but not for ever", async () => {
  const { stream, sent, pauses } = studio();
  stream.start();
  await settle();
  sent[0]?.answer({ ok: true, next_in_ms: 400 });
  await settle();
  assert.equal(pauses[0]?.ms, 400);
  pauses[0]?.end();
  await settle();
  sent[1]?.answer({ ok: true, next_in_ms: 1e9 });
  await settle();
  assert.equal(pauses[1]?.ms, 2_000);
});

test("a refused frame is not repeated at once, and does not end the stream", async () => {
  const { stream, sent, pauses } = studio();
  stream.start();
  await settle();
  sent[0]?.answer({ ok: false, code: "too_fast", next_in_ms: Number.NaN });
  await settle();
  assert.equal(pauses[0]?.ms, 250);
  pauses[0]?.end();
  await settle();
  assert.equal(sent[1]?.meta.seq, 2, "a number is never used twice");
});

test("frames say which challenge they belong to", async () => {
  const { stream, sent, pauses, world } = studio();
  stream.start();
  await settle();
  assert.deepEqual([sent[0]?.meta.challenge_id, sent[0]?.meta.nonce], [null, "n0"]);
  world.challenge = "c1";
  world.nonce = "n1";
  sent[0]?.answer({ ok: true });
  await settle();
  pauses[0]?.end();
  await settle();
  assert.deepEqual([sent[1]?.meta.challenge_id, sent[1]?.meta.nonce], ["c1", "n1"]);
});

test("nothing is sent before the server has said for what it takes frames", async () => {
  const { stream, sent, pauses, world } = studio();
  world.nonce = null;
  stream.start();
  await settle();
  assert.deepEqual([sent.length, pauses.length, stream.lastSeq], [0, 1, 0]);
  world.nonce = "n1";
  pauses[0]?.end();
  await settle();
  assert.deepEqual([sent[0]?.meta.seq, sent[0]?.meta.nonce], [1, "n1"]);
});

test("after a lost connection the numbers go on where the server's stand", async () => {
  const { stream, sent, pauses } = studio();
  stream.start();
  for (const [number, ack] of [
    { ok: true },
    { ok: false, code: "offline" },
    { ok: false, code: "out_of_order", expected_seq: 2 },
    { ok: false, code: "stale", expected_seq: 9 },
    { ok: false, code: "too_fast", expected_seq: "soon" },
    { ok: true },
  ].entries()) {
    await settle();
    sent[number]?.answer(ack);
    await settle();
    pauses[number]?.end();
  }
  await settle();
  assert.deepEqual(
    sent.map(({ meta }) => meta.seq),
    [1, 2, 3, 2, 9, 10, 11],
  );
});

test("what an earlier run left on its way counts, and its answer puts the numbers right", async () => {
  const { stream, sent, pauses, world } = studio();
  stream.start();
  await settle();
  stream.stop();
  stream.start();
  await settle();
  assert.equal(sent.length, 1, "it is not answered yet");
  world.now = 5;
  sent[0]?.answer({ ok: false, code: "not_expected", expected_seq: 1 });
  await settle();
  pauses.at(-1)?.end();
  await settle();
  assert.equal(sent[1]?.meta.seq, 1);
});

test("a stopped stream sends nothing more, and numbers go on when it starts again", async () => {
  const { stream, sent, pauses } = studio();
  stream.start();
  stream.start();
  await settle();
  assert.equal(sent.length, 1, "starting twice is starting once");
  stream.stop();
  stream.stop();
  sent[0]?.answer({ ok: true });
  await settle();
  assert.equal(pauses.length, 0);
  assert.equal(stream.isRunning, false);
  stream.start();
  await settle();
  assert.equal(sent[1]?.meta.seq, 2);
  assert.equal(stream.lastSeq, 2);
});

test("a picture that cannot be encoded small enough is left out", async () => {
  const { stream, sent, pauses, world } = studio();
  world.encoded = false;
  stream.start();
  await settle();
  assert.equal(sent.length, 0);
  assert.equal(pauses.length, 1);
});

test("a frozen camera is told of once, and the stream can start again", async () => {
  const { stream, sent, log, world } = studio();
  world.picture = null;
  stream.start();
  await settle();
  assert.deepEqual([log.frozen, stream.isRunning, sent.length], [1, false, 0]);
  world.picture = 5;
  stream.start();
  await settle();
  assert.equal(sent.length, 1);
});

/** A video whose pictures the test shows. */
function screen() {
  /** @type {(() => void)[]} */
  let callbacks = [];
  const video = {
    readyState: 4,
    currentTime: 0,
    requestVideoFrameCallback: (/** @type {() => void} */ callback) => callbacks.push(callback),
  };
  const paint = () => {
    const due = callbacks;
    callbacks = [];
    for (const callback of due) callback();
  };
  return { video: /** @type {any} */ (video), paint, waiting: () => callbacks.length };
}

test("the same picture is never taken twice", async () => {
  const { video, paint, waiting } = screen();
  const nextFrame = freshFrames(video);
  const first = nextFrame();
  paint();
  assert.equal(typeof (await first), "number");
  let isTaken = false;
  const second = nextFrame().then(() => {
    isTaken = true;
  });
  paint();
  await settle();
  assert.deepEqual([isTaken, waiting()], [false, 1]);
  video.currentTime = 0.033;
  paint();
  await second;
  assert.equal(isTaken, true);
});

test("each picture is later than the one before, whatever the clock says", async () => {
  const { video } = screen();
  const nextFrame = freshFrames(video);
  const clock = performance.now;
  performance.now = () => 1000;
  try {
    const times = [];
    for (video.currentTime = 1; video.currentTime < 4; video.currentTime += 1) times.push(await nextFrame());
    const [first = 0] = /** @type {number[]} */ (times);
    assert.deepEqual(times, [first, first + 1, first + 2]);
  } finally {
    performance.now = clock;
  }
});

test("a page that is not painted still takes pictures", async () => {
  const { video } = screen();
  assert.equal(typeof (await freshFrames(video)()), "number");
});

test("a camera that shows nothing new has frozen", async () => {
  const { video } = screen();
  video.readyState = 0;
  assert.equal(await freshFrames(video, 1)(), null);
});
