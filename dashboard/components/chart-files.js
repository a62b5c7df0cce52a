// A chart as a file that says by itself what it is (ground, title, as-of time, source), and its figures as a table.

const EDGE = 16, TITLE = 15, FOOT = 12, SCALE = 2;

export function drawingOf(element) {
  return (element.closest("[data-testid=stFullScreenFrame]") ?? element.closest("[data-testid=stElementContainer]"))?.querySelector("svg.marks");
}

// what stands before the chart for who does not see it: its title, its foot and its figures
function wordsOf(drawing) {
  for (let at = drawing.parentElement; at && at !== document.body; at = at.parentElement) {
    const found = at.previousElementSibling?.querySelector(".chart-words");
    if (found) return found;
  }
  return null;
}

export async function saveChart(drawing, kind) {
  const told = wordsOf(drawing);
  const title = told?.querySelector(".chart-title").textContent ?? document.title;
  const sheet = paper(drawing, title, told?.querySelector(".chart-foot").textContent ?? document.title);
  const svg = new Blob([new XMLSerializer().serializeToString(sheet)], { type: "image/svg+xml" });
  const day = new Date().toLocaleDateString("sv-SE", { timeZone: "Asia/Shanghai" });
  hand(kind === "svg" ? svg : await pixels(svg, sheet), `${title.replace(/[\\/:*?"<>|\s]+/g, " ").trim()}-${day}.${kind}`);
}

// the drawing on a sheet of its card's colour; every colour in plain figures, since converters know neither variables nor light-dark()
function paper(drawing, title, foot) {
  const { width, height } = drawing.getBoundingClientRect(), { ground, ink, muted, font } = colours();
  const across = Math.ceil(Math.max(width, wide(title, `600 ${TITLE}px ${font}`), wide(foot, `${FOOT}px ${font}`))) + 2 * EDGE;
  const top = EDGE + TITLE + 12, down = Math.ceil(top + height + 12 + FOOT + EDGE);
  const sheet = make("svg", { width: across, height: down, viewBox: `0 0 ${across} ${down}` });
  const copy = drawing.cloneNode(true);
  copy.removeAttribute("style");
  for (const [name, value] of Object.entries({ x: EDGE, y: top, width, height })) copy.setAttribute(name, value);
  const line = (y, size, fill, weight, words) =>
    Object.assign(make("text", { x: EDGE, y, fill, "font-family": font, "font-size": size, "font-weight": weight }), { textContent: words });
  sheet.append(
    make("rect", { width: across, height: down, fill: ground }), line(EDGE + TITLE - 2, TITLE, ink, 600, title), copy,
    line(down - EDGE, FOOT, muted, 400, foot),
  );
  return sheet;
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
}
