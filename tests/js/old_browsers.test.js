import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { cardOf } from "../../static/js/cards.js";
import { createTranslate, MissingMessage } from "../../static/js/messages.js";
import { readServerEvent } from "../../static/js/wire.js";
import { stateOn } from "./states.js";

const STATIC = new URL("../../static/", import.meta.url);
/** Pages for developers may ask for a browser of today. */
const FOR_DEVELOPERS = /^(?:demo|embed_|api_docs)/;

/** @param {string} folder @param {string} suffix @returns {{name: string, text: string}[]} */
function filesOf(folder, suffix) {
  const names = readdirSync(new URL(folder, STATIC)).filter((name) => name.endsWith(suffix));
  const shown = names.filter((name) => !FOR_DEVELOPERS.test(name));
  assert.ok(shown.length > 0);
  return shown.map((name) => ({ name, text: readFileSync(new URL(`${folder}${name}`, STATIC), "utf-8") }));
}

/** Younger than Chrome 87, Safari 15 and Firefox 90 (docs/embedding.md), and nothing stands in for them. */
const TOO_NEW =
  /Object\.hasOwn\(|structuredClone\(|\.at\(|\.findLast|\.toSorted\(|\.toReversed\(|\.with\(|Object\.groupBy|AbortSignal\.(?:timeout|any)|checkVisibility|withResolvers|\bstatic \{|crypto\.randomUUID/;

test("no module of the page needs more than the browsers that are said to do", () => {
  for (const { name, text } of filesOf("js/", ".js")) assert.doesNotMatch(text, TOO_NEW, name);
});

test("it runs where objects do not tell what is their own", (t) => {
  const { hasOwn } = Object;
  t.after(() => Object.assign(Object, { hasOwn }));
  Reflect.deleteProperty(Object, "hasOwn");
  const translate = createTranslate({ "a.b": "Hello {name}, {other}" });
  assert.equal(translate("a.b", { name: "Ada" }), "Hello Ada, {other}");
  assert.throws(() => translate("constructor"), MissingMessage);
  const surface = { t: (/** @type {string} */ key) => key, organization: "", isFramed: false, userAgent: "" };
  assert.equal(cardOf(stateOn("processing", { slow: true }), surface)?.title, "processing_slow.title");
  assert.equal(cardOf(stateOn("blocked", { trouble: "constructor" }), surface)?.title, "blocked.in_use");
  assert.equal(readServerEvent("constructor", {}), null);
  assert.equal(readServerEvent("superseded", {})?.type, "superseded");
});

const YOUNG_VALUES = /\d(?:dvh|svh|lvh|cqi|cqw|cqb)\b|color-mix\(|\boklch\(|light-dark\(/;

test("sizes and colours that older browsers cannot read are only for those that say they can", () => {
  for (const { name, text } of filesOf("css/", ".css")) {
    const forAll = text
      .replace(/\/\*[\s\S]*?\*\//g, "")
      .replace(/@supports[^{]*\{(?:[^{}]*\{[^{}]*\})*\s*\}/g, "");
    assert.doesNotMatch(forAll, YOUNG_VALUES, name);
  }
});

test("what turns or moves does so by `transform`", () => {
  for (const { name, text } of filesOf("css/", ".css"))
    assert.doesNotMatch(text, /^\s*(?:rotate|scale|translate):/m, name);
});

test("what tells an old browser so can be read by it", () => {
  const text = readFileSync(new URL("js/old_browser.js", STATIC), "utf-8").replace(/\/\*[\s\S]*?\*\//g, "");
  assert.doesNotMatch(text, /=>|`|\?\.|\?\?|\b(?:const|let|class|async|import|export)\b|\.\.\./);
});
