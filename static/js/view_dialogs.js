/**
 * The questions over a screen, as native dialogs: the browser keeps focus inside and hears Escape.
 */

import { button, h } from "./dom.js";

/**
 * @typedef {import("./capture_state.js").State} State
 * @typedef {import("./capture_state.js").MachineEvent} MachineEvent
 * @typedef {import("./messages.js").Translate} Translate
 * @typedef {{label: string, kind: "primary"|"secondary"|"danger"|"choice", event: MachineEvent, isCurrent?: boolean}} Choice
 * @typedef {{title: string, texts: string[], choices: Choice[]}} DialogModel
 * @typedef {{t: Translate, organization: string, listCameras: () => Promise<{id: string, label: string}[]>}} DialogSurface
 */

/** @type {MachineEvent} */
const CLOSE = { type: "dialog_closed" };

/** @param {State} state @param {DialogSurface} surface @returns {DialogModel} */
function helpDialog({ screen, swapRefused }, { t }) {
  /** @type {Choice[]} */
  const swap =
    screen === "challenge" && !swapRefused
      ? [{ label: t("help.swap"), kind: "secondary", event: { type: "swap_pressed" } }]
      : [];
  const refused = swapRefused ? [t("help.swap_refused")] : [];
  return {
    title: t("help.title"),
    texts: [t("help.light"), t("help.distance"), t("help.glasses"), t("help.mirror"), ...refused],
    choices: [{ label: t("help.back"), kind: "primary", event: CLOSE }, ...swap],
  };
}

/** @param {State} state @param {DialogSurface} surface @returns {Promise<DialogModel>} */
async function camerasDialog({ cameraId }, { t, listCameras }) {
  const cameras = await listCameras();
  /** @type {Choice[]} */
  const choices = cameras.map(({ id, label }, index) => ({
    label: label || t("cameras.unnamed", { number: index + 1 }),
    kind: "choice",
    event: { type: "camera_picked", cameraId: id },
    isCurrent: id === cameraId,
  }));
  const texts = cameras.length > 1 ? [t("cameras.lead")] : [t("cameras.only_one")];
  return {
    title: t("cameras.title"),
    texts,
    choices: [...choices, { label: t("help.back"), kind: "secondary", event: CLOSE }],
  };
}

/** @param {string} name @param {State} state @param {DialogSurface} surface @returns {DialogModel|Promise<DialogModel>} */
function modelOf(name, state, surface) {
  const { t, organization } = surface;
  if (name === "help") return helpDialog(state, surface);
  if (name === "cameras") return camerasDialog(state, surface);
  const isDecline = name === "decline";
  const key = isDecline ? "decline" : "leave";
  /** @type {MachineEvent} */
  const event = isDecline ? { type: "decline_confirmed" } : { type: "leave_confirmed" };
  return {
    title: t(`${key}.title`),
    texts: [t(`${key}.lead`, { organization })],
    choices: [
      { label: t(`${key}.stay`), kind: "primary", event: CLOSE },
      { label: t(`${key}.confirm`), kind: "danger", event },
    ],
  };
}

/**
 * @param {{surface: DialogSurface, dispatch: (event: MachineEvent) => void}} parts
 */
export function createDialogs({ surface, dispatch }) {
  const element = h("dialog", { class: "dialog", "aria-labelledby": "dialog-title" });
  element.addEventListener("cancel", (event) => {
    event.preventDefault();
    dispatch(CLOSE);
  });
  element.addEventListener("click", (event) => event.target === element && dispatch(CLOSE));

  /** @param {DialogModel} model */
  function fill({ title, texts, choices }) {
    element.replaceChildren(
      h("h2", { class: "dialog__title", id: "dialog-title", tabindex: -1 }, title),
      ...texts.map((text) => h("p", { class: "dialog__text" }, text)),
      h(
        "div",
        { class: "dialog__actions" },
        ...choices.map(({ label, kind, event, isCurrent }) => {
          const choice = button({
            label,
            class: `button button--${kind}`,
            onPress: () => dispatch(event),
            name: event.type,
          });
          if (isCurrent === true) choice.setAttribute("aria-current", "true");
          return choice;
        }),
      ),
    );
  }

  /** @type {string|null} */
  let shown = null;

  return {
    element,
    /** @param {State} state */
    async render(state) {
      const key = state.dialog === null ? null : `${state.dialog} ${state.screen} ${state.swapRefused}`;
      if (key === shown) return;
      shown = key;
      if (state.dialog === null) return element.close();
      const model = await modelOf(state.dialog, state, surface);
      if (shown !== key) return;
      fill(model);
      if (!element.open) element.showModal();
      element.querySelector("h2")?.focus();
    },
  };
}
