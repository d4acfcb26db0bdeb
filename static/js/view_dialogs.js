/**
 * The questions over a screen, as native dialogs: the browser keeps focus inside and hears Escape.
 */

import { needsForm } from "./dialog_needs.js";
import { button, h } from "./dom.js";

/**
 * @typedef {import("./capture_state.js").State} State
 * @typedef {import("./capture_state.js").MachineEvent} MachineEvent
 * @typedef {import("./messages.js").Translate} Translate
 * @typedef {{label: string, kind: "primary"|"secondary"|"danger"|"choice", event: MachineEvent, isCurrent?: boolean,
 *   isBusy?: boolean}} Choice
 * @typedef {{title: string, texts: string[], choices: Choice[], body?: HTMLElement}} DialogModel
 * @typedef {object} DialogSurface
 * @property {Translate} t
 * @property {string} organization
 * @property {() => Promise<{id: string, label: string}[]>} listCameras
 * @property {boolean} canSpeak
 * @property {string} address of this page
 */

/** @type {MachineEvent} */
const CLOSE = { type: "dialog_closed" };

/** @param {State} state @param {Pick<DialogSurface, "t">} surface @returns {DialogModel} */
export function helpDialog({ screen, swapRefused }, { t }) {
  /** @type {Choice[]} */
  const swap =
    screen === "challenge" && !swapRefused
      ? [{ label: t("help.swap"), kind: "secondary", event: { type: "swap_pressed" } }]
      : [];
  const refused = swapRefused ? [t("help.swap_refused")] : [];
  /** @type {Choice[]} */
  const needs =
    screen === "align"
      ? [{ label: t("help.needs"), kind: "secondary", event: { type: "dialog_asked", dialog: "needs" } }]
      : [];
  return {
    title: t("help.title"),
    texts: [t("help.light"), t("help.distance"), t("help.glasses"), t("help.mirror"), ...refused],
    choices: [{ label: t("help.back"), kind: "primary", event: CLOSE }, ...swap, ...needs],
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

/** For browsers that do not let a page write to the clipboard. @param {DialogSurface} surface @returns {DialogModel} */
function linkDialog({ t, address }) {
  const field = h("input", {
    class: "field",
    readonly: true,
    value: address,
    "aria-label": t("link.address"),
    dir: "ltr",
  });
  field.addEventListener("focus", () => field.select());
  return {
    title: t("link.title"),
    texts: [t("link.lead")],
    body: field,
    choices: [{ label: t("help.back"), kind: "secondary", event: CLOSE }],
  };
}

/** @param {State} state @param {DialogSurface} surface @param {(event: MachineEvent) => void} dispatch @returns {DialogModel} */
function needsDialog(state, { t, canSpeak }, dispatch) {
  const body = needsForm(state, { t, canSpeak, dispatch });
  return { title: t("needs.title"), texts: [t("needs.lead")], body, choices: [] };
}

/** What has come of the wish to leave, for its question. @param {State["leave"]} leave @param {Translate} t */
function newsOfLeaving(leave, t) {
  if (leave === "waiting") return { title: t("leave.waiting"), texts: [] };
  if (leave === "timeout" || leave === "other")
    return { title: t(`failed.${leave}`), texts: [t(`failed.${leave}_lead`)] };
  return { title: t("leave.title"), texts: [] };
}

/** @param {State} state @param {Pick<DialogSurface, "t"|"organization">} surface @returns {DialogModel} */
export function leaveDialog({ leave }, { t, organization }) {
  const { title, texts } = newsOfLeaving(leave, t);
  const isAsked = leave === "asked";
  return {
    title,
    texts: [...texts, t("leave.lead", { organization })],
    choices: [
      { label: t("leave.stay"), kind: "primary", event: CLOSE, isBusy: isAsked },
      {
        label: t("leave.confirm"),
        kind: "danger",
        event: { type: "leave_confirmed" },
        isBusy: isAsked || leave === "waiting",
      },
    ],
  };
}

/** @param {DialogSurface} surface @returns {DialogModel} */
function declineDialog({ t, organization }) {
  return {
    title: t("decline.title"),
    texts: [t("decline.lead", { organization })],
    choices: [
      { label: t("decline.stay"), kind: "primary", event: CLOSE },
      { label: t("decline.confirm"), kind: "danger", event: { type: "decline_confirmed" } },
    ],
  };
}

/**
 * @param {string} name @param {State} state @param {DialogSurface} surface
 * @param {(event: MachineEvent) => void} dispatch
 * @returns {DialogModel|Promise<DialogModel>}
 */
function modelOf(name, state, surface, dispatch) {
  if (name === "needs") return needsDialog(state, surface, dispatch);
  if (name === "link") return linkDialog({ ...surface, address: state.handoff?.link ?? surface.address });
  if (name === "help") return helpDialog(state, surface);
  if (name === "cameras") return camerasDialog(state, surface);
  return name === "decline" ? declineDialog(surface) : leaveDialog(state, surface);
}

/** Safari before 15.4 and Firefox before 98 have no dialogs: there it lies over the page and is no more. @param {HTMLDialogElement} element */
function openDialog(element) {
  if (element.hasAttribute("open")) return;
  if (element.showModal) element.showModal();
  else element.setAttribute("open", "");
}

/** @param {HTMLDialogElement} element */
function closeDialog(element) {
  if (element.close) element.close();
  else element.removeAttribute("open");
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
  element.addEventListener("keydown", (event) => {
    // A dialog of the browser's own hears Escape by itself, as `cancel`.
    if (event.key !== "Escape" || typeof element.showModal === "function") return;
    event.stopPropagation();
    dispatch(CLOSE);
  });
  element.addEventListener("click", (event) => event.target === element && dispatch(CLOSE));

  /** @param {DialogModel} model */
  function fill({ title, texts, choices, body }) {
    element.replaceChildren(
      h("h2", { class: "dialog__title", id: "dialog-title", tabindex: -1 }, title),
      ...texts.map((text) => h("p", { class: "dialog__text" }, text)),
      ...(body === undefined ? [] : [body]),
      h(
        "div",
        { class: "dialog__actions", hidden: choices.length === 0 },
        ...choices.map(({ label, kind, event, isCurrent, isBusy }) => {
          const choice = button({
            label,
            class: `button button--${kind}`,
            onPress: () => dispatch(event),
            name: event.type,
            ...(isBusy === undefined ? {} : { isBusy }),
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
      const key =
        state.dialog === null ? null : `${state.dialog} ${state.screen} ${state.swapRefused} ${state.leave}`;
      if (key === shown) return;
      shown = key;
      if (state.dialog === null) return closeDialog(element);
      const model = await modelOf(state.dialog, state, surface, dispatch);
      if (shown !== key) return;
      fill(model);
      openDialog(element);
      element.querySelector("h2")?.focus();
    },
  };
}
