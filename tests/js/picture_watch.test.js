import assert from "node:assert/strict";
import { test } from "node:test";
import { feltOf } from "../../static/js/effects.js";
import { rememberCamera, rememberedCamera } from "../../static/js/memory.js";
import { BLACK_LOOKS, createJudge, FROZEN_LOOKS, lookAt } from "../../static/js/picture_watch.js";
import { createSpeech } from "../../static/js/speech.js";
import { stateOn } from "./states.js";

/** @param {(at: number) => number} grey @param {number} [cells] */
function picture(grey, cells = 432) {
  const pixels = new Uint8ClampedArray(4 * cells);
  for (let at = 0; at < cells; at += 1) pixels.set([grey(at), grey(at), grey(at), 255], 4 * at);
  return pixels;
}

/** @param {{isBlack: boolean, print: string}[]} looks */
function judged(looks) {
  const judge = createJudge();
  return looks.map(judge).at(-1);
}

test("even black is a covered lens, a dark room with somebody in it is none", () => {
  assert.equal(lookAt(picture(() => 0)).isBlack, true);
  assert.equal(lookAt(picture((at) => 6 + (at % 5))).isBlack, true, "with a sensor's noise");
  assert.equal(lookAt(picture((at) => (at < 60 ? 40 : 4))).isBlack, false, "a face lit by its screen");
  assert.equal(lookAt(picture(() => 60)).isBlack, false, "even, but not black");
  assert.doesNotThrow(() => lookAt(new Uint8ClampedArray(0)));
});

test("a trouble is one that lasts", () => {
  const black = () => ({ isBlack: true, print: String(Math.random()) });
  const fine = () => ({ isBlack: false, print: String(Math.random()) });
  assert.equal(judged(Array.from({ length: BLACK_LOOKS }, black)), "black");
  assert.equal(judged([...Array.from({ length: BLACK_LOOKS - 1 }, black), fine()]), null);
  assert.equal(judged([...Array.from({ length: BLACK_LOOKS - 1 }, black), fine(), black()]), null);
});

test("the very same picture for long is frozen, one cell that changes is not", () => {
  const still = lookAt(picture((at) => at % 200));
  const moved = lookAt(picture((at) => (at === 7 ? 99 : at % 200)));
  assert.notEqual(still.print, moved.print);
  assert.equal(judged(Array.from({ length: FROZEN_LOOKS + 1 }, () => still)), "frozen");
  assert.equal(judged(Array.from({ length: FROZEN_LOOKS }, () => still)), null);
  const alive = Array.from({ length: 40 }, (_, at) => (at % 2 === 0 ? still : moved));
  assert.equal(judged(alive), null);
});

test("passed and failed are felt, and nothing else is", () => {
  const before = stateOn("challenge", { passed: 1 });
  assert.equal(feltOf({ ...before, passed: 2, percent: 100 }, before), "passed");
  assert.equal(feltOf({ ...before, percent: 60 }, before), null);
  assert.equal(feltOf(stateOn("retry"), before), "failed");
  assert.equal(feltOf(stateOn("retry"), stateOn("retry")), null);
});

test("a page that may not store anything remembers nothing, and goes on", () => {
  const had = Object.getOwnPropertyDescriptor(globalThis, "localStorage");
  const refuse = () => {
    throw new DOMException("no", "SecurityError");
  };
  Object.defineProperty(globalThis, "localStorage", { get: refuse, configurable: true });
  assert.doesNotThrow(() => rememberCamera("one"));
  assert.equal(rememberedCamera(), null);
  if (had !== undefined) Object.defineProperty(globalThis, "localStorage", had);
});

test("the newest prompt is the one that is heard, in the page's language", () => {
  /** @type {string[]} */
  const done = [];
  const german = { lang: "de-DE", localService: true };
  const [far, near] = [
    { lang: "es-ES", localService: false },
    { lang: "es_MX", localService: true },
  ];
  const synthesis = /** @type {any} */ ({
    getVoices: () => [german, far, near],
    cancel: () => done.push("hush"),
    /** @param {{text: string, lang: string, voice: object}} said */
    speak: ({ text, lang, voice }) => done.push(`${text} ${lang} ${voice === near}`),
  });
  const scope = /** @type {any} */ (globalThis);
  scope.SpeechSynthesisUtterance = class {
    /** @param {string} text */
    constructor(text) {
      this.text = text;
    }
  };
  const speech = createSpeech({ synthesis, language: "es" });
  assert.equal(speech.isAvailable, true);
  speech.say("Sonríe");
  speech.say("Muy bien");
  speech.hush();
  assert.deepEqual(done, ["hush", "Sonríe es true", "hush", "Muy bien es true", "hush"]);
  delete scope.SpeechSynthesisUtterance;
  const mute = createSpeech({ synthesis: undefined, language: "es" });
  assert.equal(mute.isAvailable, false);
  assert.doesNotThrow(() => mute.say("nothing"));
});
