/**
 * Shows a state: the stage or a card, the dialog over it, and what is spoken.
 */

import { createAnnouncer, createButtonAnswer, isOutdated } from "./announcer.js";
import { cardOf, isOnStage, isStageDimmed } from "./cards.js";
import { button } from "./dom.js";
import { icon } from "./icons.js";
import { promptOf, spokenOf } from "./prompts.js";
import { cardElement } from "./view_card.js";
import { createDialogs } from "./view_dialogs.js";
import { createStage } from "./view_stage.js";

/**
 * @typedef {import("./capture_state.js").State} State
 * @typedef {import("./capture_state.js").MachineEvent} MachineEvent
 * @typedef {import("./cards.js").Action} Action
 * @typedef {import("./cards_outcome.js").OutcomeSurface} OutcomeSurface
 */

/** Screens that cannot be left because they are over, or belong to another page. */
export const WITHOUT_LEAVE = Object.freeze(["boot", "outcome", "superseded", "failed"]);

/** The link to this check, without what the page has in its own address. @param {Location} address */
export function linkOf({ origin, pathname }) {
  return `${origin}${pathname}`;
}

/** @param {Document} page @param {string} id @returns {HTMLElement} */
function part(page, id) {
  const element = page.getElementById(id);
  if (element === null) throw new Error(`the page has no element ${id}`);
  return element;
}

/**
 * @param {object} parts
 * @param {Document} parts.page
 * @param {HTMLVideoElement} parts.video
 * @param {OutcomeSurface} parts.surface
 * @param {() => Promise<{id: string, label: string}[]>} parts.listCameras
 * @param {ReturnType<typeof import("./speech.js").createSpeech>} parts.speech
 * @param {(event: MachineEvent) => void} parts.dispatch
 * @param {(command: NonNullable<Action["command"]>) => void} parts.onCommand
 */
export function createView({ page, video, surface, listCameras, speech, dispatch, onCommand }) {
  const { t, organization, userAgent } = surface;
  const shell = part(page, "shell");
  const screen = part(page, "screen");
  const announcer = createAnnouncer(part(page, "polite"), part(page, "urgent"));
  const answer = createButtonAnswer();
  const canSpeak = speech.isAvailable;
  const stage = createStage({ t, dispatch, video, canSpeak });
  const address = linkOf(page.location);
  const dialogs = createDialogs({ surface: { t, organization, listCameras, canSpeak, address }, dispatch });
  const askToLeave = () => dispatch({ type: "dialog_asked", dialog: "leave" });
  const leave = button({
    label: t("action.leave"),
    icon: icon("close"),
    class: "icon-button",
    onPress: askToLeave,
    name: "leave",
  });
  part(page, "header").append(leave);
  screen.before(stage.element);
  shell.append(dialogs.element);
  let drawn = "";
  let canLeave = false;

  page.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || dialogs.element.open || !canLeave) return;
    // The same key press would otherwise close the dialog that it opens.
    event.preventDefault();
    askToLeave();
  });

  /** @param {Action} action */
  function onAction({ event, command }) {
    if (event !== undefined) dispatch(event);
    if (command !== undefined) onCommand(command);
  }

  /** A card is drawn anew only when it says something else: focus and open details stay. @param {State} state */
  function drawCard(state) {
    const card = cardOf(state, surface);
    const content = JSON.stringify(card);
    screen.hidden = card === null;
    if (content === drawn) return null;
    drawn = content;
    const focused = screen.contains(page.activeElement) ? page.activeElement?.getAttribute("data-action") : null;
    screen.replaceChildren(...(card === null ? [] : [cardElement(card, userAgent, onAction)]));
    // What was drawn anew keeps the focus where it was; another screen moves it to its heading.
    const again = focused ? screen.querySelector(`[data-action="${focused}"]`) : null;
    if (again instanceof HTMLElement) again.focus({ preventScroll: true });
    return card;
  }

  /** @param {State} next @param {State} previous @param {import("./cards.js").Card|null} card */
  function speak(next, previous, card) {
    const onStage = isOnStage(next) && card === null ? spokenOf(next, previous, t) : null;
    const spoken = card === null ? onStage : `${card.title}. ${card.lead ?? ""}`;
    if (previous.isSpoken && !next.isSpoken) speech.hush();
    if (next.isSpoken && !previous.isSpoken && isOnStage(next)) speech.say(promptOf(next, t));
    if (isOutdated(next, previous)) announcer.forget();
    if (spoken === null) return;
    announcer.say(spoken, card?.isUrgent);
    if (next.isSpoken) speech.say(spoken);
  }

  /** @param {State} next @param {State} previous */
  function moveFocus(next, previous) {
    const isNew =
      next.screen !== previous.screen ||
      next.trouble !== previous.trouble ||
      next.handoffTrouble !== previous.handoffTrouble;
    if (!isNew || next.dialog !== null) return;
    if (isOnStage(next)) return isOnStage(previous) ? undefined : stage.prompt.focus({ preventScroll: true });
    const heading = screen.querySelector("h1");
    if (heading instanceof HTMLElement) heading.focus({ preventScroll: true });
    screen.scrollTop = 0;
  }

  return {
    /** @param {State} next @param {State} previous */
    render(next, previous) {
      stage.render(next, previous);
      const card = drawCard(next);
      shell.dataset.screen = next.screen;
      shell.classList.toggle("shell--stage", isOnStage(next) || isStageDimmed(next));
      shell.classList.toggle("shell--dimmed", isStageDimmed(next));
      canLeave = !WITHOUT_LEAVE.includes(next.screen);
      leave.hidden = !canLeave || isOnStage(next);
      void dialogs.render(next);
      moveFocus(next, previous);
      speak(next, previous, card);
    },
    /**
     * @param {string} text a short word after something was done, such as copying
     * @param {NonNullable<Action["command"]>} command what was pressed for it
     */
    tell(text, command) {
      announcer.forget();
      announcer.say(text);
      const pressed = screen.querySelector(`[data-action="${command}"]`);
      if (pressed instanceof HTMLElement) answer(pressed, text);
    },
  };
}
