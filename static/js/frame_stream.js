/**
 * Sends frames, one in flight: the next is taken when the last is acknowledged, so the newest always
 * wins and latency stays bounded at any load; under load the rate falls instead.
 */

/** Without an acknowledgement for so long the connection is as good as lost. */
export const FRAME_TIMEOUT_MS = 6_000;

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

/**
 * @param {StreamParts} parts
 */
export function createFrameStream(parts) {
  let seq = 0;
  let run = 0;

  /** How long to wait before the next frame. @param {number} startedMs @param {import("./protocol.js").Ack} ack */
  function pauseAfter(startedMs, ack) {
    const asked = typeof ack.next_in_ms === "number" && ack.next_in_ms >= 0 ? ack.next_in_ms : 0;
    const floor = ack.ok ? asked : Math.max(asked, REFUSED_PAUSE_MS);
    const paced = 1000 / parts.fps() - (parts.now() - startedMs);
    return Math.min(LONGEST_PAUSE_MS, Math.max(0, floor, paced));
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
      const ack = await sendOne(capturedAtMs);
      if (run !== mine) return;
      await parts.pause(pauseAfter(startedMs, ack));
    }
  }

  /** The picture that is shown now, unless nothing waits for it. @param {number} capturedAtMs */
  async function sendOne(capturedAtMs) {
    const nonce = parts.nonce();
    const bytes = nonce === null ? null : parts.encode();
    if (nonce === null || bytes === null) return { ok: false };
    seq += 1;
    const header = { seq, captured_at_ms: capturedAtMs, challenge_id: parts.challengeId(), nonce };
    const ack = await parts.send(header, bytes);
    if (typeof ack.expected_seq === "number") seq = ack.expected_seq - 1;
    return ack;
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
