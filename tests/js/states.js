/** One plausible state for each screen, and one plausible event of each type. */

import { INITIAL_STATE } from "../../static/js/capture_state.js";
import { DEFAULT_FRAME_POLICY } from "../../static/js/protocol.js";

/** @typedef {import("../../static/js/capture_state.js").State} State */
/** @typedef {import("../../static/js/capture_state.js").MachineEvent} MachineEvent */

export const CHALLENGE = Object.freeze({
  id: "c1",
  nonce: "n1",
  kind: "head_turn",
  direction: "left",
  index: 1,
  total: 4,
  timeLimitMs: 15_000,
});

export const LIGHT = Object.freeze({ nonce: "n3", index: 0, colour: "red" });

export const APPROVED = Object.freeze({ outcome: "approved", reason: null, redirect: null, support_id: null });

export const HANDOFF = Object.freeze({
  link: "https://verify.example/handoff/t",
  number: 47,
  expiresInMs: 3_600_000,
  size: 29,
  path: "M4 4h7v1h-7z",
});

export const WATCH = Object.freeze({ link: "taken", state: "challenge", index: 1, total: 3, isAway: false });

const LIVE = Object.freeze({ camera: /** @type {const} */ ("live"), version: 5 });

/** @param {string} screen @param {Partial<State>} [changes] @returns {State} */
export function stateOn(screen, changes = {}) {
  /** @type {Record<string, Partial<State>>} */
  const particular = {
    asking: { camera: "asking", asks: 1 },
    blocked: { trouble: "denied", asks: 1 },
    align: LIVE,
    challenge: { ...LIVE, challenge: CHALLENGE, passed: 1, percent: 40 },
    light_notice: { ...LIVE, challenge: CHALLENGE },
    light: { ...LIVE, challenge: CHALLENGE, light: LIGHT },
    capture: { ...LIVE, challenge: CHALLENGE },
    uploading: { ...LIVE, capture: { ticket: "t", maxBytes: 1 }, uploads: 1 },
    processing: LIVE,
    retry: { ...LIVE, reason: "timed_out" },
    handoff: { watches: true, handoff: HANDOFF, handoffs: 1, version: 5 },
    waiting_phone: { watches: true, watch: WATCH, version: 5 },
    outcome: { result: APPROVED },
    offline: { ...LIVE, before: "align" },
    draining: { ...LIVE, before: "align" },
    failed: { ...LIVE, error: "unknown", retryable: true },
  };
  return { ...INITIAL_STATE, pausesLeft: 3, screen, ...particular[screen], ...changes };
}

/** @param {string} server @param {Partial<Extract<MachineEvent, {type: "server_state"}>>} [changes] @returns {MachineEvent} */
export function told(server, changes = {}) {
  const known = { version: 9, attemptsLeft: 2, pausesLeft: 3, nonce: null, reason: null };
  return { type: "server_state", server, ...known, ...changes };
}

/** @param {string} server @param {Partial<Extract<MachineEvent, {type: "hello_accepted"}>>} [changes] @returns {MachineEvent} */
export function hello(server, changes = {}) {
  const framePolicy = DEFAULT_FRAME_POLICY;
  const known = { version: 1, attemptsLeft: 3, pausesLeft: 3, nonce: null, framePolicy, result: null };
  return { type: "hello_accepted", server, ...known, ...changes };
}

/** By name, since some types are worth more than one. @type {Readonly<Record<string, MachineEvent>>} */
export const EVENTS = Object.freeze({
  "hello consent": hello("consent"),
  "hello camera": hello("camera"),
  "hello align": hello("align"),
  "hello challenge": hello("challenge"),
  "hello light": hello("light"),
  "hello capture": hello("capture"),
  "hello processing": hello("processing"),
  "hello retry": hello("retry"),
  "hello with a result": hello("done", { result: APPROVED }),
  "refused busy": { type: "refused", code: "busy" },
  "refused too many pages": { type: "refused", code: "too_many_pages" },
  "refused unknown": { type: "refused", code: "unknown_session" },
  "connection lost": { type: "connection_lost" },
  "told consent": told("consent"),
  "told camera": told("camera"),
  "told align": told("align"),
  "told challenge": told("challenge"),
  "told light": told("light"),
  "told capture": told("capture"),
  "told processing": told("processing"),
  "told retry": told("retry", { reason: "quality" }),
  "told done": told("done"),
  "told again": told("retry", { version: 0 }),
  hint: { type: "hint", hint: { code: "too_far", direction: null, escalated: false } },
  "align progress": { type: "align_progress", percent: 30 },
  challenge: { type: "challenge", challenge: { ...CHALLENGE, id: "c2", nonce: "n2", index: 2 } },
  progress: { type: "progress", id: "c1", percent: 60 },
  "challenge passed": { type: "challenge_result", id: "c1", passed: true, reason: null },
  "challenge failed": { type: "challenge_result", id: "c1", passed: false, reason: "timed_out" },
  "light notice": { type: "light_notice", nonce: "n3" },
  light: { type: "light", light: { ...LIGHT, index: 1, colour: "blue" } },
  "capture request": { type: "capture_request", capture: { ticket: "t", maxBytes: 5 } },
  uploaded: { type: "uploaded", upload: 1, result: null },
  "uploaded with a result": { type: "uploaded", upload: 1, result: APPROVED },
  "upload failed": { type: "upload_failed", upload: 1, supportId: "s" },
  "photo refused": { type: "upload_failed", upload: 1, code: "no_face", supportId: "s" },
  "photo not expected": { type: "upload_failed", upload: 1, code: "not_expected", supportId: "s" },
  "another upload failed": { type: "upload_failed", upload: 7, supportId: "s" },
  looked: { type: "looked", look: 0 },
  "page hidden": { type: "page_hidden" },
  "page shown": { type: "page_shown" },
  result: { type: "result", result: APPROVED },
  superseded: { type: "superseded" },
  expired: { type: "expired" },
  draining: { type: "draining", retryInMs: 500 },
  error: { type: "server_error", code: "internal", retryable: true, supportId: "s" },
  "camera opened": { type: "camera_opened" },
  "camera failed": { type: "camera_failed", trouble: "in_use" },
  "camera lost": { type: "camera_lost", trouble: "lost" },
  "consent accepted": { type: "consent_accepted" },
  "decline confirmed": { type: "decline_confirmed" },
  "start pressed": { type: "start_pressed" },
  "retry pressed": { type: "retry_pressed" },
  "reconnect pressed": { type: "reconnect_pressed" },
  "camera picked": { type: "camera_picked", cameraId: "cam" },
  "needs saved": { type: "needs_saved", needs: { avoid: ["blink"], moreTime: true }, isSpoken: true },
  "speech pressed": { type: "speech_pressed" },
  "dialog asked": { type: "dialog_asked", dialog: "leave" },
  "dialog closed": { type: "dialog_closed" },
  "leave confirmed": { type: "leave_confirmed" },
  "leave refused": { type: "leave_refused", code: "unavailable" },
  "leave too late": { type: "leave_refused", code: "not_expected" },
  "leave offline": { type: "leave_refused", code: "offline" },
  "light accepted": { type: "light_accepted" },
  "light declined": { type: "light_declined" },
  "swap pressed": { type: "swap_pressed" },
  "swap refused": { type: "swap_refused", id: "c1" },
  left: { type: "left" },
  "handoff pressed": { type: "handoff_pressed" },
  "handoff given": { type: "handoff_given", handoff: HANDOFF },
  "handoff failed": { type: "handoff_failed", code: "timeout" },
  "handoff expired": { type: "handoff_expired", link: HANDOFF.link },
  "here pressed": { type: "here_pressed" },
  "watch taken": { type: "watch_state", version: 9, watch: WATCH },
  "watch refused": { type: "watch_state", version: 9, watch: { ...WATCH, link: "refused" } },
  "watch void": { type: "watch_state", version: 9, watch: { ...WATCH, link: "void" } },
  "watch again": { type: "watch_state", version: 0, watch: { ...WATCH, link: "void" } },
  "watch answered": { type: "watch_accepted", version: 1, watch: WATCH, result: null },
  "watch ended": { type: "watch_accepted", version: 0, watch: null, result: APPROVED },
});
