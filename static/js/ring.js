/**
 * Scrim and ring: the oval cut out of the stage, and around it one segment for each challenge that
 * fills with the measured movement itself.
 */

import { s } from "./dom.js";
import { ellipsePath, segmentsOf } from "./oval.js";

const RING_GROW_PX = 8;
const TICK_RADIUS_PX = 9;

/**
 * @typedef {{total: number, fills: number[], passed: number}} RingModel
 *   `fills` in percent, a number for each segment
 */

/**
 * What the ring shows. Until the challenges begin it is one segment: the alignment.
 * @param {import("./capture_state.js").State} state
 * @returns {RingModel}
 */
export function ringOf(state) {
  const { challenge, passed, percent, alignPercent, screen } = state;
  if (challenge === null) return { total: 1, fills: [screen === "align" ? alignPercent : 0], passed: 0 };
  const isAfter = screen !== "challenge";
  const done = isAfter ? challenge.total : passed;
  const fills = Array.from({ length: challenge.total }, (_, index) => {
    if (index < done) return 100;
    return index === challenge.index ? percent : 0;
  });
  return { total: challenge.total, fills, passed: done };
}

/** @param {number} x @param {number} y */
function tick(x, y) {
  return s(
    "g",
    { class: "ring__tick", transform: `translate(${x} ${y})` },
    s("circle", { r: TICK_RADIUS_PX }),
    s("path", { d: "M-4 .5l2.800 2.800L4-3" }),
  );
}

export function createRing() {
  const hole = s("path", { class: "scrim__hole", "fill-rule": "evenodd", fill: "url(#scrim-fade)" });
  const fade = s(
    "linearGradient",
    { id: "scrim-fade", x1: 0, y1: 0, x2: 0, y2: 1 },
    s("stop", { class: "scrim__edge", offset: 0 }),
    s("stop", { class: "scrim__middle", offset: "30%" }),
    s("stop", { class: "scrim__middle", offset: "70%" }),
    s("stop", { class: "scrim__edge", offset: 1 }),
  );
  const base = s("path", { class: "ring__base" });
  const sweep = s("path", { class: "ring__sweep", pathLength: 100 });
  const segments = s("g", { class: "ring__segments" });
  const ticks = s("g", { class: "ring__ticks" });
  const element = s(
    "svg",
    { class: "ring", "aria-hidden": "true", focusable: "false" },
    s("defs", {}, fade),
    hole,
    base,
    segments,
    sweep,
    ticks,
  );
  let path = "";
  let shape = "";

  /** One track and one fill for each segment; made anew only when number or size changes. @param {number} total */
  function build(total) {
    if (shape === `${total} ${path}`) return;
    shape = `${total} ${path}`;
    segments.replaceChildren(
      ...segmentsOf(total).flatMap(({ start, length }) =>
        ["track", "fill"].map((part) =>
          s("path", {
            class: `ring__${part}`,
            d: path,
            pathLength: 100,
            "stroke-dasharray": `${part === "fill" ? 0 : length} 200`,
            "stroke-dashoffset": -start,
            "data-length": length,
          }),
        ),
      ),
    );
    ticks.replaceChildren();
  }

  /** @param {number} total @param {number} passed */
  function drawTicks(total, passed) {
    if (ticks.childElementCount === passed || path === "") return;
    const whole = base.getTotalLength();
    const places = segmentsOf(total).slice(0, total > 1 ? passed : 0);
    ticks.replaceChildren(
      ...places.map(({ start, length }) => {
        const { x, y } = base.getPointAtLength((whole * (start + length / 2)) / 100);
        return tick(x, y);
      }),
    );
  }

  return {
    element,
    /** @param {import("./oval.js").Oval} oval @param {number} width @param {number} height of the stage */
    place(oval, width, height) {
      element.setAttribute("viewBox", `0 0 ${width} ${height}`);
      hole.setAttribute("d", `M0 0H${width}V${height}H0Z${ellipsePath(oval)}`);
      path = ellipsePath(oval, RING_GROW_PX);
      base.setAttribute("d", path);
      sweep.setAttribute("d", path);
    },
    /** @param {RingModel} model */
    draw({ total, fills, passed }) {
      build(total);
      // The segments have tracks of their own; one under the gaps would close them.
      base.classList.toggle("ring__base--hidden", total > 1);
      const paths = segments.querySelectorAll(".ring__fill");
      for (const [index, fill] of [...paths].entries()) {
        const length = Number(fill.getAttribute("data-length"));
        const percent = fills[index] ?? 0;
        fill.setAttribute("stroke-dasharray", `${(length * percent) / 100} 200`);
        fill.classList.toggle("ring__fill--empty", percent === 0);
        fill.classList.toggle("ring__fill--passed", total > 1 && index < passed);
      }
      drawTicks(total, passed);
    },
  };
}
