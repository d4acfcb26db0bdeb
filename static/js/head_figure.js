/**
 * The small head that performs the asked movement once, then rests. CSS moves it (capture.css), by
 * `data-move`; left is the screen's left, as the person sees themselves in the mirror.
 */

import { s } from "./dom.js";

/** @returns {SVGElement} */
function features() {
  return s(
    "g",
    { class: "head__features" },
    s(
      "g",
      { class: "head__eyes" },
      s("ellipse", { cx: 24, cy: 29, rx: 2.6, ry: 3.2 }),
      s("ellipse", { cx: 40, cy: 29, rx: 2.6, ry: 3.2 }),
    ),
    s("path", { class: "head__nose", d: "M32 31l-2.5 7.500h4" }),
    s("path", { class: "head__mouth head__mouth--rest", d: "M26.500 45.500c3.500 1.500 7.500 1.500 11 0" }),
    s("path", { class: "head__mouth head__mouth--smile", d: "M23.500 43.500c4 6.500 13 6.500 17 0" }),
    s("ellipse", { class: "head__mouth head__mouth--open", cx: 32, cy: 46.5, rx: 5, ry: 5.5 }),
  );
}

/** @returns {{element: SVGElement, perform: (move: string|null) => void}} */
export function createHeadFigure() {
  const element = s(
    "svg",
    { class: "head", viewBox: "0 0 64 64", "aria-hidden": "true", focusable: "false" },
    s(
      "g",
      { class: "head__whole" },
      s("path", { class: "head__outline", d: "M14 28a18 19 0 0 1 36 0v8a18 22 0 0 1-36 0Z" }),
      s("path", { class: "head__ear head__ear--left", d: "M14 29c-4-1.500-5 7 0 8" }),
      s("path", { class: "head__ear head__ear--right", d: "M50 29c4-1.500 5 7 0 8" }),
      features(),
    ),
  );
  return {
    element,
    perform(move) {
      if (element.getAttribute("data-move") === (move ?? "rest")) return;
      element.setAttribute("data-move", move ?? "rest");
    },
  };
}

/**
 * The name of a challenge's movement, for `data-move`.
 * @param {import("./protocol.js").Challenge} challenge
 * @returns {string}
 */
export function moveOf({ kind, direction }) {
  return direction === null ? kind : `${kind}_${direction}`;
}
