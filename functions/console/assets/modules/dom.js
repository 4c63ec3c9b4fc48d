// Elements, made one by one: nothing here or elsewhere turns a text into markup.

/** @typedef {Node | string | number | null | undefined | false | any[]} Child Lists may be in lists. */
/** @typedef {Record<string, unknown>} Attributes Names that begin with "on" are listeners; null, undefined and false leave out. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {Element} element
 * @param {Attributes} attributes
 */
function assign(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** What turns the direction of a text: a sender's would have people read another text than the one that is stored. */
const TURNS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** @param {string} text */
const visible = (text) => text.replace(TURNS, (turn) => `\\u${turn.charCodeAt(0).toString(16)}`);

/**
 * @param {Element} element
 * @param {Child[]} children
 */
function fill(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) fill(element, child);
    else element.append(child instanceof Node ? child : visible(String(child)));
  }
}

/**
 * An element of HTML.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  assign(element, attributes);
  fill(element, children);
  return element;
}

/**
 * An element of SVG.
 * @param {string} name
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {SVGElement}
 */
export function s(name, attributes = {}, ...children) {
  const element = /** @type {SVGElement} */ (document.createElementNS(SVG, name));
  assign(element, attributes);
  fill(element, children);
  return element;
}

/**
 * Puts these in place of what an element holds.
 * @param {Element} element
 * @param {...Child} children
 */
export function replace(element, ...children) {
  element.replaceChildren();
  fill(element, children);
}

/**
 * The element with this id, which the shell has.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/** Paths of icons, drawn on 16 × 16. */
const ICONS = {
  ok: "M8 2.1a5.9 5.9 0 1 0 0 11.8A5.9 5.9 0 0 0 8 2.1zM5.4 8.2l1.8 1.8 3.4-3.7",
  warn: "M8 2.4 14.2 13.2H1.8zM8 6.3v3.2M8 11.4v.1",
  bad: "M5.5 2h5L14 5.5v5L10.5 14h-5L2 10.5v-5zM6 6l4 4M10 6l-4 4",
  run: "M13.9 8A5.9 5.9 0 1 1 8 2.1",
  held: "M8 2.1a5.9 5.9 0 1 0 0 11.8A5.9 5.9 0 0 0 8 2.1zM6.6 6v4M9.4 6v4",
  idle: "M8 2.1a5.9 5.9 0 0 1 5.1 3M13.9 8a5.9 5.9 0 0 1-3 5.1M8 13.9a5.9 5.9 0 0 1-5.1-3M2.1 8a5.9 5.9 0 0 1 3-5.1M5.5 8h5",
  waiting: "M4.5 2h7M4.5 14h7M5.2 2c0 3 2.8 4 2.8 6s-2.8 3-2.8 6M10.8 2c0 3-2.8 4-2.8 6s2.8 3 2.8 6",
  skipped: "m3.5 4 5 4-5 4zM11.5 4v8",
  dead: "M8 2.2c-3 0-5 2-5 4.8 0 1.7.8 2.7 2 3.4v2.3a1 1 0 0 0 1 1h4a1 1 0 0 0 1-1v-2.3c1.2-.7 2-1.7 2-3.4 0-2.8-2-4.8-5-4.8zM6 7.2v.1M10 7.2v.1",
  clock: "M8 2.1a5.9 5.9 0 1 0 0 11.8A5.9 5.9 0 0 0 8 2.1zM8 5v3.2l2 1.4",
  play: "M4.8 3.3v9.4L12.5 8z",
  refresh: "M13 6.2A5.3 5.3 0 0 0 3.4 5.4M3 9.8a5.3 5.3 0 0 0 9.6.8M13.2 2.8v3.4H9.8M2.8 13.2V9.8h3.4",
  close: "m4 4 8 8M12 4l-8 8",
  link: "M6.8 9.2a2.6 2.6 0 0 0 3.7 0l2-2a2.6 2.6 0 0 0-3.7-3.7l-.7.7M9.2 6.8a2.6 2.6 0 0 0-3.7 0l-2 2a2.6 2.6 0 0 0 3.7 3.7l.7-.7",
  left: "M9.8 4.5 6.3 8l3.5 3.5",
  right: "m6.2 4.5 3.5 3.5-3.5 3.5",
  down: "m4.5 6.3 3.5 3.5 3.5-3.5",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  search: "M7 2.7a4.3 4.3 0 1 0 0 8.6 4.3 4.3 0 0 0 0-8.6zM10.2 10.2l3.3 3.3",
  empty: "M2.5 9.2 4.3 3.4a.8.8 0 0 1 .8-.6h5.8a.8.8 0 0 1 .8.6l1.8 5.8v3.3a.7.7 0 0 1-.7.7H3.2a.7.7 0 0 1-.7-.7zM2.6 9.3h3l1 1.8h2.8l1-1.8h3",
  lock: "M4 7.2h8v6H4zM5.5 7.2V5a2.5 2.5 0 0 1 5 0v2.2",
  plug: "M5.5 2.5v3M10.5 2.5v3M4 5.5h8v2.2a4 4 0 0 1-8 0zM8 11.7v2",
  help: "M8 2.1a5.9 5.9 0 1 0 0 11.8A5.9 5.9 0 0 0 8 2.1zM6.3 6.4a1.7 1.7 0 1 1 2.4 1.6c-.5.2-.7.5-.7 1M8 11v.1",
  theme: "M13.3 9.6A5.7 5.7 0 0 1 6.4 2.7a5.7 5.7 0 1 0 6.9 6.9z",
  leave: "M6.5 2.5h-3v11h3M9.5 5l3 3-3 3M12.5 8H6.5",
  plus: "M8 3.5v9M3.5 8h9",
  pause: "M5.8 3.8v8.4M10.2 3.8v8.4",
  drop: "M3 4.5h10M6.5 4.5v-2h3v2M4.3 4.5l.6 9h6.2l.6-9",
  shield: "M8 2.1 12.8 4v3.8c0 2.9-2 5-4.8 6.1-2.8-1.1-4.8-3.2-4.8-6.1V4zM5.9 7.9l1.5 1.5 2.8-3",
  send: "M2.4 7.6 13.6 2.6 9.8 13.4 7.6 8.5zM13.6 2.6 7.6 8.5",
  duplicate: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  export: "M8 2.5v7.3M4.8 6.8 8 10l3.2-3.2M3 13.2h10",
  pulse: "M1.8 8.3h2.9l1.7-4.6 3.1 8.6 1.7-4h3",
  stop: "M4.3 4.3h7.4v7.4H4.3z",
  flag: "M4 14V2.6h8l-2 3 2 3H4",
  up: "M8 12.6V3.4M4.2 7.2 8 3.4l3.8 3.8",
};

/** @typedef {keyof typeof ICONS} IconName */

/**
 * @param {IconName} name
 * @param {string} [more] Further classes.
 * @returns {SVGElement}
 */
export function icon(name, more = "") {
  const classes = `icon ${name === "run" ? "spin" : ""} ${more}`.trim();
  return s("svg", { class: classes, viewBox: "0 0 16 16", "aria-hidden": "true" }, s("path", { d: ICONS[name] }));
}

/**
 * A button. Its text is its name; one that is only an icon has it hidden.
 * @param {string} text
 * @param {{ icon?: IconName, kind?: string, iconOnly?: boolean, onclick?: (event: Event) => void } & Attributes} [options]
 * @returns {HTMLButtonElement}
 */
export function button(text, options = {}) {
  const { icon: name, kind = "", iconOnly = false, ...rest } = options;
  const classes = `button ${kind} ${iconOnly ? "icon-only" : ""}`.trim();
  const label = iconOnly ? h("span", { class: "sr-only" }, text) : text;
  return h("button", { type: "button", class: classes, title: iconOnly ? text : null, ...rest }, name && icon(name), label);
}
