/**
 * The connection to the namespace `/capture`. Every question has a timeout, none is queued while the
 * connection is away, and after each reconnection `hello` comes first.
 */

import { readHandoff } from "./handoff_wire.js";
import { SERVER_EVENTS } from "./protocol.js";
import { readHello, readServerEvent, readWatched } from "./wire.js";

const CONNECT_TIMEOUT_MS = 8_000;
const ACK_TIMEOUT_MS = 8_000;
const RECONNECT_DELAY_MS = 400;
const RECONNECT_DELAY_MAX_MS = 3_000;

/** How often in a row `comeBack` leaves a connection alone that is still on its way. */
export const PATIENT_LOOKS = 2;

/**
 * @typedef {import("./protocol.js").Ack} Ack
 * @typedef {import("./capture_state.js").MachineEvent} MachineEvent
 * @typedef {import("socket.io-client").Socket} Socket
 */

/** @param {string} code @returns {Ack} */
function noAnswer(code) {
  return { ok: false, code, retryable: true, support_id: null };
}

/** What a failed acknowledgement means to the page. @param {Ack} ack @returns {MachineEvent} */
function failureOf(ack) {
  const { code, retryable, support_id: supportId } = ack;
  if (code === "busy") return { type: "refused", code };
  return {
    type: "server_error",
    code: typeof code === "string" ? code : "unknown",
    retryable: retryable === true,
    supportId: typeof supportId === "string" ? supportId : null,
  };
}

/**
 * @param {object} parts
 * @param {(namespace: string, options: object) => Socket} parts.io
 * @param {string} parts.token names the hosted session; goes into `auth`, never into an address
 * @param {() => object} parts.hello the payload of `hello` as it is now
 * @param {() => boolean} [parts.watches] whether this page waits for its phone
 * @param {(event: MachineEvent) => void} parts.dispatch
 */
export function createSocket({ io, token, hello, watches = () => false, dispatch }) {
  const socket = io("/capture", {
    path: "/socket.io",
    transports: ["websocket"],
    auth: { token },
    autoConnect: false,
    timeout: CONNECT_TIMEOUT_MS,
    reconnectionDelay: RECONNECT_DELAY_MS,
    reconnectionDelayMax: RECONNECT_DELAY_MAX_MS,
  });

  /** @param {string} event @param {unknown[]} payload @returns {Promise<Ack>} */
  async function ask(event, ...payload) {
    if (!socket.connected) return noAnswer("offline");
    try {
      const ack = await socket.timeout(ACK_TIMEOUT_MS).emitWithAck(event, ...payload);
      return typeof ack === "object" && ack !== null ? ack : noAnswer("unknown");
    } catch {
      return noAnswer(socket.connected ? "timeout" : "offline");
    }
  }

  let isClosed = true;
  let greetings = 0;
  let looks = 0;

  /** Drops a connection that does not answer; the client then connects anew. */
  function renew() {
    dispatch({ type: "connection_lost" });
    socket.disconnect().connect();
  }

  /** An acknowledgement carries the state that it led to. @param {Ack} ack */
  function follow(ack) {
    if (!ack.ok) return ack.code === "offline" ? undefined : dispatch(failureOf(ack));
    const event = readServerEvent("state", ack);
    if (event !== null) dispatch(event);
  }

  /** How the link to the phone stands; false where none does. */
  async function watch() {
    const ack = await ask("watch", {});
    if (ack.ok) dispatch(readWatched(ack));
    else if (ack.code === "timeout") renew();
    return ack.ok || ack.code !== "not_expected";
  }

  async function greet() {
    greetings += 1;
    const ack = await ask("hello", hello());
    greetings -= 1;
    const event = ack.ok ? readHello(ack) : null;
    if (event !== null) dispatch(event);
    else if (ack.code === "timeout") renew();
    else if (ack.code !== "offline") dispatch({ type: "refused", code: String(ack.code ?? "unknown") });
  }

  socket.on("connect", async () => {
    if (watches() && (await watch())) return;
    await greet();
  });
  socket.on("disconnect", (reason) => {
    dispatch({ type: "connection_lost" });
    // The client comes back by itself after everything but a farewell of the server.
    const comeBack = () => isClosed || socket.connect();
    if (reason === "io server disconnect") setTimeout(comeBack, RECONNECT_DELAY_MAX_MS);
  });
  socket.on("connect_error", (error) => {
    const { code } = /** @type {{data?: {code?: unknown}}} */ (error).data ?? {};
    if (typeof code === "string") dispatch({ type: "refused", code });
    else dispatch({ type: "connection_lost" });
  });
  for (const name of SERVER_EVENTS) {
    socket.on(name, (payload) => {
      const event = readServerEvent(name, payload);
      if (event !== null) dispatch(event);
    });
  }

  function connect() {
    isClosed = false;
    looks = 0;
    socket.disconnect().connect();
  }

  return {
    /** Connects, or connects anew. */
    connect,
    /** Asks a server that was full or going down again, but does not break off what is on its way to an answer. */
    comeBack() {
      const isOnTheWay = greetings > 0 || (socket.active && !socket.connected);
      if (isOnTheWay && looks < PATIENT_LOOKS) looks += 1;
      else connect();
    },
    /** For good, unless `connect` is called: the session is over, or another page has it. */
    close() {
      isClosed = true;
      socket.disconnect();
    },
    /** Says hello anew: the person needs something else than they said before. */
    greet,
    /** A link for the phone. */
    async handoff() {
      const ack = await ask("handoff", {});
      const handoff = ack.ok ? readHandoff(ack) : null;
      if (handoff !== null) dispatch({ type: "handoff_given", handoff });
      else dispatch({ type: "handoff_failed", code: String(ack.code ?? "unknown") });
    },
    /** Where no link stands any more, another page has the session. */
    async watch() {
      if (socket.connected && !(await watch())) dispatch({ type: "superseded" });
    },
    /** @param {string} version @param {boolean} accepted */
    async consent(version, accepted) {
      follow(await ask("consent", { version, accepted }));
    },
    /** @param {object} description of the live camera, or `{error}` */
    async camera(description) {
      follow(await ask("camera", description));
    },
    /** @param {object} meta @param {ArrayBuffer} bytes @returns {Promise<Ack>} */
    async frame(meta, bytes) {
      const ack = await ask("frame", meta, bytes);
      if (ack.code === "timeout") renew();
      return ack;
    },
    /** @param {string} challengeId */
    async swap(challengeId) {
      const ack = await ask("swap_challenge", { challenge_id: challengeId, reason: "unable" });
      if (!ack.ok) dispatch({ type: "swap_refused", id: challengeId });
    },
    /** @param {boolean} accepted whether the page may shine */
    async lightReady(accepted) {
      const ack = await ask("light_ready", { accepted });
      if (!ack.ok) follow(ack);
    },
    /** @returns {Promise<Ack>} */
    cancel() {
      return ask("cancel", {});
    },
    /**
     * While hidden nothing is asked; the page goes on where the server stands when it is seen again.
     * @param {boolean} hidden @param {"page"|"dialog"} [reason] what lies over the picture
     */
    async visibility(hidden, reason = "page") {
      const ack = await ask("visibility", { hidden, reason });
      // A page that is not bound yet hears from `hello` where it stands.
      if (!hidden && ack.code !== "superseded") follow(ack);
    },
    /** @param {{name: string, at_ms: number, value?: number}[]} events */
    async telemetry(events) {
      await ask("telemetry", { events });
    },
  };
}
