/** The page's texts as the server would send them, read from where they stand. */

import { readFileSync } from "node:fs";

const SOURCES = ["copy.py", "copy_troubles.py", "copy_handoff.py"];

/** @returns {Record<string, string>} key → English text */
export function englishMessages() {
  /** @type {Record<string, string>} */
  const messages = {};
  for (const source of SOURCES) {
    const text = readFileSync(new URL(`../../app/hosted/${source}`, import.meta.url), "utf-8");
    for (const [, key, parts] of text.matchAll(/"([a-z_]+\.[\w]+)": N_\(([^)]*(?:\)[^,\n][^)]*)*)\),\n/g)) {
      const strings = [...(parts ?? "").matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, string]) => string);
      messages[key ?? ""] = strings.join("");
    }
  }
  return messages;
}
