/**
 * The camera screen: mirrored video, scrim, ring, prompt above, hint below, a small bar.
 */

import { isOnStage, isStageDimmed } from "./cards.js";
import { button, h, setText } from "./dom.js";
import { createHeadFigure, moveOf } from "./head_figure.js";
import { icon } from "./icons.js";
import { layOut } from "./oval.js";
import { helpOf, hintOf, isUnwanted, promptOf, stepOf, TIME_NEARLY_OVER_MS } from "./prompts.js";
import { createRing, ringOf } from "./ring.js";

const CLOCK_MS = 250;

/**
 * @typedef {import("./capture_state.js").State} State
 * @typedef {import("./capture_state.js").MachineEvent} MachineEvent
 * @typedef {import("./messages.js").Translate} Translate
 */

/** @param {Translate} t @param {(event: MachineEvent) => void} dispatch @param {boolean} canSpeak */
function createBar(t, dispatch, canSpeak) {
  /** @param {string} name @param {string} label @param {string} dialog */
  const tool = (name, label, dialog) =>
    button({
      label,
      icon: icon(name),
      class: "icon-button",
      onPress: () => dispatch({ type: "dialog_asked", dialog }),
      name: dialog,
    });
  const cameras = tool("swap", t("action.change_camera"), "cameras");
  const speaker = button({
    label: t("help.speak"),
    icon: icon("speaker"),
    class: "icon-button",
    onPress: () => dispatch({ type: "speech_pressed" }),
    name: "speech_pressed",
  });
  speaker.hidden = !canSpeak;
  const element = h(
    "div",
    { class: "stage__bar" },
    tool("help", t("action.help"), "help"),
    speaker,
    cameras,
    tool("close", t("action.leave"), "leave"),
  );
  return { element, cameras, speaker };
}

/**
 * @param {{t: Translate, dispatch: (event: MachineEvent) => void, video: HTMLVideoElement, canSpeak: boolean}} parts
 */
export function createStage({ t, dispatch, video, canSpeak }) {
  const ring = createRing();
  const head = createHeadFigure();
  const bar = createBar(t, dispatch, canSpeak);
  const step = h("p", { class: "stage__step" });
  const prompt = h("h1", { class: "stage__prompt", tabindex: -1 });
  const hint = h("p", { class: "stage__hint" });
  const bottom = h("div", { class: "stage__bottom" }, hint);
  const window_ = h("div", { class: "stage__window" });
  const arrow = h("div", { class: "stage__arrow", hidden: true }, icon("arrow_left"));
  const top = h("div", { class: "stage__top" }, head.element, h("div", { class: "stage__words" }, step, prompt));
  const element = h(
    "section",
    { class: "stage", hidden: true },
    h("div", { class: "stage__picture" }, video, ring.element, arrow),
    top,
    window_,
    bottom,
    bar.element,
  );

  let clock = 0;
  let endsAtMs = 0;
  /** @type {State|null} what the ring shows: its segments are made anew where the page changes its shape */
  let shown = null;

  /** Lays video, oval and ring into what the style sheet leaves. */
  function place() {
    const stage = element.getBoundingClientRect();
    const inner = window_.getBoundingClientRect();
    if (stage.width === 0) return;
    const box = { x: inner.left - stage.left, y: inner.top - stage.top, width: inner.width, height: inner.height };
    const { oval, video: at } = layOut(box, stage.width, video);
    ring.place(oval, stage.width, stage.height);
    if (shown !== null) ring.draw(ringOf(shown));
    const { style } = video;
    [style.left, style.top] = [`${at.x}px`, `${at.y}px`];
    [style.width, style.height] = [`${at.width}px`, `${at.height}px`];
    [arrow.style.left, arrow.style.top] = [`${oval.cx}px`, `${oval.cy}px`];
    arrow.style.setProperty("--reach-x", `${oval.rx}px`);
    arrow.style.setProperty("--reach-y", `${oval.ry}px`);
  }

  /** What to do, and below it where there is help. @param {State} state */
  function tellHint(state) {
    const [todo, help] = [hintOf(state, t), helpOf(state, t)];
    if (hint.textContent === todo + help) return;
    const below = help === "" ? "" : h("small", { class: "stage__help" }, help);
    hint.replaceChildren(...[todo, below].filter((line) => line !== ""));
    bottom.classList.toggle("stage__bottom--helped", help !== "");
  }

  /** The limit is shown only when it is near: a clock that always runs makes people hurry. @param {State} state */
  function tellTime(state) {
    const leftMs = endsAtMs - performance.now();
    const isNear = state.screen === "challenge" && endsAtMs > 0 && leftMs <= TIME_NEARLY_OVER_MS;
    const seconds = Math.max(0, Math.ceil(leftMs / 1000));
    const text = stepOf(state, t);
    setText(step, isNear ? `${text} · ${t("prompt.time_left", { seconds })}` : text);
    step.classList.toggle("stage__step--near", isNear);
  }

  /** @param {State} next @param {State} previous */
  function runClock(next, previous) {
    if (next.challenge?.id !== previous.challenge?.id) {
      const limit = next.challenge?.timeLimitMs ?? 0;
      endsAtMs = limit > 0 ? performance.now() + limit : 0;
    }
    // A dialog over the movement has voided it.
    if (next.dialog !== null) endsAtMs = 0;
    clearInterval(clock);
    if (next.screen === "challenge") clock = window.setInterval(() => tellTime(next), CLOCK_MS);
    tellTime(next);
  }

  /** Head and arrow: towards the asked movement, or towards the oval. @param {State} state */
  function point(state) {
    const { screen, challenge, passed, hint } = state;
    const isStanding = screen === "challenge" && challenge !== null && passed <= challenge.index;
    const isAsked = isStanding && !isUnwanted(state);
    const asked = isAsked && hint?.code !== "return_to_centre" ? challenge.direction : null;
    const where = hint?.code === "off_centre" ? hint.direction : asked;
    arrow.hidden = where === null;
    arrow.dataset.direction = where ?? "";
    head.perform(isAsked ? moveOf(challenge) : null);
  }

  new ResizeObserver(place).observe(element);
  video.addEventListener("loadedmetadata", place);
  video.addEventListener("resize", place);

  return {
    element,
    prompt,
    /** @param {State} next @param {State} previous */
    render(next, previous) {
      const isShown = isOnStage(next) || isStageDimmed(next);
      const wasHidden = element.hidden;
      element.hidden = !isShown;
      element.inert = !isOnStage(next);
      element.classList.toggle("stage--dimmed", isStageDimmed(next));
      Object.assign(element.dataset, { screen: next.screen, hint: next.hint?.code ?? "" });
      element.dataset.light = next.screen === "light" ? (next.light?.colour ?? "off") : "off";
      element.dataset.challenge = next.challenge === null ? "" : moveOf(next.challenge);
      if (!isShown) return clearInterval(clock);
      setText(prompt, promptOf(next, t));
      tellHint(next);
      bar.cameras.hidden = next.screen !== "align";
      bar.speaker.setAttribute("aria-pressed", String(next.isSpoken));
      runClock(next, previous);
      point(next);
      shown = next;
      if (wasHidden) place();
      ring.draw(ringOf(next));
    },
  };
}
