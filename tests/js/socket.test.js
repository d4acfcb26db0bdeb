import assert from "node:assert/strict";
import { test } from "node:test";
import { createSocket, PATIENT_LOOKS } from "../../static/js/socket.js";

/** @typedef {import("../../static/js/capture_state.js").MachineEvent} MachineEvent */
/** @typedef {import("../../static/js/protocol.js").Ack} Ack */

/** A client of Socket.IO that does what the test says, and the page's connection over it. */
function setUp() {
  /** @type {Record<string, (...payload: any[]) => any>} */
  const handlers = {};
  /** @type {((ack: Ack) => void)[]} acknowledgements that are waited for */
  const asked = [];
  /** @type {unknown[][]} */
  const sent = [];
  /** @type {MachineEvent[]} */
  const dispatched = [];
  let connections = 0;
  const client = {
    connected: false,
    active: false,
    on: (/** @type {string} */ name, /** @type {() => any} */ handler) => {
      handlers[name] = handler;
    },
    connect() {
      client.active = true;
      connections += 1;
      return client;
    },
    disconnect() {
      client.active = client.connected = false;
      return client;
    },
    timeout: () => ({
      emitWithAck: (/** @type {unknown[]} */ ...message) => {
        sent.push(message);
        return new Promise((resolve) => asked.push(resolve));
      },
    }),
  };
  const socket = createSocket({
    io: /** @type {any} */ (() => client),
    token: "t",
    hello: () => ({}),
    dispatch: (event) => dispatched.push(event),
  });
  return {
    client,
    socket,
    sent,
    dispatched,
    connections: () => connections,
    /** @returns {Promise<void>} */
    open() {
      client.connected = true;
      return handlers.connect?.();
    },
    /** The server turns the connection away: the client does not come back by itself. */
    refuse() {
      client.active = false;
      handlers.connect_error?.({ data: { code: "busy" } });
    },
    /** @param {Ack} ack */
    answer: (ack) => asked.shift()?.(ack),
  };
}

const BUSY = Object.freeze({ ok: false, code: "busy", retryable: true, support_id: null });
const SUPERSEDED = Object.freeze({ ok: false, code: "superseded", retryable: false, support_id: "s" });

test("what a page says of being seen before it is bound is refused, and that is no failure", async () => {
  const { socket, dispatched, open, answer } = setUp();
  void open();
  const told = socket.visibility(false);
  answer(BUSY);
  answer(SUPERSEDED);
  await told;
  assert.deepEqual(
    dispatched.filter(({ type }) => type === "server_error"),
    [],
  );
});

test("the server is told what lies over the picture", () => {
  const { socket, client, sent } = setUp();
  client.connected = true;
  void socket.visibility(true);
  void socket.visibility(false, "dialog");
  assert.deepEqual(sent, [
    ["visibility", { hidden: true, reason: "page" }],
    ["visibility", { hidden: false, reason: "dialog" }],
  ]);
});

test("any other refusal of it is a failure: the page would stand where the server does not", async () => {
  const { socket, client, dispatched, answer } = setUp();
  client.connected = true;
  const told = socket.visibility(false);
  answer({ ...SUPERSEDED, code: "unavailable", retryable: true });
  await told;
  assert.deepEqual(
    dispatched.map(({ type }) => type),
    ["server_error"],
  );
});

test("a server that is full is not asked again while it is being asked", async () => {
  const { socket, connections, open, refuse, answer } = setUp();
  socket.connect();
  socket.comeBack();
  assert.equal(connections(), 1, "the connection is on its way");
  const greeted = open();
  socket.comeBack();
  assert.equal(connections(), 1, "hello is on its way");
  answer(BUSY);
  await greeted;
  socket.comeBack();
  assert.equal(connections(), 2, "it was answered");
  refuse();
  socket.comeBack();
  assert.equal(connections(), 3, "and so was this");
});

test("nor is an answer that never comes waited for without end", () => {
  const { socket, connections } = setUp();
  socket.connect();
  for (let look = 0; look <= PATIENT_LOOKS; look += 1) socket.comeBack();
  assert.equal(connections(), 2);
});
