/**
 * What is told to who hears the page: two live regions, one that waits for a pause and one that does not.
 */

import { setText } from "./dom.js";

/** @typedef {import("./capture_state.js").State} State */

/** Whether what was said last holds no longer: its screen or its hint is gone. @param {State} next @param {State} previous */
export function isOutdated(next, previous) {
  return next.screen !== previous.screen || (next.hint === null && previous.hint !== null);
}

/**
 * A region speaks when its text changes: one that kept an old text would be silent where the same is said again.
 * @param {Element} polite
 * @param {Element} urgent
 */
export function createAnnouncer(polite, urgent) {
  return {
    /** @param {string} text @param {boolean} [isUrgent] */
    say(text, isUrgent = false) {
      setText(isUrgent ? urgent : polite, text);
    },
    forget() {
      setText(polite, "");
      setText(urgent, "");
    },
  };
}
