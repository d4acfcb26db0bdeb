/**
 * The page's texts, in the language that the server chose. The page has none of its own.
 */

import { owns } from "./own.js";

/** @typedef {(key: string, values?: Record<string, string|number>) => string} Translate */

/** A text that the server did not send. */
export class MissingMessage extends Error {
  /** @param {string} key */
  constructor(key) {
    super(`no message for ${key}`);
    this.name = "MissingMessage";
  }
}

const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;
const [ISOLATE, END] = ["\u2068", "\u2069"];

/**
 * A name of the other direction, marked so that it neither turns what stands around it nor is turned by it.
 * @param {string|number} value @param {"ltr"|"rtl"} direction of the page
 */
function isolated(value, direction) {
  if (typeof value === "number") return String(value);
  return direction === "rtl" || RIGHT_TO_LEFT.test(value) ? `${ISOLATE}${value}${END}` : value;
}

/**
 * @param {Readonly<Record<string, string>>} messages by key; `{name}` stands for a value
 * @param {"ltr"|"rtl"} [direction] of the page
 * @returns {Translate}
 */
export function createTranslate(messages, direction = "ltr") {
  return (key, values = {}) => {
    if (!owns(messages, key)) throw new MissingMessage(key);
    return /** @type {string} */ (messages[key]).replace(/\{(\w+)\}/g, (whole, name) =>
      owns(values, name) ? isolated(/** @type {string|number} */ (values[name]), direction) : whole,
    );
  };
}
