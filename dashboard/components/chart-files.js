// A chart as a file that says by itself what it is (ground, title, as-of time, source), and its figures as a table.

import { ask } from "./common.js";

const EDGE = 16, TITLE = 15, FOOT = 12, LINE = 1.4, SCALE = 2;

export function drawingOf(element) {
  return (element.closest("[data-testid=stFullScreenFrame]") ?? element.closest("[data-testid=stElementContainer]"))?.querySelector("svg.marks");
}

// what stands before the chart for who does not see it: its title, its foot and its figures
function wordsOf(drawing) {
  if (drawing.matches(".meet")) return told(drawing);
  for (let at = drawing.parentElement; at && at !== document.body; at = at.parentElement) {
    const found = at.previousElementSibling?.querySelector(".chart-words");
    if (found) return found;
  }
  return null;
}

// a drawing by hand tells its figures mark by mark, as it tells whoever points at them
function told(drawing) {
  const found = document.createElement("div"), table = document.createElement("table");
  const label = drawing.getAttribute("aria-label").split("：")[0];
  const head = drawing.closest("section.card, [class*=st-key-panel-]")?.querySelector(".hd h2")?.textContent;
  const lines = [...drawing.querySelectorAll("title")].map(title => title.textContent.trim()).filter(Boolean);
  for (const line of new Set(lines)) table.insertRow().insertCell().textContent = line;
  const as = (tag, name, words) => Object.assign(document.createElement(tag), { className: name, textContent: words });
  const at = document.querySelector("header.title .asof")?.textContent ?? "";
  const asOf = [/\d{4}-/.test(at) ? "" : today(), at, document.title].filter(Boolean).join(" · ");
  found.append(as("b", "chart-title", label.length > 40 && head ? head : label), table, as("p", "chart-foot", asOf));
  return found;
}

export function offerTools(drawing, words) {
  if (drawing.previousElementSibling?.matches(".drawing-tools")) return;
  const tools = Object.assign(document.createElement("div"), { className: "drawing-tools" });
  const offer = (label, shown, act) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: shown, title: label, ariaLabel: label });
    button.onclick = act;
    tools.append(button);
  };
  if (drawing.querySelector("title")) offer(words["Show data"], words["Show data"], () => showFigures(drawing, words.Dismiss));
  offer(words["Download as PNG"], "PNG", () => saveChart(drawing, "png"));
  offer(words["Download as SVG"], "SVG", () => saveChart(drawing, "svg"));
  drawing.before(tools);
}

// the day in Beijing, 2026-11-28
function today() {
  return new Date().toLocaleDateString("sv-SE", { timeZone: "Asia/Shanghai" });
}

/** Saves a chart, once the desk has written down that it leaves; the file carries the desk's mark. */
export async function saveChart(drawing, kind) {
  const told = wordsOf(drawing);
  const title = told?.querySelector(".chart-title").textContent ?? document.title;
  let mark;
  try {
    const body = JSON.stringify({ title, format: kind, address: location.pathname + location.search });
    ({ mark } = await ask("/export/chart", { method: "POST", headers: { "Content-Type": "application/json" }, body }));
  } catch (error) {
    alert(error.message);
    return;
  }
  const foot = told?.querySelector(".chart-foot").textContent ?? document.title;
  const sheet = paper(drawing, title, besides(drawing), [...narrowed(), foot, mark]);
  const svg = new Blob([new XMLSerializer().serializeToString(sheet)], { type: "image/svg+xml" });
  hand(kind === "svg" ? svg : await pixels(svg, sheet), `${title.replace(/[\\/:*?"<>|\s]+/g, " ").trim()}-${today()}.${kind}`);
}

// what the card says beside its drawing and the drawing itself does not: its note, which has the unit, and its key of signs
function besides(drawing) {
  const card = drawing.closest("section.card, [class*=st-key-panel-]");
  const parts = [card?.querySelector(".hd .muted"), ...(card?.querySelectorAll(".signs span") ?? [])];
  return parts.filter(part => part?.textContent.trim() && !part.children.length).map(part => ({ words: part.textContent.trim(), fill: getComputedStyle(part).color }));
}

// the choices of the filters row as they stand on the screen, in one line
function narrowed() {
  const chosen = "[data-testid=stSelectbox] input, [data-testid=stButtonGroup] button[aria-checked=true]";
  const words = [...document.querySelectorAll(`.st-key-filters :is(${chosen})`)].map(one => (one.value || one.innerText).trim().replace(/\s+/g, " "));
  return words.length ? [words.join(" · ")] : [];
}

// the drawing on a sheet of its card's colour; every colour in plain figures, since converters know neither variables nor light-dark()
function paper(drawing, title, notes, feet) {
  const { width, height } = drawing.getBoundingClientRect(), { ground, ink, muted, font } = colours();
  const across = Math.ceil(Math.max(width, wide(title, `600 ${TITLE}px ${font}`), ...[notes.map(({ words }) => words).join("　"), ...feet].map((foot) => wide(foot, `${FOOT}px ${font}`)))) + 2 * EDGE;
  const under = EDGE + TITLE - 2 + FOOT * LINE, top = (notes.length ? under : EDGE + TITLE) + 12, down = Math.ceil(top + height + 12 + FOOT * LINE * feet.length + EDGE);
  const sheet = make("svg", { width: across, height: down, viewBox: `0 0 ${across} ${down}` });
  const copy = drawing.cloneNode(true);
  if (drawing.matches(".meet")) wear(drawing, copy);
  copy.removeAttribute("style");
  for (const [name, value] of Object.entries({ x: EDGE, y: top, width, height })) copy.setAttribute(name, value);
  const line = (y, size, fill, weight, words) =>
    Object.assign(make("text", { x: EDGE, y, fill, "font-family": font, "font-size": size, "font-weight": weight }), { textContent: words });
  const said = line(under, FOOT, muted, 400, "");
  said.append(...notes.map(({ words, fill }, n) => Object.assign(make("tspan", { fill, dx: n ? FOOT / 2 : 0 }), { textContent: words })));
  sheet.append(
    make("rect", { width: across, height: down, fill: ground }), line(EDGE + TITLE - 2, TITLE, ink, 600, title), said, copy,
    ...feet.map((foot, n) => line(down - EDGE - FOOT * LINE * (feet.length - 1 - n), FOOT, muted, 400, foot)),
  );
  return sheet;
}

const WORN = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "fill-opacity", "font-family", "font-size", "font-weight", "text-anchor", "paint-order", "stroke-linejoin"];

// what the page's stylesheet gives a drawing, on the marks themselves
function wear(drawing, copy) {
  const copies = copy.querySelectorAll("*");
  [...drawing.querySelectorAll("*")].forEach((mark, n) => {
    const worn = getComputedStyle(mark);
    for (const name of WORN) copies[n].setAttribute(name, worn.getPropertyValue(name));
    copies[n].removeAttribute("class");
  });
}

function make(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function colours() {
  const probe = document.body.appendChild(document.createElement("i"));
  const resolved = name => ((probe.style.color = `var(--${name})`), getComputedStyle(probe).color);
  const found = { ground: resolved("card"), ink: resolved("ink"), muted: resolved("muted"), font: getComputedStyle(document.body).fontFamily.replaceAll('"', "'") };
  probe.remove();
  return found;
}

function wide(words, font) {
  const context = document.createElement("canvas").getContext("2d");
  context.font = font;
  return context.measureText(words).width;
}

async function pixels(svg, sheet) {
  const picture = new Image(), address = URL.createObjectURL(svg);
  picture.src = address;
  await picture.decode();
  URL.revokeObjectURL(address);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [sheet.getAttribute("width") * SCALE, sheet.getAttribute("height") * SCALE];
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise(resolve => canvas.toBlob(resolve, "image/png"));
}

function hand(file, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(file), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

export function showFigures(drawing, close) {
  const told = wordsOf(drawing);
  if (!told) return;
  const dialog = Object.assign(document.createElement("dialog"), { className: "chart-data" });
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: close });
  button.onclick = () => dialog.close();
  dialog.onclose = () => dialog.remove();
  dialog.append(...[...told.children].map(child => child.cloneNode(true)), button);
  document.body.append(dialog);
  dialog.showModal();
  dialog.scrollTop = 0; // the button below has the focus, the title above is read first
}
