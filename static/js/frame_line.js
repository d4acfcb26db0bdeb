/**
 * How many frames may be on their way to the server at once.
 *
 * One, so that latency stays bounded whatever happens, and a second one where the line is long: its answers take
 * longer than the pace of the frames, and yet it carries two as fast as one. Where it does not, it is narrow: a
 * second frame would only wait behind the first. Nor is there room for two where the server asks for pauses.
 */

/** Answers by which the way of a single frame is known. */
const KNOWN_FROM = 3;

/** Weight of the latest answer in the mean. */
const WEIGHT = 0.25;

/** With another on its way a frame took so many times as long as alone: the line is narrow, not long. */
const NARROW = 1.5;

/** So often in a row, that a single delay says nothing. */
const NARROW_TIMES = 3;

/** Frames that are then sent alone before two are tried again. */
const ALONE_FOR = 30;

const MOST_ON_THE_WAY = 2;

export function createFrameLine() {
  let aloneMs = 0;
  let known = 0;
  let slower = 0;
  let alone = 0;
  let isPaused = false;

  return {
    /** Frames that may be on their way together. */
    get room() {
      return known < KNOWN_FROM || alone > 0 || isPaused ? 1 : MOST_ON_THE_WAY;
    },

    /** A second frame follows the first so much later: half a way, so that frames come evenly and not in pairs. */
    get secondAfterMs() {
      return aloneMs / 2;
    },

    /**
     * A frame was answered.
     * @param {object} answer
     * @param {number} answer.wayMs from its sending to its answer
     * @param {boolean} answer.wasAlone no other was on its way when it was sent
     * @param {boolean} answer.isPaused the server has asked for a pause
     */
    note(answer) {
      isPaused = answer.isPaused;
      if (answer.wasAlone) {
        aloneMs += (known === 0 ? 1 : WEIGHT) * (answer.wayMs - aloneMs);
        known += 1;
        alone = Math.max(0, alone - 1);
        return;
      }
      slower = answer.wayMs > NARROW * aloneMs ? slower + 1 : 0;
      if (slower >= NARROW_TIMES) [alone, slower] = [ALONE_FOR, 0];
    },
  };
}
