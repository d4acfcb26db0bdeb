/**
 * Elements in one line each. Attributes and text only: no HTML is ever parsed from a string.
 */

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/** @typedef {Record<string, string|number|boolean|null|undefined>} Attributes */
/** @typedef {Node|string|null|undefined|false} Child */

/** @param {Element} element @param {Attributes} attributes @param {Child[]} children */
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag @param {Attributes} [attributes] @param {Child[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  fill(element, attributes, children);
  return element;
}

/**
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag @param {Attributes} [attributes] @param {Child[]} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG_NAMESPACE, tag);
  fill(element, attributes, children);
  return element;
}

/** Sets text only where it differs: a live region would speak it again. @param {Element} element @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * A button that dispatches what was done.
 * @param {{label: string, class: string, onPress: () => void, icon?: Node, name?: string, isBusy?: boolean}} options
 */
export function button({ label, class: className, onPress, icon, name, isBusy }) {
  const isIconOnly = icon !== undefined;
  const element = h(
    "button",
    {
      type: "button",
      class: className,
      "aria-label": isIconOnly ? label : null,
      title: isIconOnly ? label : null,
      "aria-disabled": isBusy === true ? "true" : null,
      "data-action": name,
    },
    icon ?? label,
  );
  if (isBusy !== true) element.addEventListener("click", onPress);
  return element;
}
