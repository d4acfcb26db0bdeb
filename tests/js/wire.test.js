import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_FRAME_POLICY, SERVER_EVENTS } from "../../static/js/protocol.js";
import { readFramePolicy, readHello, readResult, readServerEvent } from "../../static/js/wire.js";

const HOSTILE = [
  undefined,
  null,
  0,
  -1,
  Number.NaN,
  "",
  "text",
  true,
  [],
  [[]],
  {},
  { code: {} },
  { state: "__proto__", version: {} },
  { challenge_id: 5, kind: "head_turn" },
  { challenge_id: "c", kind: "head_turn", direction: "sideways" },
  { outcome: "rich", redirect: "javascript:alert(1)" },
  { ticket: { toString: null } },
  JSON.parse('{"__proto__": {"state": "align"}, "state": 7}'),
];

test("nothing the server could send makes a reader throw", () => {
  for (const name of [...SERVER_EVENTS, "unknown", "constructor", "__proto__"]) {
    for (const payload of HOSTILE) assert.doesNotThrow(() => readServerEvent(name, payload), name);
  }
  for (const payload of HOSTILE) {
    assert.doesNotThrow(() => readHello(payload));
    assert.doesNotThrow(() => readFramePolicy(payload));
    assert.equal(readResult(payload), null);
  }
});

test("an event with an unknown name or senseless content is dropped", () => {
  assert.equal(readServerEvent("unknown", {}), null);
  assert.equal(readServerEvent("constructor", {}), null);
  assert.equal(readServerEvent("state", { state: "elsewhere" }), null);
  assert.equal(readServerEvent("hint", { code: "buy_now" }), null);
  assert.equal(readServerEvent("challenge", { challenge_id: "c", nonce: "n", kind: "dance" }), null);
  assert.equal(
    readServerEvent("challenge", { challenge_id: "c", nonce: "n", kind: "look", direction: null }),
    null,
  );
  assert.equal(readServerEvent("challenge", { challenge_id: "c", nonce: "", kind: "smile" }), null);
  assert.equal(readServerEvent("challenge_result", { challenge_id: "c", passed: "yes" }), null);
  assert.equal(readServerEvent("capture_request", { ticket: "" }), null);
});

test("each event is read", () => {
  const challenge = {
    challenge_id: "c",
    nonce: "n",
    kind: "look",
    direction: "up",
    index: 9,
    total: 4,
    time_limit_ms: 15_000,
  };
  assert.deepEqual(readServerEvent("challenge", challenge), {
    type: "challenge",
    challenge: { id: "c", nonce: "n", kind: "look", direction: "up", index: 3, total: 4, timeLimitMs: 15_000 },
  });
  assert.deepEqual(readServerEvent("hint", { code: null }), { type: "hint", hint: null });
  assert.deepEqual(readServerEvent("hint", { code: "off_centre", direction: "left", escalated: true }), {
    type: "hint",
    hint: { code: "off_centre", direction: "left", escalated: true },
  });
  assert.deepEqual(readServerEvent("progress", { challenge_id: "c", percent: 400 }), {
    type: "progress",
    id: "c",
    percent: 100,
  });
  assert.deepEqual(readServerEvent("align_progress", { percent: -5 }), { type: "align_progress", percent: 0 });
  assert.deepEqual(readServerEvent("capture_request", { ticket: "t", max_bytes: 9 }), {
    type: "capture_request",
    capture: { ticket: "t", maxBytes: 9 },
  });
  assert.deepEqual(readServerEvent("draining", { retry_in_ms: 700 }), { type: "draining", retryInMs: 700 });
  assert.deepEqual(readServerEvent("error", {}), {
    type: "server_error",
    code: "unknown",
    retryable: false,
    supportId: null,
  });
});

test("a redirect leads to http or https only", () => {
  /** @param {unknown} url */
  const redirect = (url) => readResult({ outcome: "approved", redirect: { url, status: "approved" } })?.redirect;
  assert.deepEqual(redirect("https://bank.example/done"), {
    url: "https://bank.example/done",
    status: "approved",
  });
  for (const url of ["javascript:alert(1)", " https://x", "//x", "data:text/html,x", "", null, 5]) {
    assert.equal(redirect(url), null);
  }
});

test("a policy without sense keeps the known one", () => {
  assert.deepEqual(readFramePolicy({ width: "wide", fps: 0, quality: 7, max_bytes: -1 }), {
    ...DEFAULT_FRAME_POLICY,
    quality: 1,
  });
});

test("hello needs a state that the protocol knows", () => {
  assert.equal(readHello({ state: "busy" }), null);
  const read = readHello({
    state: "align",
    version: 3,
    attempts_left: 2,
    pauses_left: 1,
    nonce: "n",
    result: null,
  });
  assert.deepEqual(read, {
    type: "hello_accepted",
    server: "align",
    version: 3,
    attemptsLeft: 2,
    pausesLeft: 1,
    nonce: "n",
    framePolicy: DEFAULT_FRAME_POLICY,
    result: null,
  });
});

test("colours of the light challenge are read, and no other colour", () => {
  const sent = { nonce: "n", index: 2, colour: "blue", duration_ms: 650 };
  assert.deepEqual(readServerEvent("light", sent), {
    type: "light",
    light: { nonce: "n", index: 2, colour: "blue" },
  });
  assert.equal(readServerEvent("light", { ...sent, colour: "crimson" }), null);
  assert.equal(readServerEvent("light", { ...sent, nonce: "" }), null);
  assert.deepEqual(readServerEvent("light_notice", { nonce: "n" }), { type: "light_notice", nonce: "n" });
  assert.equal(readServerEvent("light_notice", {}), null);
});
