// What every live component shares. Text from records reaches the page through textContent only.
import { exact, isComparable } from "./amounts.js";
import { date } from "./clock.js";

/** Build an element: attributes, `on…` listeners, then children (text becomes text nodes, null is left out). */
export function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name || "div");
  if (classes.length) element.className = classes.join(" ");
  set(element, attributes);
  element.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(element, attributes);
  element.append(...children.flat().filter((c) => c !== null && c !== undefined));
  return element;
}

export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

const SHAPES = {
  red: ["path", { d: "M7 1.2 13.2 12.6H.8z" }],
  orange: ["path", { d: "M7 .6 13.4 7 7 13.4.6 7z" }],
  yellow: ["circle", { cx: 7, cy: 7, r: 5.4 }],
};
const ICONS = {
  sound: "M3 6.2v3.6h2.3L8.5 13V3L5.3 6.2zM10.8 5.6a3.4 3.4 0 0 1 0 4.8M12.6 3.8a6 6 0 0 1 0 8.4",
  mute: "M3 6.2v3.6h2.3L8.5 13V3L5.3 6.2zM11 6l3.4 4M14.4 6 11 10",
  full: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  pip: "M2 3.5h12v9H2zM8 8h4.2v2.8H8z",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  clock: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 4.6V8l2.4 1.6",
  check: "m3.2 8.4 3 3 6.6-7",
  cross: "m4 4 8 8M12 4l-8 8",
  warn: "M8 2 1.8 13.4h12.4zM8 6.4v3.4M8 11.8v.2",
  grid: "M2.5 2.5h4.5v4.5H2.5zM9 2.5h4.5v4.5H9zM2.5 9h4.5v4.5H2.5zM9 9h4.5v4.5H9z",
  lock: "M3.5 7h9v6.5h-9zM5.5 7V5a2.5 2.5 0 0 1 5 0v2",
  stop: "M4 4h8v8H4z",
  person: "M8 2.5a2.6 2.6 0 1 0 0 5.2 2.6 2.6 0 0 0 0-5.2zM3 13.5c0-5 10-5 10 0",
  link: "M6.5 9.5l3-3M7 5l1.5-1.5a2.5 2.5 0 0 1 4 4L11 9M9 11l-1.5 1.5a2.5 2.5 0 0 1-4-4L5 7",
  prev: "m10 3.5-4.5 4.5 4.5 4.5",
  next: "m6 3.5 4.5 4.5L6 12.5",
  camera: "M2 5.5h2.8L6 3.8h4l1.2 1.7H14v7H2zM8 6.8a2.2 2.2 0 1 0 0 4.4 2.2 2.2 0 0 0 0-4.4z",
  dice: "M3 3h10v10H3zM6 6h.01M10 6h.01M8 8h.01M6 10h.01M10 10h.01",
};

/** A dialog that a press beside it closes; one that began inside and ended outside (a button let go elsewhere) does not. */
export function dialog(tag) {
  let beside = false;
  const box = h(tag, { onpointerdown: (event) => { beside = event.target === box; }, onclick: (event) => { if (beside && event.target === box) box.close(); } });
  return box;
}

export function icon(name) {
  return svg("svg", { class: "ic", viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
}

/** The mark of a warning level: shape and colour; the word stands beside it. */
export function mark(level) {
  if (!SHAPES[level]) {
    const calm = [svg("circle", { cx: 7, cy: 7, r: 5 }), svg("path", { d: "m4.6 7.2 1.7 1.7 3.1-3.6" })];
    return svg("svg", { class: "mark calm", viewBox: "0 0 14 14", "aria-hidden": "true" }, calm);
  }
  const [shape, attributes] = SHAPES[level];
  return svg("svg", { class: `mark ${level}`, viewBox: "0 0 14 14", "aria-hidden": "true" }, svg(shape, attributes));
}

/** Fill "{name}" places of a phrase. */
export function say(phrase, values = {}) {
  return String(phrase ?? "").replace(/\{(\w+)\}/g, (whole, key) => (key in values ? values[key] : whole));
}

/** A moment of today as its time, of another day as its date. */
export function shortTime(moment) {
  if (!moment) return "—";
  const [day, time] = date(moment).split(" ");
  return day === date(Date.now()).split(" ")[0] ? time : day.slice(5);
}

/**
 * Keep one instance for one place on the page: a rerun of the script with the same place updates it,
 * and it ends only when the place really goes away.
 */
const PLACES = (window.sunbidPlaces ??= new WeakMap());

export function mount({ parentElement, data }, create) {
  away = data?.words?.away ?? away;
  let instance = PLACES.get(parentElement);
  if (instance) {
    clearTimeout(instance.leaving);
    const signature = JSON.stringify(data);
    if (signature !== instance.signature) {
      instance.signature = signature;
      instance.update(data);
    }
  } else {
    instance = create(parentElement, data);
    instance.signature = JSON.stringify(data);
    PLACES.set(parentElement, instance);
  }
  return () => {
    instance.leaving = setTimeout(() => {
      instance.close();
      if (PLACES.get(parentElement) === instance) PLACES.delete(parentElement);
    }, 250);
  };
}

/** What is said where nobody answers, in the page's language; every component brings it with its words. */
let away = "";

/** `fetch`, but a line that is down is told in the page's language instead of the browser's own words; such an error is `away`. */
export async function reach(address, options = {}) {
  try {
    return await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error; // whoever asked does not wait any more
    throw Object.assign(new Error(away || error.message, { cause: error }), { away: true });
  }
}

/** Ask the desk or the hub for JSON; throws with the answer's own words, which are in the page's language. */
export async function ask(address, options = {}) {
  const headers = { Accept: "application/json", "Accept-Language": document.documentElement.lang, ...options.headers };
  const answer = await reach(address, { ...options, headers });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(body.detail || `HTTP ${answer.status}`), { status: answer.status });
  return body;
}

/** The answer to something sent as JSON; errors as with `ask`. */
export function postJson(address, body) {
  return ask(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

/** An amount (decimal string) in the unit of the reader's language, exact as it was read aloud; of whose own VAT is `told`. */
export function money(price, { unit, size, plain, vat, told: words }, told = null) {
  if (price === null || price === undefined || price === "") return "—";
  if (told === null || isComparable(told, vat)) return `${amount(price, { size })} ${unit}`;
  return say(words[told], { amount: `${amount(price, { size })} ${plain}` });
}

export function amount(price, { size }) {
  if (price === null || price === undefined) return "—";
  return exact(price, size);
}

/** The address of a lot's life line; it says which view leads there, as the desk's own rows do (shell/layout.py, `open_lot`). */
export function lotAddress(lot) {
  const asked = new URLSearchParams(location.search);
  asked.set("from", location.pathname.split("/").at(-1));
  asked.set("lot", lot);
  return `/lot?${asked}`;
}
