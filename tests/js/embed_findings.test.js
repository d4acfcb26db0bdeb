import assert from "node:assert/strict";
import { test } from "node:test";
import { findingsOf, LEAST_SIZE, mayFrame, recipe } from "../../static/js/embed_findings.js";

/** @typedef {import("../../static/js/embed_findings.js").Seen} Seen */
/** @typedef {import("../../static/js/embed_findings.js").Boot} Boot */

/** @type {Seen} */
const WELL = {
  isFramed: true,
  isSecure: true,
  origin: "https://verify.example",
  ownOrigin: "https://verify.example",
  userAgent: "Mozilla/5.0 Chrome/140",
  cameraAllowed: true,
  hasCameraApi: true,
  cameras: 1,
  ancestors: ["https://shop.example"],
  width: 440,
  height: 700,
};
/** @type {Boot} */
const BOOT = { session: "open", allowed: [], referrer: "https://shop.example", bound: "https://shop.example" };

/** @param {Partial<Seen>} [seen] @param {Partial<Boot>} [boot] @param {string} [level] */
function ids(seen, boot, level = "problem") {
  const findings = findingsOf({ ...WELL, ...seen }, { ...BOOT, ...boot });
  return findings.filter((one) => one.level === level).map(({ id }) => id);
}

test("where all is well nothing is complained of", () => {
  assert.deepEqual(ids(), []);
  assert.deepEqual(ids({}, {}, "note"), []);
  assert.equal(ids({}, {}, "good").length, 9);
});

test("at the top there is no frame to judge", () => {
  const alone = { isFramed: false, ancestors: [] };
  assert.deepEqual(ids(alone, { referrer: null, bound: null, session: "none" }), []);
  assert.deepEqual(ids(alone, { session: "none" }, "good").sort(), ["api", "device", "policy", "secure"]);
});

/** @type {[string, Partial<Seen>, Partial<Boot>, string[]][]} */
const TROUBLES = [
  ["plain http", { isSecure: false, hasCameraApi: false }, {}, ["secure"]],
  ["no allow", { cameraAllowed: false }, {}, ["policy"]],
  ["a proxy's header", { cameraAllowed: false, isFramed: false }, {}, ["policy"]],
  ["a sandbox", { origin: "null", cameraAllowed: false }, {}, ["sandbox", "policy"]],
  ["no referrer", { ancestors: null }, { referrer: null, bound: null }, ["referrer"]],
  ["an http page", { ancestors: ["http://shop.example"] }, { referrer: "http://shop.example" }, ["framing"]],
  ["another site than the list's", {}, { allowed: ["https://app.example"] }, ["framing"]],
  ["a page around the page", { ancestors: ["https://shop.example", "http://a.example"] }, {}, ["framing"]],
  ["a web view", { userAgent: "Mozilla/5.0 (Linux; Android 14; wv) Chrome/140" }, {}, ["api"]],
  ["no interface", { hasCameraApi: false }, {}, ["api"]],
  ["a dead link", {}, { session: "unknown" }, ["session"]],
];
for (const [name, seen, boot, expected] of TROUBLES) {
  test(`${name} is a problem of its own`, () => assert.deepEqual(ids(seen, boot), expected));
}

test("what may be is noted, and is no problem", () => {
  assert.deepEqual(ids({ cameraAllowed: null }, {}, "note"), ["policy"]);
  assert.deepEqual(ids({ cameras: 0 }, {}, "note"), ["device"]);
  assert.deepEqual(ids({ width: LEAST_SIZE.width - 1 }, {}, "note"), ["size"]);
  assert.deepEqual(ids({ height: LEAST_SIZE.height - 1 }, {}, "note"), ["size"]);
  assert.deepEqual(ids({}, { session: "over" }, "note"), ["session"]);
});

test("problems come first, and each says what to write where something is to be written", () => {
  const findings = findingsOf(
    { ...WELL, cameraAllowed: false, cameras: 0 },
    { ...BOOT, allowed: ["https://a.example"] },
  );
  assert.deepEqual(
    findings.map(({ level }) => level),
    [...findings.map(({ level }) => level)].sort((a, b) => "png".indexOf(a[0] ?? "") - "png".indexOf(b[0] ?? "")),
  );
  const snippets = Object.fromEntries(findings.map(({ id, snippet }) => [id, snippet]));
  assert.match(snippets.policy ?? "", /camera=\(self "https:\/\/verify\.example"\)/);
  assert.deepEqual(JSON.parse(snippets.framing ?? ""), {
    allowedFrameOrigins: ["https://a.example", "https://shop.example"],
  });
});

test("who may frame is judged as the server does", () => {
  for (const origin of ["https://a.example", "http://localhost:3000", "http://a.localhost", "http://127.0.0.1:1"])
    assert.ok(mayFrame(origin, []), origin);
  for (const origin of [
    "http://a.example",
    "http://localhost.evil.example",
    "http://127.0.0.1.evil.example",
    "null",
    "",
  ])
    assert.ok(!mayFrame(origin, []), origin);
  assert.ok(!mayFrame("https://a.example:8443", ["https://a.example"]));
});

test("the recipe names this server and nobody else", () => {
  assert.deepEqual(
    new Set(recipe("https://v.example").match(/https?:\/\/[\w.]+/g)),
    new Set(["https://v.example"]),
  );
});
