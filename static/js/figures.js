/**
 * The drawings above a card's title. Decoration: the words say the same.
 */

import { h, s } from "./dom.js";
import { ICONS, icon } from "./icons.js";

/** @param {string} viewBox @param {Node[]} children */
function drawing(viewBox, ...children) {
  return s("svg", { class: "drawing", viewBox, "aria-hidden": "true", focusable: "false" }, ...children);
}

/** A face in the oval of the camera screen, one segment of the ring drawn. */
function ovalFigure() {
  return drawing(
    "0 0 96 112",
    s("path", { class: "drawing__soft", d: "M48 6a35 50 0 0 1 0 100a35 50 0 0 1 0-100Z" }),
    s("path", { class: "drawing__accent", d: "M48 6a35 50 0 0 1 34 38" }),
    s("path", {
      d: "M30 48a18 21 0 0 1 36 0v8a18 21 0 0 1-36 0ZM38 50v3M58 50v3M48 52l-2 9h4M41 68c4 3.500 10 3.500 14 0",
    }),
  );
}

/** A desktop browser's window, the question beside its address bar. */
function desktopPermission() {
  return drawing(
    "0 0 176 112",
    s("rect", { class: "drawing__soft", x: 8, y: 8, width: 160, height: 96, rx: 10 }),
    s("path", { class: "drawing__soft", d: "M8 30h160" }),
    s("rect", { class: "drawing__faint", x: 34, y: 14, width: 126, height: 10, rx: 5 }),
    s("circle", { class: "drawing__dot", cx: 21, cy: 19, r: 3 }),
    s("rect", { class: "drawing__panel", x: 30, y: 34, width: 76, height: 46, rx: 8 }),
    s("path", { class: "drawing__faint-line", d: "M40 45h40M40 53h28" }),
    s("rect", { class: "drawing__button", x: 66, y: 62, width: 32, height: 12, rx: 6 }),
    s("path", { class: "drawing__accent drawing__nudge", d: "M132 82V52m-9 10l9-10 9 10" }),
  );
}

/** A phone, the question over the page. */
function phonePermission() {
  return drawing(
    "0 0 96 132",
    s("rect", { class: "drawing__soft", x: 12, y: 4, width: 72, height: 124, rx: 12 }),
    s("path", { class: "drawing__soft", d: "M40 11h16" }),
    s("rect", { class: "drawing__panel", x: 20, y: 42, width: 56, height: 48, rx: 8 }),
    s("path", { class: "drawing__faint-line", d: "M29 54h38M29 62h26" }),
    s("rect", { class: "drawing__button drawing__pulse", x: 44, y: 71, width: 25, height: 12, rx: 6 }),
  );
}

/**
 * @param {string} figure `oval`, `permission`, `spinner`, or an icon
 * @param {"phone"|"desktop"} place where this browser asks for permission
 * @returns {Element}
 */
export function figureOf(figure, place) {
  if (figure === "oval") return ovalFigure();
  if (figure === "permission") return place === "phone" ? phonePermission() : desktopPermission();
  if (figure === "spinner") return h("div", { class: "spinner", "aria-hidden": "true" });
  return h("div", { class: `badge badge--${figure}` }, icon(ICONS.includes(figure) ? figure : "warning"));
}
