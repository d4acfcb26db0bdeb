/**
 * Draws what only the handoff needs: the code with the number to match, and how many steps the phone has done.
 */

import { h, s } from "./dom.js";

/** Side of the code in pixels, about: every module is as many whole pixels wide, so that none is blurred. */
const CODE_SIDE = 240;
const MODULE_LEAST = 3;

/**
 * The path is the server's, checked when it was read; it becomes an attribute, and never markup.
 * @param {NonNullable<import("./cards.js").Card["code"]>} code
 */
export function codeElement({ size, path, label, match, number }) {
  const side = size * Math.max(MODULE_LEAST, Math.floor(CODE_SIDE / size));
  const picture = s(
    "svg",
    {
      viewBox: `0 0 ${size} ${size}`,
      width: side,
      height: side,
      role: "img",
      "aria-label": label,
      focusable: "false",
    },
    s("path", { d: path, fill: "currentcolor" }),
  );
  return h(
    "div",
    { class: "handoff" },
    h("div", { class: "code" }, picture),
    h("p", { class: "number" }, h("span", {}, match), " ", h("strong", { class: "number__digits" }, number)),
  );
}

/** The words beside it say the same. @param {{done: number, total: number}} steps */
export function stepsDoneElement({ done, total }) {
  const marks = Array.from({ length: total }, (_, index) =>
    h("span", { class: index < done ? "mark mark--done" : "mark" }),
  );
  return h("div", { class: "marks", "aria-hidden": "true" }, ...marks);
}
