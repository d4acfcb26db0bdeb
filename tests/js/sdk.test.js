import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { listenToParent } from "../../static/js/parent_messages.js";
import { PARENT_MESSAGES } from "../../static/js/protocol.js";
import { BonafideCapture, eventOf, frameHeight, open, sessionAddress } from "../../static/sdk/bonafide.js";

const FILE = readFileSync(new URL("../../static/sdk/bonafide.js", import.meta.url));
const ORIGIN = "https://verify.example";
const FRAME = {};

/** @param {object} [data] @param {object} [message] */
function said(data, message) {
  const whole = { source: "bonafide", v: 1, type: "step", sessionId: "s1", data: { step: "align" }, ...data };
  return /** @type {any} */ ({ data: whole, origin: ORIGIN, source: FRAME, ...message });
}

test("the SDK is one small module that needs nothing", () => {
  assert.ok(gzipSync(FILE, { level: 9 }).length < 5_000);
  assert.doesNotMatch(FILE.toString(), /^\s*import\b|\bimport\(|\bfetch\(|innerHTML|https?:\/\/\w/m);
});

test("it may be imported where there is no browser", () => {
  assert.equal(typeof BonafideCapture, "function");
});

test("every message of the page is an event, under the name that is documented", () => {
  for (const type of PARENT_MESSAGES) {
    const expected = type === "close_request" ? "close" : type;
    assert.equal(eventOf(said({ type }), ORIGIN, FRAME)?.type, expected);
  }
  assert.deepEqual(eventOf(said(), ORIGIN, FRAME), { type: "step", detail: { step: "align", sessionId: "s1" } });
});

test("data cannot name another session than the message", () => {
  const event = eventOf(said({ data: { sessionId: "other", step: "x" } }), ORIGIN, FRAME);
  assert.equal(event?.detail.sessionId, "s1");
});

const IGNORED = {
  "another origin": said({}, { origin: "https://evil.example" }),
  "an origin that begins alike": said({}, { origin: "https://verify.example.evil.example" }),
  "a sandbox": said({}, { origin: "null" }),
  "another frame of our origin": said({}, { source: {} }),
  "no window": said({}, { source: null }),
  "another sender": said({ source: "devtools" }),
  "another version": said({ v: 2 }),
  "an unknown type": said({ type: "approved" }),
  "a type of the prototype": said({ type: "constructor" }),
  "no object": said({}, { data: "completed" }),
  nothing: said({}, { data: null }),
};
for (const [name, message] of Object.entries(IGNORED)) {
  test(`${name} is not heard`, () => assert.equal(eventOf(message, ORIGIN, FRAME), null));
}

test("without a frame nothing is heard, not even what has no sender", () => {
  assert.equal(eventOf(said({}, { source: null }), ORIGIN, null), null);
  assert.equal(eventOf(said({}, { source: undefined }), ORIGIN, undefined), null);
});

test("only web addresses are opened", () => {
  assert.equal(sessionAddress("https://verify.example/session/t").origin, ORIGIN);
  assert.equal(sessionAddress("http://127.0.0.1:8000/session/t").protocol, "http:");
  for (const bad of [
    "javascript:alert(1)",
    "data:text/html,x",
    "blob:https://a.example/1",
    "/session/t",
    "",
    "https://",
    "https://user:pw@verify.example/",
    null,
    undefined,
    7,
    {},
    ["https://verify.example/"],
  ]) {
    assert.throws(() => sessionAddress(bad), TypeError);
    assert.throws(() => open(/** @type {any} */ (bad), { mode: "redirect" }), TypeError);
  }
});

test("a frame is made neither tiny nor endless, whatever it asks", () => {
  assert.equal(frameHeight(640.2), 641);
  assert.equal(frameHeight(-5), 320);
  assert.equal(frameHeight(1e9), 2_000);
  for (const odd of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY, "900", {}])
    assert.equal(frameHeight(odd), 700);
});

/** @param {string|null} frameOrigin @param {boolean} [isAlone] */
function pageOf(frameOrigin, isAlone = false) {
  /** @type {((message: object) => void)[]} */
  const heard = [];
  let closes = 0;
  const page = { addEventListener: (/** @type {string} */ _, /** @type {any} */ hear) => heard.push(hear) };
  const parent = isAlone ? page : FRAME;
  const onClose = () => {
    closes += 1;
  };
  listenToParent(/** @type {any} */ ({ page, parent, frameOrigin, onClose }));
  return {
    /** @param {object} message */
    closesAfter(message) {
      for (const hear of heard) hear(message);
      return closes;
    },
  };
}
const WISH = {
  source: FRAME,
  origin: "https://shop.example",
  data: { source: "bonafide-sdk", v: 1, type: "close" },
};

test("the page hears the wish to close from its parent at the bound origin, and nothing else", () => {
  const page = pageOf("https://shop.example");
  assert.equal(page.closesAfter({ ...WISH, origin: "https://evil.example" }), 0);
  assert.equal(page.closesAfter({ ...WISH, source: {} }), 0);
  assert.equal(page.closesAfter({ ...WISH, data: null }), 0);
  assert.equal(page.closesAfter({ ...WISH, data: { ...WISH.data, type: "approve" } }), 0);
  assert.equal(page.closesAfter({ ...WISH, data: { ...WISH.data, v: 2 } }), 0);
  assert.equal(page.closesAfter({ ...WISH, data: { ...WISH.data, source: "bonafide" } }), 0);
  assert.equal(page.closesAfter(WISH), 1);
  assert.equal(pageOf(null).closesAfter(WISH), 0);
  assert.equal(pageOf("https://shop.example", true).closesAfter(WISH), 0);
});
