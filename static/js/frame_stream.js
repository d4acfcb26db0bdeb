/**
 * Sends frames, one or two on their way: the next is taken when there is room, so the newest always wins and
 * latency stays bounded at any load; under load the rate falls instead.
 */

import { createFrameLine } from "./frame_line.js";

/** A camera that shows nothing new for so long has frozen. */
export const FROZEN_MS = 4_000;

/** After a refusal that gives no time of its own. */
const REFUSED_PAUSE_MS = 250;

/** Longest pause that a server may ask for: a person is waiting. */
const LONGEST_PAUSE_MS = 2_000;

/**
 * @typedef {object} StreamParts
 * @property {() => Promise<number|null>} nextFrame resolves with the time (epoch, ms) of a picture that
 *   the camera has not shown before, or null when it shows none any more
 * @property {() => ArrayBuffer|null} encode the picture that is shown now; null where it would be too large
 * @property {(meta: import("./protocol.js").FrameHeader, bytes: ArrayBuffer)
 *   => Promise<import("./protocol.js").Ack>} send
 * @property {(ms: number) => Promise<void>} pause
 * @property {() => number} now milliseconds, growing
 * @property {() => string|null} challengeId
 * @property {() => string|null} nonce of the step that the server takes frames for; null before it is known
 * @property {() => number} fps
 * @property {() => void} onFrozen
 */

/** The pause that the server asks for. @param {import("./protocol.js").Ack} ack */
const pauseOf = ({ next_in_ms: asked }) => (typeof asked === "number" && asked >= 0 ? asked : 0);

/**
 * @param {StreamParts} parts
 */
export function createFrameStream(parts) {
  const line = createFrameLine();
  /** @type {Promise<void>[]} frames that are not answered yet */
  const onTheWay = [];
  let seq = 0;
  let run = 0;
  let notBeforeMs = 0;
  let isRefused = false;

  /** Frames that may be on their way. After a refusal numbers can only be put right when none is. */
  const room = () => (isRefused ? 1 : line.room);

  /** What is left of the time between two frames. @param {number} startedMs */
  function untilDue(startedMs) {
    const pace = Math.max(1000 / parts.fps(), onTheWay.length > 0 ? line.secondAfterMs : 0);
    return Math.max(startedMs + pace, notBeforeMs) - parts.now();
  }

  /** @param {number} mine the run this loop belongs to; a later start or stop ends it */
  async function loop(mine) {
    while (run === mine) {
      const startedMs = parts.now();
      const capturedAtMs = await parts.nextFrame();
      if (run !== mine) return;
      if (capturedAtMs === null) {
        run += 1;
        return parts.onFrozen();
      }
      if (onTheWay.length < room()) launch(capturedAtMs);
      while (run === mine && (onTheWay.length >= room() || untilDue(startedMs) > 0)) {
        const isRoomy = onTheWay.length < room();
        await Promise.race([...onTheWay, ...(isRoomy ? [parts.pause(untilDue(startedMs))] : [])]);
      }
    }
  }

  /** Sends the picture that is shown now, unless nothing waits for it. @param {number} capturedAtMs */
  function launch(capturedAtMs) {
    const nonce = parts.nonce();
    const bytes = nonce === null ? null : parts.encode();
    if (nonce === null || bytes === null) {
      notBeforeMs = parts.now() + REFUSED_PAUSE_MS;
      return;
    }
    seq += 1;
    const header = { seq, captured_at_ms: capturedAtMs, challenge_id: parts.challengeId(), nonce };
    const sent = { atMs: parts.now(), wasAlone: onTheWay.length === 0, nonce };
    const answered = parts.send(header, bytes).then((ack) => {
      onTheWay.splice(onTheWay.indexOf(answered), 1);
      take(ack, sent);
    });
    onTheWay.push(answered);
  }

  /**
   * What an answer says about the next frame. A frame is outdated where the step that it was sent for is over: its
   * refusal was to be expected.
   * @param {import("./protocol.js").Ack} ack
   * @param {{atMs: number, wasAlone: boolean, nonce: string}} sent
   */
  function take(ack, { atMs, wasAlone, nonce }) {
    const nowMs = parts.now();
    const asked = pauseOf(ack);
    const isOutdated = parts.nonce() !== nonce;
    if (ack.ok) line.note({ wayMs: nowMs - atMs, wasAlone, isPaused: asked > 0 });
    isRefused = (isRefused || (!ack.ok && !isOutdated)) && onTheWay.length > 0;
    const pause = ack.ok || isOutdated ? asked : Math.max(asked, REFUSED_PAUSE_MS);
    notBeforeMs = Math.max(notBeforeMs, nowMs + Math.min(LONGEST_PAUSE_MS, pause));
    if (typeof ack.expected_seq === "number" && onTheWay.length === 0) seq = ack.expected_seq - 1;
  }

  return {
    /** The last number sent; after a lost connection they go on where the server's stand. */
    get lastSeq() {
      return seq;
    },
    get isRunning() {
      return run % 2 === 1;
    },
    start() {
      if (run % 2 === 1) return;
      run += 1;
      void loop(run);
    },
    stop() {
      if (run % 2 === 1) run += 1;
    },
  };
}

/** A page whose painting is throttled shows no frames, yet its camera goes on: looked after this often. */
const LOOK_MS = 200;

/**
 * Waits for a picture that was not there before: a frame sent twice would look like a replay.
 * @param {HTMLVideoElement} video
 * @param {number} [frozenMs]
 * @returns {() => Promise<number|null>}
 */
export function freshFrames(video, frozenMs = FROZEN_MS) {
  let lastTime = -1;
  let lastAt = 0;

  /** Where the browser tells of each frame it shows, else at each repaint. @param {() => void} callback */
  function onNextPicture(callback) {
    if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(callback);
    else requestAnimationFrame(callback);
  }

  return () =>
    new Promise((resolve) => {
      let isOver = false;
      const frozen = setTimeout(() => settle(null), frozenMs);
      const looking = setInterval(look, LOOK_MS);

      /** @param {number|null} value */
      function settle(value) {
        isOver = true;
        clearTimeout(frozen);
        clearInterval(looking);
        resolve(value);
      }

      function look() {
        if (isOver || video.readyState < 2 || video.currentTime === lastTime) return;
        lastTime = video.currentTime;
        // Some browsers' clocks stand still for a tenth of a second; a frame is always later than the one before.
        lastAt = Math.max(lastAt + 1, Math.round(performance.timeOrigin + performance.now()));
        settle(lastAt);
      }

      function lookAtEach() {
        look();
        if (!isOver) onNextPicture(lookAtEach);
      }
      onNextPicture(lookAtEach);
    });
}
