/**
 * What the demo's page asks of the demo's server. The API key is not here: the server has it.
 */

/**
 * @typedef {{id: string, status: string}} SessionNote
 * @typedef {{entityId: string, name: string, enrolledAt: string, sessions: SessionNote[]}} Person
 * @typedef {{mode: "iframe"|"redirect", language: string|null, challenges: number|null,
 *   accessibility: {avoid: string[], moreTime: boolean}}} StartOptions
 * @typedef {{id: string, sessionUrl: string, iframeAllow: string, status: string}} CreatedSession
 * @typedef {{attempt: number, kind: string, direction: string|null, askedAt: string, passedAt: string|null,
 *   measured: number|null, required: number, unit: string, onsetMs: number|null, apexMs: number|null,
 *   returnMs: number|null, timeLimitMs: number, outcome: string}} ChallengeEvidence
 * @typedef {{status: string, method: string, score: number, attempts: number, challenges: ChallengeEvidence[],
 *   passive: {score: number|null, frames: number, models: string[]}, continuityScore: number|null,
 *   detectors: DetectorEvidence[]}} Liveness
 * @typedef {{name: string, status: string, score: number|null, limit: number, reason: string}} DetectorEvidence
 * @typedef {{status: string, score: number|null, threshold: number}} FaceMatch
 * @typedef {{liveness: Liveness|null, faceMatch: FaceMatch|null, injection: {risk: string, signals: string[]},
 *   policyVersion: number, models: {name: string, sha256: string|null}[], warnings: string[],
 *   reviewReasons: string[],
 *   failedAttempts: {attempt: number, at: string, reason: string, counted: boolean}[]}} Decision
 * @typedef {{id: string, entityId: string, status: string, inReview: boolean, rejectionCode: string|null,
 *   rejectionMessage: string|null, createdAt: string, updatedAt: string, startedAt: string|null, completedAt: string|null,
 * expiresAt: string, sessionUrl: string, iframeAllow: string, callback: string|null,
 *   decision: Decision|null}} Session
 */

const PATIENCE_MS = 30_000;

/** The server, or the API behind it, said no. */
export class Refused extends Error {
  /** @param {string} message @param {string} code @param {Record<string, unknown>} body */
  constructor(message, code, body) {
    super(message);
    this.code = code;
    this.body = body;
  }
}

/** @param {string} path @param {RequestInit} [options] @returns {Promise<any>} */
async function call(path, options = {}) {
  let response;
  let body;
  try {
    response = await fetch(`/demo${path}`, { ...options, signal: AbortSignal.timeout(PATIENCE_MS) });
    body = await response.json();
  } catch {
    throw new Refused("The server does not answer. Is it still running?", "UNREACHABLE", {});
  }
  if (!response.ok) throw new Refused(String(body.message ?? "That did not work."), String(body.error), body);
  return body;
}

/** @returns {Promise<Person[]>} */
export async function listPeople() {
  return (await call("/people")).people;
}

/** @param {string} name @param {Blob} portrait @returns {Promise<Person>} */
export function enrol(name, portrait) {
  const form = new FormData();
  form.set("name", name);
  form.set("portrait", portrait, "portrait");
  return call("/people", { method: "POST", body: form });
}

/** @param {string} entityId @param {StartOptions} options @returns {Promise<CreatedSession>} */
export function startSession(entityId, options) {
  return call(`/people/${entityId}/sessions`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(options),
  });
}

/** @param {string} sessionId @returns {Promise<Session>} */
export function readSession(sessionId) {
  return call(`/sessions/${sessionId}`);
}

/** @param {string} sessionId @returns {Promise<Session>} */
export function cancelSession(sessionId) {
  return call(`/sessions/${sessionId}/cancel`, { method: "POST" });
}
