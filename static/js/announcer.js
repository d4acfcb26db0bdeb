/**
 * What is told to who hears the page: two live regions, one that waits for a pause and one that does not. And to
 * who sees it, where they have just pressed.
 */

import { setText } from "./dom.js";

/** @typedef {import("./capture_state.js").State} State */

/** How long a button says what came of pressing it. */
export const ANSWER_MS = 3_000;

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

/**
 * One button at a time says for a while what came of pressing it. It keeps its size, so that nothing moves.
 * @returns {(button: HTMLElement, text: string) => void}
 */
export function createButtonAnswer() {
  let restore = () => {};
  return (button, text) => {
    restore();
    const label = button.textContent;
    const { width, height } = button.getBoundingClientRect();
    Object.assign(button.style, { minInlineSize: `${width}px`, minBlockSize: `${height}px` });
    button.textContent = text;
    const timer = setTimeout(() => restore(), ANSWER_MS);
    restore = () => {
      clearTimeout(timer);
      Object.assign(button.style, { minInlineSize: "", minBlockSize: "" });
      button.textContent = label;
      restore = () => {};
    };
  };
}
