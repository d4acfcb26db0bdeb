/**
 * What an object has itself, and not from its prototype: names come from the wire. `Object.hasOwn` is younger than
 * browsers that are still in use.
 */

/** @param {object} object @param {string} name @returns {boolean} */
export function owns(object, name) {
  return Object.getOwnPropertyDescriptor(object, name) !== undefined;
}
