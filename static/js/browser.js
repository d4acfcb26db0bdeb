/**
 * Which browser this is, only as far as its camera settings are found in different places.
 */

/** In order: the first pattern that fits decides, since most browsers also name Chrome and Safari. */
const BROWSERS = /** @type {const} */ ([
  ["ios", /iPhone|iPad|iPod/],
  ["samsung", /SamsungBrowser/],
  ["firefox", /Firefox\//],
  ["android", /Android/],
  ["edge", /Edg\//],
  ["chrome", /Chrome\//],
  ["safari", /Safari\//],
]);

/**
 * @param {string} userAgent
 * @returns {"ios"|"samsung"|"firefox"|"android"|"edge"|"chrome"|"safari"|"other"}
 */
export function browserOf(userAgent) {
  return BROWSERS.find(([, pattern]) => pattern.test(userAgent))?.[0] ?? "other";
}

/**
 * Where the browser asks for the camera: phones ask over the page, others beside the address bar.
 * @param {string} userAgent
 * @returns {"phone"|"desktop"}
 */
export function promptPlaceOf(userAgent) {
  return /Android|iPhone|iPad|iPod|Mobile/.test(userAgent) ? "phone" : "desktop";
}
