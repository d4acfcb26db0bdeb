import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const CSS = new URL("../../static/css/", import.meta.url);
const TOKENS = readFileSync(new URL("tokens.css", CSS), "utf-8");
const DARK_TOKENS = readFileSync(new URL("tokens_dark.css", CSS), "utf-8");

/** @param {string} text @returns {Record<string, string>} */
function hexTokens(text) {
  return Object.fromEntries(
    [...text.matchAll(/--([\w-]+):\s*(#[\da-f]{6});/g)].map(([, name, value]) => [name, value]),
  );
}

const LIGHT = hexTokens(TOKENS);
const SCHEMES = { light: LIGHT, dark: { ...LIGHT, ...hexTokens(DARK_TOKENS) } };

/** Text, and what it stands on. */
const PAIRS = [
  ["text", "page"],
  ["text", "surface"],
  ["text", "surface-sunken"],
  ["text-soft", "page"],
  ["text-soft", "surface"],
  ["text-soft", "surface-sunken"],
  ["accent-text", "surface"],
  ["accent-text", "surface-sunken"],
  ["accent-text", "page"],
  ["accent-text", "accent-soft"],
  ["text", "accent-soft"],
  ["on-accent", "accent"],
  ["on-accent", "accent-pressed"],
  ["success", "success-soft"],
  ["caution", "caution-soft"],
  ["danger", "danger-soft"],
  ["danger", "surface"],
  ["on-stage", "stage"],
  ["on-stage-soft", "stage"],
  ["on-stage-caution", "stage"],
  ["ring-fill", "stage"],
  ["on-ring-passed", "ring-passed"],
];

/** Relative luminance as WCAG 2.2 defines it. @param {string} hex */
function luminance(hex) {
  const [r = 0, g = 0, b = 0] = [1, 3, 5]
    .map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** @param {string} one @param {string} other */
function contrast(one, other) {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

for (const [scheme, tokens] of Object.entries(SCHEMES)) {
  test(`text passes 4.5:1 in the ${scheme} scheme`, () => {
    for (const [text = "", ground = ""] of PAIRS) {
      const ratio = contrast(tokens[text] ?? "#000000", tokens[ground] ?? "#000000");
      assert.ok(ratio >= 4.5, `${text} on ${ground}: ${ratio.toFixed(2)}`);
    }
  });

  test(`edges of what is pressed pass 3:1 in the ${scheme} scheme`, () => {
    const ratio = contrast(tokens["line-strong"] ?? "", tokens.surface ?? "");
    assert.ok(ratio >= 3, ratio.toFixed(2));
  });
}

test("words over the camera are read even where the picture is white", () => {
  // The scrim at its thinnest (stage.css), 0.7 of (10, 14, 22) over white.
  const over = [10, 14, 22].map((value) => Math.round(0.7 * value + 0.3 * 255));
  const ground = `#${over.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
  assert.ok(contrast("#ffffff", ground) >= 4.5, contrast("#ffffff", ground).toFixed(2));
});

test("no colour of the light challenge is a saturated red (WCAG 2.2, 2.3.1)", () => {
  const lamps = Object.entries(LIGHT).filter(([name]) => name.startsWith("light-"));
  assert.equal(lamps.length, 5);
  for (const [name, hex] of lamps) {
    const [red = 0, ...others] = [1, 3, 5]
      .map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    const share = red / (red + others.reduce((sum, value) => sum + value, 0));
    assert.ok(share < 0.8, `${name}: ${share.toFixed(2)}`);
  }
});

test("colours are named in the tokens only", () => {
  for (const name of readdirSync(CSS)) {
    if (name.startsWith("tokens")) continue;
    const text = readFileSync(new URL(name, CSS), "utf-8").replace(/#000\b/g, "");
    assert.doesNotMatch(text, /#[\da-f]{3,8}\b(?!\s*\{)/i, name);
  }
});
