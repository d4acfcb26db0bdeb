/**
 * The form in which a person says what they need: more time, other movements, prompts aloud.
 */

import { button, h } from "./dom.js";
import { ABILITIES } from "./protocol.js";

/**
 * @typedef {import("./capture_state.js").State} State
 * @typedef {import("./capture_state.js").MachineEvent} MachineEvent
 * @typedef {import("./messages.js").Translate} Translate
 */

/** @param {string} name @param {string} label @param {boolean} isChecked */
function choice(name, label, isChecked) {
  const box = h("input", { class: "check__box", type: "checkbox", name, checked: isChecked });
  return h("label", { class: "check" }, box, h("span", {}, label));
}

/** @param {State} state @param {Translate} t @param {boolean} canSpeak */
function fields({ needs, isSpoken }, t, canSpeak) {
  const abilities = ABILITIES.map((name) => choice(name, t(`needs.${name}`), needs.avoid.includes(name)));
  return [
    choice("more_time", t("needs.more_time"), needs.moreTime),
    canSpeak ? choice("speak", t("needs.speak"), isSpoken) : null,
    h("fieldset", { class: "checks" }, h("legend", { class: "checks__title" }, t("needs.avoid")), ...abilities),
    h("p", { class: "dialog__text dialog__text--small" }, t("needs.note")),
  ];
}

/**
 * @param {State} state
 * @param {{t: Translate, canSpeak: boolean, dispatch: (event: MachineEvent) => void}} parts
 * @returns {HTMLElement}
 */
export function needsForm(state, { t, canSpeak, dispatch }) {
  const form = h("form", { class: "needs" }, ...fields(state, t, canSpeak));
  const save = () => {
    const marked = [...form.querySelectorAll("input:checked")].map((box) => box.getAttribute("name") ?? "");
    dispatch({
      type: "needs_saved",
      needs: { avoid: ABILITIES.filter((name) => marked.includes(name)), moreTime: marked.includes("more_time") },
      isSpoken: canSpeak ? marked.includes("speak") : state.isSpoken,
    });
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
  const close = () => dispatch({ type: "dialog_closed" });
  form.append(
    h(
      "div",
      { class: "dialog__actions" },
      button({ label: t("needs.save"), class: "button button--primary", onPress: save, name: "needs_saved" }),
      button({ label: t("help.back"), class: "button button--secondary", onPress: close, name: "dialog_closed" }),
    ),
  );
  return form;
}
