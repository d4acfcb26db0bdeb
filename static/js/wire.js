/**
 * Reads what the server sent into events of the state machine.
 * Whatever does not have the shape of the protocol becomes null and is dropped, never shown.
 */

import { readWatch } from "./handoff_wire.js";
import { owns } from "./own.js";
import {
  CHALLENGE_KINDS,
  DEFAULT_FRAME_POLICY,
  DIRECTIONS,
  HINT_CODES,
  LIGHT_COLOURS,
  OUTCOMES,
  SERVER_STATES,
} from "./protocol.js";

/** @typedef {import("./capture_state.js").MachineEvent} MachineEvent */
/** @typedef {Record<string, unknown>} Fields */

/** @param {unknown} value @returns {Fields} */
function fieldsOf(value) {
  return typeof value === "object" && value !== null ? /** @type {Fields} */ (value) : {};
}

/** @param {unknown} value @returns {string|null} */
function textOf(value) {
  return typeof value === "string" && value !== "" ? value : null;
}

/** @param {unknown} value @param {number} fallback @returns {number} */
function countOf(value, fallback) {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : fallback;
}

/** @param {unknown} value @returns {number} */
function percentOf(value) {
  return Math.min(100, countOf(value, 0));
}

/** @param {readonly string[]} known @param {unknown} value @returns {string|null} */
function oneOf(known, value) {
  return typeof value === "string" && known.includes(value) ? value : null;
}

/**
 * Only http and https addresses are followed: a `javascript:` address would run in this page.
 * @param {unknown} value
 * @returns {import("./protocol.js").Redirect|null}
 */
function redirectOf(value) {
  const { url, status } = fieldsOf(value);
  const address = textOf(url);
  if (address === null || !/^https?:\/\//i.test(address)) return null;
  return { url: address, status: textOf(status) ?? "" };
}

/** @param {unknown} value @returns {import("./protocol.js").Result|null} */
export function readResult(value) {
  const fields = fieldsOf(value);
  const outcome = oneOf(OUTCOMES, fields.outcome);
  if (outcome === null) return null;
  return {
    outcome,
    reason: textOf(fields.reason),
    redirect: redirectOf(fields.redirect),
    support_id: textOf(fields.support_id),
    continue_on: fields.continue_on === "phone" || fields.continue_on === "computer" ? fields.continue_on : null,
  };
}

/** @param {unknown} value @returns {import("./protocol.js").FramePolicy} */
export function readFramePolicy(value) {
  const fields = fieldsOf(value);
  const known = DEFAULT_FRAME_POLICY;
  return {
    width: countOf(fields.width, known.width) || known.width,
    height: countOf(fields.height, known.height) || known.height,
    quality: Math.min(1, countOf(fields.quality, known.quality)) || known.quality,
    fps: countOf(fields.fps, known.fps) || known.fps,
    max_bytes: countOf(fields.max_bytes, known.max_bytes) || known.max_bytes,
  };
}

/** @param {unknown} value @returns {MachineEvent|null} */
export function readHello(value) {
  const fields = fieldsOf(value);
  const server = oneOf(SERVER_STATES, fields.state);
  if (server === null) return null;
  return {
    type: "hello_accepted",
    server,
    version: countOf(fields.version, 0),
    attemptsLeft: countOf(fields.attempts_left, 0),
    pausesLeft: countOf(fields.pauses_left, 0),
    nonce: textOf(fields.nonce),
    framePolicy: readFramePolicy(fields.frame_policy),
    result: readResult(fields.result),
  };
}

/** @param {Fields} fields @returns {MachineEvent|null} */
function readState(fields) {
  const server = oneOf(SERVER_STATES, fields.state);
  if (server === null) return null;
  return {
    type: "server_state",
    server,
    version: countOf(fields.version, 0),
    attemptsLeft: countOf(fields.attempts_left, 0),
    pausesLeft: countOf(fields.pauses_left, 0),
    nonce: textOf(fields.nonce),
    reason: textOf(fields.reason),
  };
}

/** @param {Fields} fields @returns {MachineEvent|null} */
function readHint(fields) {
  if (fields.code === null) return { type: "hint", hint: null };
  const code = oneOf(HINT_CODES, fields.code);
  if (code === null) return null;
  const direction = oneOf(DIRECTIONS, fields.direction);
  return { type: "hint", hint: { code, direction, escalated: fields.escalated === true } };
}

/** @param {Fields} fields @returns {MachineEvent|null} */
function readChallenge(fields) {
  const id = textOf(fields.challenge_id);
  const nonce = textOf(fields.nonce);
  const kind = oneOf(CHALLENGE_KINDS, fields.kind);
  const direction = oneOf(DIRECTIONS, fields.direction);
  const needsDirection = kind === "head_turn" || kind === "look";
  if (id === null || nonce === null || kind === null || (needsDirection && direction === null)) return null;
  const total = Math.max(1, countOf(fields.total, 1));
  const index = Math.min(total - 1, countOf(fields.index, 0));
  const timeLimitMs = countOf(fields.time_limit_ms, 0);
  return { type: "challenge", challenge: { id, nonce, kind, direction, index, total, timeLimitMs } };
}

/** @param {Fields} fields @returns {MachineEvent|null} */
function readProgress(fields) {
  const id = textOf(fields.challenge_id);
  return id === null ? null : { type: "progress", id, percent: percentOf(fields.percent) };
}

/** @param {Fields} fields @returns {MachineEvent|null} */
function readChallengeResult(fields) {
  const id = textOf(fields.challenge_id);
  if (id === null || typeof fields.passed !== "boolean") return null;
  return { type: "challenge_result", id, passed: fields.passed, reason: textOf(fields.reason) };
}

/** @param {Fields} fields @returns {MachineEvent|null} */
function readLightNotice(fields) {
  const nonce = textOf(fields.nonce);
  return nonce === null ? null : { type: "light_notice", nonce };
}

/** @param {Fields} fields @returns {MachineEvent|null} */
function readLight(fields) {
  const nonce = textOf(fields.nonce);
  const colour = oneOf(LIGHT_COLOURS, fields.colour);
  if (nonce === null || colour === null) return null;
  return { type: "light", light: { nonce, index: countOf(fields.index, 0), colour } };
}

/** @param {Fields} fields @returns {MachineEvent|null} */
function readCaptureRequest(fields) {
  const ticket = textOf(fields.ticket);
  if (ticket === null) return null;
  return { type: "capture_request", capture: { ticket, maxBytes: countOf(fields.max_bytes, 0) } };
}

/** @param {Fields} fields @returns {MachineEvent|null} */
function readFinal(fields) {
  const result = readResult(fields);
  return result === null ? null : { type: "result", result };
}

/** @param {Fields} fields @returns {MachineEvent} */
function readError(fields) {
  return {
    type: "server_error",
    code: textOf(fields.code) ?? "unknown",
    retryable: fields.retryable === true,
    supportId: textOf(fields.support_id),
  };
}

/** @param {Fields} fields @returns {MachineEvent|null} */
function readWatchState(fields) {
  const watch = readWatch(fields);
  return watch === null ? null : { type: "watch_state", version: countOf(fields.version, 0), watch };
}

/** The answer to `watch`: how far the phone is, or how it ended. @param {unknown} value @returns {MachineEvent} */
export function readWatched(value) {
  const fields = fieldsOf(value);
  const result = readResult(fields.result);
  return { type: "watch_accepted", version: countOf(fields.version, 0), watch: readWatch(fields), result };
}

/** One reader for each event that the server sends. @type {Record<string, (fields: Fields) => MachineEvent|null>} */
const READERS = {
  state: readState,
  hint: readHint,
  align_progress: (fields) => ({ type: "align_progress", percent: percentOf(fields.percent) }),
  challenge: readChallenge,
  progress: readProgress,
  challenge_result: readChallengeResult,
  light_notice: readLightNotice,
  light: readLight,
  capture_request: readCaptureRequest,
  watch_state: readWatchState,
  result: readFinal,
  superseded: () => ({ type: "superseded" }),
  expired: () => ({ type: "expired" }),
  draining: (fields) => ({ type: "draining", retryInMs: countOf(fields.retry_in_ms, 0) }),
  error: readError,
};

/**
 * The event of the state machine for what the server sent, or null where it makes no sense.
 * @param {string} name
 * @param {unknown} payload
 * @returns {MachineEvent|null}
 */
export function readServerEvent(name, payload) {
  const reader = owns(READERS, name) ? READERS[name] : undefined;
  return reader === undefined ? null : reader(fieldsOf(payload));
}
