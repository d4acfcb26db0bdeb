/**
 * The form that starts a session: how it is shown, and what the person cannot do.
 */

import { copyableId, statusChip, timeAgo } from "./demo_parts.js";
import { button, h } from "./dom.js";

/**
 * @typedef {import("./demo_api.js").Person} Person
 * @typedef {import("./demo_api.js").StartOptions} StartOptions
 */

const AVOIDABLE = Object.freeze([
  ["head_turn", "turn the head"],
  ["look", "look up and down"],
  ["blink", "blink"],
  ["smile", "smile"],
  ["mouth", "open the mouth"],
  ["approach", "move closer"],
]);

/**
 * @param {Person} person
 * @param {{onStart: (options: StartOptions) => void, onOpen: (sessionId: string) => void}} handlers
 */
export function startPanel(person, { onStart, onOpen }) {
  const form = h(
    "form",
    { class: "start" },
    h(
      "fieldset",
      { class: "modes" },
      h("legend", { class: "field__label" }, "How to show it"),
      mode("iframe", "In this page", "The hosted page in an iframe; messages tell how it goes.", true),
      mode("redirect", "Full page", "A redirect there and back, with a signed result.", false),
    ),
    h(
      "details",
      { class: "options" },
      h("summary", {}, "Options"),
      h(
        "div",
        { class: "options__content" },
        h(
          "fieldset",
          { class: "checks" },
          h("legend", { class: "field__label" }, "The person cannot"),
          ...AVOIDABLE.map(([value, label]) => check("avoid", String(value), String(label))),
        ),
        check("moreTime", "yes", "Twice the time"),
        h(
          "label",
          { class: "field" },
          h("span", { class: "field__label" }, "Language of the hosted page"),
          h(
            "select",
            { class: "input", name: "language" },
            h("option", { value: "" }, "The organization's"),
            h("option", { value: "en" }, "English"),
            h("option", { value: "es" }, "Español"),
            h("option", { value: "pt" }, "Português"),
            h("option", { value: "fr" }, "Français"),
            h("option", { value: "ar" }, "العربية"),
            h("option", { value: "zh" }, "中文"),
          ),
        ),
      ),
    ),
    h("button", { class: "button button--primary", type: "submit" }, "Start the verification"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    onStart(read(new FormData(form)));
  });
  return h(
    "section",
    { class: "panel panel--main" },
    h("h2", { class: "panel__title", tabindex: "-1" }, person.name),
    h("div", { class: "subtitle" }, copyableId(person.entityId, "entity id"), enrolled(person)),
    form,
    history(person, onOpen),
  );
}

/** @param {Person} person */
function enrolled({ enrolledAt }) {
  return h("span", {}, "Enrolled ", timeAgo(enrolledAt));
}

/** @param {FormData} data @returns {StartOptions} */
function read(data) {
  return {
    mode: data.get("mode") === "redirect" ? "redirect" : "iframe",
    language: String(data.get("language") ?? "") || null,
    challenges: null,
    accessibility: { avoid: data.getAll("avoid").map(String), moreTime: data.has("moreTime") },
  };
}

/** @param {string} value @param {string} title @param {string} text @param {boolean} isFirst */
function mode(value, title, text, isFirst) {
  return h(
    "label",
    { class: "mode" },
    h("input", { type: "radio", name: "mode", value, checked: isFirst }),
    h("span", {}, h("strong", {}, title), h("span", { class: "mode__text" }, text)),
  );
}

/** @param {string} name @param {string} value @param {string} label */
function check(name, value, label) {
  return h("label", { class: "check" }, h("input", { type: "checkbox", name, value }), h("span", {}, label));
}

/** @param {Person} person @param {(sessionId: string) => void} onOpen */
function history(person, onOpen) {
  if (person.sessions.length === 0) return null;
  const rows = person.sessions.map(({ id, status }) =>
    h(
      "li",
      { class: "row" },
      h("code", { class: "id__text" }, id),
      statusChip(status),
      button({ label: "Show", class: "button button--secondary button--small", onPress: () => onOpen(id) }),
    ),
  );
  return h(
    "section",
    { class: "part" },
    h("h3", { class: "part__title" }, "Sessions"),
    h("ul", { class: "rows" }, ...rows),
  );
}
