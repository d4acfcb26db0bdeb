/**
 * Draws a card: figure, heading, text, and what can be pressed.
 */

import { promptPlaceOf } from "./browser.js";
import { button, h } from "./dom.js";
import { figureOf } from "./figures.js";
import { icon } from "./icons.js";
import { codeElement, stepsDoneElement } from "./view_handoff.js";

/**
 * @typedef {import("./cards.js").Card} Card
 * @typedef {import("./cards.js").Action} Action
 */

/** @param {Action} action @param {(action: Action) => void} onAction */
function actionElement(action, onAction) {
  const className = `button button--${action.kind}`;
  if (action.href !== undefined) {
    const link = {
      class: className,
      href: action.href,
      target: "_top",
      rel: "noopener",
      "data-action": "continue",
    };
    return h("a", link, action.label);
  }
  const { event } = action;
  const name = event?.type === "dialog_asked" ? event.dialog : (event?.type ?? action.command ?? "");
  const onPress = () => onAction(action);
  return button({ label: action.label, class: className, onPress, name, isBusy: action.isBusy === true });
}

/** @param {Card} card */
function pointsElement({ points = [] }) {
  if (points.length === 0) return null;
  const items = points.map((point) => h("li", { class: "point" }, icon(point.icon), h("span", {}, point.text)));
  return h("ul", { class: "points", role: "list" }, ...items);
}

/** @param {Card} card */
function stepsElement({ steps = [] }) {
  if (steps.length === 0) return null;
  return h("ol", { class: "steps", role: "list" }, ...steps.map((step) => h("li", { class: "step" }, step)));
}

/** @param {Card} card */
function detailsElement({ details }) {
  if (details === undefined) return null;
  const paragraphs = details.paragraphs.map((text) => h("p", {}, text));
  return h("details", { class: "details" }, h("summary", {}, details.summary), ...paragraphs);
}

/**
 * @param {Card} card
 * @param {string} userAgent
 * @param {(action: Action) => void} onAction
 * @returns {HTMLElement}
 */
export function cardElement(card, userAgent, onAction) {
  const figure = h(
    "div",
    { class: `figure figure--${card.tone}` },
    figureOf(card.figure, promptPlaceOf(userAgent)),
  );
  const isBrief = (card.points ?? card.steps ?? card.snippet ?? card.code) === undefined;
  const shape = isBrief ? "card card--brief" : "card";
  return h(
    "div",
    { class: card.code === undefined ? shape : "card card--handoff" },
    h(
      "div",
      { class: "card__body" },
      card.code === undefined ? figure : null,
      h("h1", { class: "title", tabindex: -1 }, card.title),
      card.lead ? h("p", { class: "lead" }, card.lead) : null,
      card.code === undefined ? null : codeElement(card.code),
      card.steps_done === undefined ? null : stepsDoneElement(card.steps_done),
      pointsElement(card),
      stepsElement(card),
      card.snippet ? h("pre", { class: "snippet", dir: "ltr" }, h("code", {}, card.snippet)) : null,
      detailsElement(card),
      card.note ? h("p", { class: "note" }, card.note) : null,
      card.reference ? h("p", { class: "note note--reference" }, card.reference) : null,
    ),
    h("div", { class: "card__actions" }, ...card.actions.map((action) => actionElement(action, onAction))),
  );
}
