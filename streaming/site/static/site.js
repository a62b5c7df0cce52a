// What every page shares: words, the standard clock, text size, colours, countdowns.
import { clock } from "./clock.js";

const root = document.documentElement;
export const lang = root.lang.split("-")[0];
export const words = (await import(`./words.${lang}.js`)).default;

export const t = (key, values = {}) =>
  Object.entries(values).reduce((text, [name, value]) => text.replaceAll(`{${name}}`, value), words[key] ?? key);

/** A usual value of a free field (施工, 合格, 浮动系数) in the reader's language; any other as it was written. */
export const term = (text) => words[`term.${text}`] ?? text;

export const $ = (id) => document.getElementById(id);

/** An element with classes and text; text from records only ever goes through textContent. */
export function el(tag, className = "", text = null) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== null) node.textContent = text;
  return node;
}

export function icon(name, big = false) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("class", big ? "ic l" : "ic");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(ns, "use");
  use.setAttribute("href", `${root.dataset.static}/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

export function setIcon(button, name) {
  button.querySelector("use").setAttribute("href", `${root.dataset.static}/icons.svg#${name}`);
}

/** Replace an element's content only if its text differs, so that screen readers are not disturbed. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// ── standard time ──
let offset = Number(root.dataset.now) - Date.now();
export const serverNow = () => Date.now() + offset;

/** Ask for the standard time and say how far this machine's clock is from it, and how sure that is. */
async function correctClock() {
  const asked = performance.now();
  try {
    const answer = await fetch("/api/time", { cache: "no-store" });
    if (!answer.ok) return;
    const { now } = await answer.json();
    const trip = performance.now() - asked;
    if (trip >= 2000) return;
    offset = Date.parse(now) + trip / 2 - Date.now();
    sayDrift(trip / 2);
  } catch {
    return; // offline: the last correction stands
  }
}

function sayDrift(error) {
  const seconds = (ms) => (Math.abs(ms) / 1000).toFixed(Math.abs(ms) < 10_000 ? 2 : 0);
  const own = t(offset > 0 ? "clock.behind" : "clock.ahead", { n: seconds(offset) });
  const text = t("clock.drift", { error: seconds(Math.max(error, 10)), own });
  if ($("drift")) say($("drift"), text);
  if ($("clock")) $("clock").closest(".clock").title = text;
}

export function span(ms) {
  const s = Math.max(0, Math.floor(ms / 1000)), m = Math.floor(s / 60), h = Math.floor(s / 3600), d = Math.floor(s / 86400);
  if (d) return t("days", { d, h: h % 24 });
  if (h) return t("hours", { h, m: m % 60 });
  return m ? t("minutes", { m, s: s % 60 }) : t("seconds", { s });
}

function tick() {
  const now = serverNow(), text = clock(now);
  if ($("clock")) say($("clock"), text);
  for (const node of document.querySelectorAll(".tick")) say(node, text);
  for (const node of document.querySelectorAll("[data-until]")) {
    const left = Date.parse(node.dataset.until) - now;
    say(node, left > 0 ? t("slate.count", { time: span(left) }) : t("slate.due"));
  }
  setTimeout(tick, 1000 - (now % 1000) + 5);
}
tick();
correctClock();
setInterval(correctClock, 300_000);

// ── text size, colours, menu ──
function keep(name, value) {
  root.dataset[name] = value;
  try {
    localStorage.setItem(name, value);
  } catch {
    root.dataset.storage = "none"; // kept for this page only
  }
}

function showSize() {
  const size = root.dataset.size ?? "1";
  for (const button of document.querySelectorAll("button[data-size]"))
    button.setAttribute("aria-pressed", String(button.dataset.size === size));
}
for (const button of document.querySelectorAll("button[data-size]"))
  button.addEventListener("click", () => { keep("size", button.dataset.size); showSize(); });
showSize();

$("theme")?.addEventListener("click", () => {
  const dark = root.dataset.theme ? root.dataset.theme === "night" : matchMedia("(prefers-color-scheme:dark)").matches;
  keep("theme", dark ? "day" : "night");
});

const narrow = matchMedia("(max-width:720px)"), prefs = $("prefs");
if (prefs) {
  const fit = () => { prefs.open = !narrow.matches; };
  fit();
  narrow.addEventListener("change", fit);
  document.addEventListener("click", (event) => { if (narrow.matches && !prefs.contains(event.target)) prefs.open = false; });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && narrow.matches) prefs.open = false; });
}
