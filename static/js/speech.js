/**
 * Reads prompts aloud where the browser can. The newest one wins: a prompt that is over must not be heard.
 */

/**
 * @param {{synthesis: SpeechSynthesis|undefined, language: string}} parts
 */
export function createSpeech({ synthesis, language }) {
  /** The browser's own voice for the language; without one the browser chooses. */
  function voice() {
    const [short] = language.split("-");
    const fitting = synthesis?.getVoices().filter((one) => one.lang.split(/[-_]/)[0] === short) ?? [];
    return fitting.find((one) => one.localService) ?? fitting[0] ?? null;
  }

  return {
    isAvailable: synthesis !== undefined && typeof SpeechSynthesisUtterance === "function",
    /** @param {string} text */
    say(text) {
      if (synthesis === undefined) return;
      synthesis.cancel();
      const utterance = new SpeechSynthesisUtterance(text);
      Object.assign(utterance, { lang: language, voice: voice() });
      synthesis.speak(utterance);
    },
    hush() {
      synthesis?.cancel();
    },
  };
}
