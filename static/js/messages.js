/**
 * The page's texts, in the language that the server chose. The page has none of its own.
 */

/** @typedef {(key: string, values?: Record<string, string|number>) => string} Translate */

/** A text that the server did not send. */
export class MissingMessage extends Error {
  /** @param {string} key */
  constructor(key) {
    super(`no message for ${key}`);
    this.name = "MissingMessage";
  }
}

/**
 * @param {Readonly<Record<string, string>>} messages by key; `{name}` stands for a value
 * @returns {Translate}
 */
export function createTranslate(messages) {
  return (key, values = {}) => {
    if (!Object.hasOwn(messages, key)) throw new MissingMessage(key);
    return /** @type {string} */ (messages[key]).replace(/\{(\w+)\}/g, (whole, name) =>
      Object.hasOwn(values, name) ? String(values[name]) : whole,
    );
  };
}
