import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

const SHOP = "https://shop.example";

function closeButton() {
  /** @type {(() => void)[]} */
  const pressed = [];
  return {
    hidden: true,
    addEventListener: (/** @type {string} */ _, /** @type {() => void} */ hear) => pressed.push(hear),
    press() {
      for (const hear of pressed) hear();
    },
  };
}

let loads = 0;
const globals = /** @type {any} */ (globalThis);

/**
 * The page of a dead link as a browser runs it.
 * @param {object} boot @param {{isFramed?: boolean, hasOpener?: boolean}} [around]
 */
async function load(boot, { isFramed = true, hasOpener = false } = {}) {
  /** @type {[{type: string, data: any, sessionId: string|null}, string][]} */
  const posted = [];
  /** @type {((message: object) => void)[]} */
  const listeners = [];
  const other = { postMessage: (/** @type {any} */ ...args) => posted.push(args) };
  const close = closeButton();
  const page = {
    parent: /** @type {any} */ (other),
    opener: hasOpener ? other : null,
    addEventListener: (/** @type {string} */ _, /** @type {any} */ hear) => listeners.push(hear),
  };
  if (!isFramed) page.parent = page;
  const parts = { boot: { textContent: JSON.stringify(boot) } };
  Object.assign(globals, {
    window: page,
    document: {
      getElementById: (/** @type {keyof typeof parts} */ id) => parts[id] ?? null,
      querySelector: (/** @type {string} */ selector) => (selector === "[data-close]" ? close : null),
    },
  });
  loads += 1;
  await import(`../../static/js/link_problem.js?${loads}`);
  const wish = { source: other, origin: SHOP, data: { source: "bonafide-sdk", v: 1, type: "close" } };
  return {
    posted,
    close,
    askToClose() {
      for (const hear of listeners) hear(wish);
    },
    told: () => posted.map(([{ type, data }]) => [type, data]),
  };
}

afterEach(() => {
  for (const name of ["window", "document"]) delete globals[name];
});

const EXPIRED = Object.freeze({ code: "expired", frameOrigin: SHOP, sessionId: "s1" });
const UNAVAILABLE = Object.freeze({ code: "unavailable", frameOrigin: SHOP, sessionId: null });

test("an expired link is ready, and over", async () => {
  const { posted, told } = await load(EXPIRED);
  assert.deepEqual(told(), [
    ["ready", {}],
    ["step", { step: "outcome" }],
    ["completed", { outcome: "expired", reason: null }],
  ]);
  for (const [message, origin] of posted) assert.deepEqual([origin, message.sessionId], [SHOP, "s1"]);
});

test("a server in trouble is an error that may pass", async () => {
  const { told } = await load(UNAVAILABLE);
  assert.deepEqual(told(), [
    ["ready", {}],
    ["step", { step: "failed" }],
    ["error", { code: "unavailable", retryable: true }],
  ]);
});

test("whoever opened it in a tab is told as well, and nobody where there is nobody", async () => {
  assert.equal((await load(EXPIRED, { isFramed: false, hasOpener: true })).posted.length, 3);
  assert.deepEqual((await load(EXPIRED, { isFramed: false })).posted, []);
});

test("it closes by its button and by the wish of the page around", async () => {
  const { close, askToClose, told } = await load(EXPIRED);
  assert.equal(close.hidden, false);
  close.press();
  askToClose();
  assert.deepEqual(told().slice(3), [
    ["close_request", {}],
    ["close_request", {}],
  ]);
});

test("only a frame has a button that closes it", async () => {
  assert.equal((await load(EXPIRED, { isFramed: false, hasOpener: true })).close.hidden, true);
});
