/**
 * Which browser this is, only as far as its camera settings are found in different places.
 */

/** In order: the first pattern that fits decides, since most browsers also name Chrome and Safari. */
const BROWSERS = /** @type {const} */ ([
  ["ios_app", /(?:iPhone|iPad|iPod).*(?:CriOS|FxiOS|EdgiOS|OPT|DuckDuckGo)\//],
  ["ios", /iPhone|iPad|iPod/],
  ["samsung", /SamsungBrowser/],
  ["firefox_android", /Android.*Firefox\//],
  ["firefox", /Firefox\//],
  ["android", /Android/],
  ["edge", /Edg\//],
  ["chrome", /Chrome\//],
  ["safari", /Safari\//],
]);

/**
 * What the browser calls itself, with an iPad as an iPad: they say that they are Macs, and no Mac can be touched.
 * @param {Pick<Navigator, "userAgent"|"maxTouchPoints">} browser
 */
export function agentOf({ userAgent, maxTouchPoints }) {
  return maxTouchPoints > 1 ? userAgent.replace("Macintosh", "iPad") : userAgent;
}

/**
 * @param {string} userAgent
 * @returns {typeof BROWSERS[number][0]|"other"}
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
