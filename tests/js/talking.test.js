import assert from "node:assert/strict";
import { test } from "node:test";
import { reduce } from "../../static/js/capture_machine.js";
import { newPageId, tokenOf } from "../../static/js/page.js";
import { createParentMessages, integratorOf, keepFrameOrigin } from "../../static/js/parent_messages.js";
import { createSocket } from "../../static/js/socket.js";
import { uploadStill } from "../../static/js/upload.js";
import { stateOn } from "./states.js";

/** @typedef {import("../../static/js/capture_state.js").MachineEvent} MachineEvent */

const STILL = new Blob(["jpeg"]);

/** @param {(() => Promise<Response>)[]} answers @returns {{fetcher: typeof fetch, asked: RequestInit[]}} */
function network(...answers) {
  /** @type {RequestInit[]} */
  const asked = [];
  /** @param {unknown} _address @param {RequestInit} [init] */
  const fetcher = async (_address, init = {}) => {
    asked.push(init);
    const answer = answers.shift();
    assert.ok(answer, "asked too often");
    return answer();
  };
  return { fetcher, asked };
}

const offline = async () => {
  throw new TypeError("offline");
};
/** @param {unknown} body @param {number} [status] */
const json =
  (body, status = 200) =>
  async () =>
    Response.json(body, { status });

test("the still goes with its ticket, and without cookies", async () => {
  const { fetcher, asked } = network(json({ ok: true, state: "processing", result: null }));
  assert.deepEqual(await uploadStill(fetcher, "secret", STILL), { type: "uploaded", result: null });
  assert.deepEqual(asked[0]?.headers, { Authorization: "Ticket secret", "Content-Type": "image/jpeg" });
  assert.equal(asked[0]?.credentials, "omit");
});

test("a network that fails is tried twice, a refusal once", async () => {
  const twice = network(offline, json({ ok: true, result: null }));
  assert.equal((await uploadStill(twice.fetcher, "t", STILL)).type, "uploaded");
  const never = network(offline, offline);
  assert.equal((await uploadStill(never.fetcher, "t", STILL)).type, "upload_failed");
  const refused = network(json({ ok: false, code: "bad_ticket", support_id: "s1" }, 401));
  assert.equal((await uploadStill(refused.fetcher, "t", STILL)).type, "upload_failed");
  assert.equal(refused.asked.length, 1);
});

test("why a still was refused is told, and a network gives no reason", async () => {
  for (const code of ["no_face", "not_an_image", "bad_ticket", "too_large", "not_expected", "unavailable"]) {
    const { fetcher } = network(json({ ok: false, code, support_id: "s1" }, 400));
    const answer = await uploadStill(fetcher, "t", STILL);
    assert.deepEqual(answer, { type: "upload_failed", code, supportId: "s1" });
  }
  const lost = { type: "upload_failed", code: null, supportId: null };
  assert.deepEqual(await uploadStill(network(offline, offline).fetcher, "t", STILL), lost);
  assert.deepEqual(await uploadStill(network(json({ code: 7 }, 500)).fetcher, "t", STILL), lost);
});

test("an answer that is no JSON, or null, is no success", async () => {
  const html = async () => new Response("<h1>Bad gateway</h1>", { status: 502 });
  assert.equal((await uploadStill(network(html, html).fetcher, "t", STILL)).type, "upload_failed");
  assert.equal((await uploadStill(network(json(null, 500)).fetcher, "t", STILL)).type, "upload_failed");
});

/** @param {string|null} frameOrigin @param {boolean} [isFramed] */
function parentOf(frameOrigin, isFramed = true) {
  /** @type {unknown[][]} */
  const posted = [];
  const parent = { postMessage: (/** @type {unknown[]} */ ...args) => posted.push(args) };
  const self = isFramed ? {} : parent;
  const parts = { parent, self, frameOrigin, sessionId: "s", now: () => 7 };
  return { posted, tell: createParentMessages(/** @type {any} */ (parts)) };
}

test("the parent is told at its bound origin only, never everywhere", () => {
  const { posted, tell } = parentOf("https://bank.example");
  tell("completed", { outcome: "approved" });
  const message = {
    source: "bonafide",
    v: 1,
    type: "completed",
    sessionId: "s",
    data: { outcome: "approved" },
    ts: 7,
  };
  assert.deepEqual(posted, [[message, "https://bank.example"]]);
});

test("no parent, no bound origin or no known type: no message", () => {
  const cases = [parentOf(null), parentOf("https://bank.example", false)];
  for (const { posted, tell } of cases) {
    tell("ready");
    assert.deepEqual(posted, []);
  }
  const { posted, tell } = parentOf("https://bank.example");
  tell("secrets", { token: "t" });
  assert.deepEqual(posted, []);
});

test("whoever frames the page is talked to, else whoever opened it", () => {
  const [parent, opener] = [{}, {}];
  const alone = /** @type {any} */ ({ opener: null });
  alone.parent = alone;
  assert.equal(integratorOf(alone), alone);
  assert.equal(integratorOf({ ...alone, parent, opener }), parent);
  const tab = { ...alone, opener };
  tab.parent = tab;
  assert.equal(integratorOf(tab), opener);
});

test("a page that is loaded again can still say who frames it", () => {
  /** @type {string[]} */
  const addresses = [];
  const history = { replaceState: (/** @type {unknown[]} */ ...[, , address]) => addresses.push(String(address)) };
  const page = /** @type {any} */ ({ history });
  const parent = /** @type {any} */ ({});
  keepFrameOrigin({ page, parent, frameOrigin: "https://shop.example:8443" });
  assert.deepEqual(addresses, ["?from=https%3A%2F%2Fshop.example%3A8443"]);
  keepFrameOrigin({ page, parent, frameOrigin: null });
  keepFrameOrigin({ page, parent: page, frameOrigin: "https://shop.example" });
  assert.equal(addresses.length, 1);
  history.replaceState = () => {
    throw new DOMException("sandboxed", "SecurityError");
  };
  assert.doesNotThrow(() => keepFrameOrigin({ page, parent, frameOrigin: "https://shop.example" }));
});

test("the token is the last part of the path", () => {
  assert.equal(tokenOf({ pathname: "/session/abc.def" }), "abc.def");
  assert.equal(tokenOf({ pathname: "/session/abc/" }), "abc");
  assert.equal(tokenOf({ pathname: "/" }), "");
});

test("page ids are random UUIDs of version 4", () => {
  const ids = Array.from({ length: 20 }, () => newPageId(crypto));
  for (const id of ids) assert.match(id, /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  assert.equal(new Set(ids).size, ids.length);
});

/** A Socket.IO client of our own: what it is asked, and what it answers. */
function line() {
  /** @type {Map<string, (payload?: unknown) => unknown>} */
  const handlers = new Map();
  /** @type {[string, unknown][]} */
  const asked = [];
  /** @type {MachineEvent[]} */
  const events = [];
  const log = { connects: 0, disconnects: 0, options: /** @type {any} */ (null) };
  /** @type {Record<string, unknown>} */
  const answers = {};
  const client = {
    connected: true,
    on: (/** @type {string} */ name, /** @type {() => unknown} */ handler) => handlers.set(name, handler),
    connect: () => {
      log.connects += 1;
      return client;
    },
    disconnect: () => {
      log.disconnects += 1;
      return client;
    },
    timeout: () => ({
      emitWithAck: async (/** @type {string} */ name, /** @type {unknown} */ payload) => {
        asked.push([name, payload]);
        if (!(name in answers)) throw new Error("operation has timed out");
        return answers[name];
      },
    }),
  };
  const socket = createSocket({
    io: /** @type {any} */ (
      (/** @type {string} */ _namespace, /** @type {object} */ options) => {
        log.options = options;
        return client;
      }
    ),
    token: "tok",
    hello: () => ({ page_id: "p" }),
    dispatch: (event) => events.push(event),
  });
  /** @param {string} name @param {unknown} [payload] */
  const hear = (name, payload) => handlers.get(name)?.(payload);
  return { socket, client, asked, answers, events, log, hear };
}

const HELLO = Object.freeze({ ok: true, state: "camera", version: 1, attempts_left: 3, result: null });

test("the token goes into auth, over a websocket only", () => {
  const { log } = line();
  assert.deepEqual([log.options.auth, log.options.transports], [{ token: "tok" }, ["websocket"]]);
});

test("after each connection hello comes first", async () => {
  const { asked, answers, events, hear } = line();
  answers.hello = HELLO;
  await hear("connect");
  assert.deepEqual(asked, [["hello", { page_id: "p" }]]);
  assert.deepEqual(
    events.map((event) => event.type),
    ["hello_accepted"],
  );
});

test("a refused connection says why, a broken one that it is lost", async () => {
  const { events, hear } = line();
  hear("connect_error", Object.assign(new Error("no"), { data: { code: "busy" } }));
  hear("connect_error", new Error("websocket error"));
  assert.deepEqual(events, [{ type: "refused", code: "busy" }, { type: "connection_lost" }]);
});

test("a server that bears no further capture lets the camera wait, and hello after it", async () => {
  const { socket, answers, events, hear } = line();
  answers.camera = answers.hello = { ok: false, code: "busy", retryable: true, support_id: null };
  await socket.camera({});
  await hear("connect");
  assert.deepEqual(events, [
    { type: "refused", code: "busy" },
    { type: "refused", code: "busy" },
  ]);
});

test("an unanswered hello or frame renews the connection", async () => {
  for (const act of [
    (/** @type {ReturnType<typeof line>} */ { hear }) => hear("connect"),
    (/** @type {ReturnType<typeof line>} */ { socket }) => socket.frame({}, new ArrayBuffer(1)),
  ]) {
    const made = line();
    await act(made);
    assert.deepEqual(made.events, [{ type: "connection_lost" }]);
    assert.deepEqual([made.log.disconnects, made.log.connects], [1, 1]);
  }
});

test("an answer leads to the state it carries, a refusal to its screen", async () => {
  const { socket, answers, events } = line();
  answers.consent = { ok: true, state: "camera", version: 4, attempts_left: 3, reason: null };
  await socket.consent("v", true);
  answers.camera = { ok: false, code: "unavailable", retryable: true, support_id: "s" };
  await socket.camera({});
  assert.deepEqual(events, [
    {
      type: "server_state",
      server: "camera",
      version: 4,
      attemptsLeft: 3,
      pausesLeft: 0,
      nonce: null,
      reason: null,
    },
    { type: "server_error", code: "unavailable", retryable: true, supportId: "s" },
  ]);
});

test("nothing is queued while the connection is away", async () => {
  const { socket, client, asked, events } = line();
  client.connected = false;
  assert.equal((await socket.frame({}, new ArrayBuffer(1))).ok, false);
  await socket.consent("v", true);
  await socket.visibility(true);
  assert.deepEqual([asked, events], [[], []]);
});

test("a hidden page does not go on by itself, one that is seen again does", async () => {
  const { socket, answers, events, hear } = line();
  answers.visibility = { ok: true, state: "camera", version: 11 };
  let state = reduce(stateOn("challenge"), { type: "page_hidden" });
  const follow = () => {
    for (const event of events.splice(0)) state = reduce(state, event);
    return state.announcements;
  };
  await socket.visibility(true);
  hear("challenge_result", { challenge_id: "c1", passed: false, reason: "interrupted" });
  hear("state", { version: 10, state: "camera", attempts_left: 3, nonce: null, reason: "interrupted" });
  assert.equal(follow(), 0);
  state = reduce(state, { type: "page_shown" });
  await socket.visibility(false);
  assert.equal(follow(), 1);
});

test("what the server says is read or dropped", () => {
  const { events, hear } = line();
  hear("superseded", { code: "superseded" });
  hear("hint", { code: "buy_now" });
  hear("challenge", null);
  assert.deepEqual(events, [{ type: "superseded" }]);
});
