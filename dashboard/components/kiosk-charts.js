// Drawings of the wall: lines, columns, dumbbells, tiles, hexagons, areas and the rooms' day, as SVG in the canvas' pixels;
// most are as large as the box they are drawn for, so that no word is scaled below what can be read from afar.
import { h, mark, say, svg } from "./common.js";

const SHADES = ["#17356A", "#1D4585", "#2557A0", "#2E68BA"];
const LIGHT = "#EAF1FB";
/** A rim of the card's colour around words that a line may cross. */
const HALO = "paint-order:stroke;stroke:var(--card);stroke-width:6px";

const text = (x, y, words, size, more = {}) => svg("text", { x: round(x), y: round(y), "font-size": size, ...more }, document.createTextNode(words));
const round = (value) => Math.round(value * 10) / 10;
const drawing = (width, height, label, ...parts) => svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, preserveAspectRatio: "xMidYMid meet" }, ...parts);
const grouped = (value) => value.toLocaleString("en-US");
const spoken = (bars) => bars.map((bar) => `${bar.name} ${bar.figure}`).join("; ");

/** About how many pixels words take at a size: full-width signs are as wide as high. */
const wide = (words, size) => [...words].reduce((sum, sign) => sum + (sign.codePointAt(0) > 0x2e7f ? size : size * 0.58), 0);

/** Words cut to so many pixels. */
function cut(words, size, room) {
  if (wide(words, size) <= room) return words;
  let kept = words;
  while (kept && wide(`${kept}…`, size) > room) kept = kept.slice(0, -1);
  return kept ? `${kept}…` : "";
}

/** A course over time: its line, its last point in the sun colour, a dashed reference with its name. */
export function line({ title, trend, reference, floor }, width, height) {
  const low = height - 36;
  const known = trend.values.filter((value) => value !== null);
  if (known.length < 2) return drawing(width, height, title);
  const marks = [...known, ...(reference ? [reference.value] : []), ...(floor === undefined || floor === null ? [] : [floor])];
  const least = Math.min(...marks), span = Math.max(...marks) - least || 1;
  const x = (n) => 6 + ((width - 16) * n) / (trend.values.length - 1);
  const y = (value) => low - 14 - ((value - least) / span) * (low - 40);
  let path = "", open = false, last = 0;
  trend.values.forEach((value, n) => {
    if (value === null) { open = false; return; }
    path += `${open ? "L" : "M"}${round(x(n))} ${round(y(value))}`;
    open = true;
    last = n;
  });
  const dashed = reference ? [
    svg("path", { d: `M4 ${round(y(reference.value))}H${width - 8}`, stroke: "var(--muted)", "stroke-width": 2, "stroke-dasharray": "6 6" }),
    beside(y(reference.value), reference.name, trend.values.map((value, n) => [x(n), value === null ? null : y(value)]), width - 8, low),
  ] : [];
  return drawing(width, height, `${title}: ${trend.names[0]} ${trend.said[trend.values.findIndex((v) => v !== null)]}; ${trend.names[last]} ${trend.said[last]}`,
    svg("path", { d: `M4 ${low}H${width - 8}`, stroke: "var(--line)" }), ...dashed,
    svg("path", { d: path, fill: "none", stroke: "var(--s1)", "stroke-width": 4, "stroke-linejoin": "round", "stroke-linecap": "round" }),
    svg("circle", { cx: round(x(last)), cy: round(y(trend.values[last])), r: 7, fill: "var(--sun)" }),
    text(4, height - 8, trend.names[0], 18, { class: "m" }), text(width - 8, height - 8, trend.names.at(-1), 18, { class: "m", "text-anchor": "end" }));
}

/** The name of a level line: at that end of it, above or below, where the course leaves most room. */
function beside(level, words, course, end, low) {
  const room = wide(words, 18) + 12;
  const spots = [["start", 4], ["end", end]].flatMap(([anchor, at]) => [-10, 22].map((by) => {
    const near = course.filter(([x, y]) => y !== null && (anchor === "start" ? x <= room : x >= end - room));
    const clear = Math.min(...near.map(([, y]) => Math.abs(y - (level + by - 6))), 99);
    return { anchor, at, by, clear: level + by > low - 4 ? -1 : clear };
  }));
  const best = spots.reduce((a, b) => (b.clear > a.clear ? b : a));
  return text(best.at, level + best.by, words, 18, { "text-anchor": best.anchor, class: "m", style: HALO });
}

/** Upright bars with their figures on top and their names below. */
export function columns(bars, width, height) {
  const most = Math.max(...bars.map((bar) => bar.size), 0) || 1, step = width / bars.length;
  const large = width > 500, size = large ? 24 : 18, label = large ? 22 : 18;
  const lanes = bars.some((bar) => wide(bar.name, label) > step - 6) ? 2 : 1, low = height - 12 - 22 * lanes, top = size + 14;
  return drawing(width, height, spoken(bars),
    svg("path", { d: `M0 ${low}H${width}`, stroke: "var(--line)" }),
    ...bars.flatMap((bar, n) => {
      const tall = Math.max(((low - top) * bar.size) / most, bar.size ? 2 : 0), middle = step * (n + 0.5);
      return [
        svg("rect", { x: round(middle - step * 0.41), y: round(low - tall), width: round(step * 0.82), height: round(tall), rx: 3, fill: "var(--s2)" }),
        text(middle, low - tall - 8, bar.figure, size, { "text-anchor": "middle", "font-weight": 600 }),
        text(middle, low + 22 + (n % lanes) * 22, cut(bar.name, label, step * lanes - 6), label, { "text-anchor": "middle", class: "m" }),
      ];
    }));
}

/** Two shares of the same row and how far they are apart. */
export function dumbbell({ rows, first, second, third }, width, height) {
  const from = Math.min(Math.max(...rows.map((row) => wide(row.name, 20)), 80) + 16, 170), to = width - 92, step = Math.min((height - 74) / rows.length, 56), bottom = 42 + rows.length * step;
  const most = Math.min(Math.ceil((Math.max(...rows.flatMap((row) => [row.first, row.second]), 1) * 1.1) / 10) * 10, 100);
  const x = (value) => round(from + ((to - from) * value) / most);
  const scale = [0, most / 2, most].flatMap((value) => [
    svg("path", { d: `M${x(value)} 36V${bottom}`, stroke: "var(--line)", "stroke-width": 2 }),
    text(x(value), bottom + 22, `${value}%`, 18, { "text-anchor": "middle", class: "m" }),
  ]);
  const head = [
    svg("circle", { cx: from + 7, cy: 16, r: 7, fill: "var(--s1)" }), text(from + 20, 22, first, 18, { class: "m" }),
    svg("rect", { x: from + 40 + wide(first, 18), y: 9, width: 14, height: 14, rx: 2, fill: "var(--s2)" }), text(from + 60 + wide(first, 18), 22, second, 18, { class: "m" }),
    text(width, 22, third, 18, { class: "m", "text-anchor": "end" }),
  ];
  const lines = rows.flatMap((row, n) => {
    const y = 38 + (n + 0.5) * step;
    return [
      text(0, y + 7, cut(row.name, 20, from - 12), 20, { "font-weight": n ? 400 : 600 }),
      svg("path", { d: `M${x(row.first)} ${y}H${x(row.second)}`, stroke: "var(--muted)", "stroke-width": 4 }),
      svg("rect", { x: x(row.second) - 8, y: y - 8, width: 16, height: 16, rx: 2, fill: "var(--s2)" }),
      svg("circle", { cx: x(row.first), cy: y, r: 9, fill: "var(--s1)" }),
      text(width, y + 8, row.figure, 22, { "font-weight": 600, "text-anchor": "end" }),
    ];
  });
  const said = rows.map((row) => `${row.name} ${first} ${row.first.toFixed(2)} % ${second} ${row.second.toFixed(2)} %`).join("; ");
  return drawing(width, height, said, ...scale, ...head, ...lines);
}

/** Where each province stands: column and row of its tile, by direction; no borders are shown. */
const TILES = {
  23: [8, 0], 22: [8, 1], 15: [5, 1], 21: [7, 1], 65: [0, 2], 62: [2, 2], 64: [3, 2], 14: [4, 2], 13: [5, 2], 11: [6, 2], 12: [7, 2],
  54: [0, 3], 63: [1, 3], 61: [3, 3], 41: [5, 3], 37: [6, 3], 51: [2, 4], 50: [3, 4], 42: [4, 4], 34: [5, 4], 32: [6, 4], 31: [7, 4],
  53: [2, 5], 52: [3, 5], 43: [4, 5], 36: [5, 5], 33: [6, 5], 45: [3, 6], 44: [4, 6], 35: [5, 6], 71: [7, 6], 46: [3, 7], 82: [4, 7], 81: [5, 7],
};
const FLOWS = 12;

/** From which figures on a shade is the next one, the lightest first, at these shares of the greatest figure. */
function steps(values, shares) {
  const most = Math.max(...values, 1);
  return shares.map((share) => Math.max(Math.round(most * share), 1)).filter((edge, n, all) => all.indexOf(edge) === n);
}

const range = (from, to) => (from === to ? grouped(from) : `${grouped(from)}–${grouped(to)}`);

const shade = (value, edges) => SHADES[3 - edges.filter((edge) => value < edge).length];

/** A tile a province, darker where fewer come from; lines as broad as many come to the home province. */
export function provinces(told) {
  const { tiles, names, home } = told, edges = steps(Object.values(tiles), [0.3, 0.1, 0.01]);
  const centre = (code) => [49.5 + TILES[code][0] * 99, 48 + TILES[code][1] * 96];
  const came = Object.entries(tiles).filter(([code]) => code !== home && TILES[code]).sort((a, b) => b[1] - a[1]);
  const flows = TILES[home] ? came.slice(0, FLOWS).map(([code, n]) => flow(centre(code), centre(home), 3 + 9 * Math.sqrt(n / came[0][1]))) : [];
  const cells = Object.keys(TILES).map((code) => tile(centre(code), code === home ? told.home_rest || names[code] : names[code] ?? code, tiles[code] ?? 0, code === home, edges));
  const sign = TILES[home] ? [text(centre(home)[0] + 68, centre(home)[1] - 8, say(told.into, { place: told.home_name }), 24, { "font-weight": 600 }), text(centre(home)[0] + 68, centre(home)[1] + 20, told.legend, 18, { class: "m" })] : [];
  const legend = edges.map((edge, n) => key(8, 20 + n * 36, shade(edge, edges), n ? range(edge, edges[n - 1] - 1) : `${grouped(edge)} ${told.unit}+`));
  const last = edges.at(-1) > 1 ? [key(8, 20 + edges.length * 36, SHADES[3 - edges.length], range(1, edges.at(-1) - 1))] : [];
  const caption = told.caption.split("\n").map((words, n) => text(8, 730 + n * 28, words, 18, { class: "m" }));
  const said = came.map(([code, n]) => `${names[code]} ${n}`).join("; ");
  return drawing(891, 768, said, ...flows, ...cells, ...sign, ...legend.flat(), ...last.flat(), ...caption);
}

/** A name that must stand whole is drawn narrower where it is too long for its place. */
function squeezed(name, size, room) {
  return wide(name, size) > room ? { textLength: room, lengthAdjust: "spacingAndGlyphs" } : {};
}

function key(x, y, fill, words) {
  return [svg("rect", { x, y, width: 24, height: 16, rx: 3, fill }), text(x + 36, y + 15, words, 20)];
}

function flow([x, y], [toX, toY], broad) {
  const bend = [(x + toX) / 2 + (toY - y) * 0.08, (y + toY) / 2 - (toX - x) * 0.08];
  return svg("path", { d: `M${x} ${y}Q${round(bend[0])} ${round(bend[1])} ${toX} ${toY}`, fill: "none", stroke: "#8DB8FF", "stroke-opacity": 0.85, "stroke-width": round(broad), class: "flow" });
}

function tile([x, y], name, value, home, edges) {
  const side = home ? 97 : 83, tall = home ? 78 : 72, fill = value ? shade(value, edges) : "#0E2145";
  const frame = value || home ? (home ? { stroke: LIGHT, "stroke-width": 3 } : {}) : { stroke: "#25406F", "stroke-width": 2, "stroke-dasharray": "5 5" };
  const ink = { "text-anchor": "middle", style: `paint-order:stroke;stroke:${fill};stroke-width:5px;fill:${value || home ? LIGHT : "#9DB2D1"}` };
  return svg("g", {},
    svg("rect", { x: x - side / 2, y: y - tall / 2, width: side, height: tall, rx: 6, fill, "fill-opacity": value ? 0.88 : 0.6, ...frame }),
    text(x, y - 4, name, 20, { ...ink, ...squeezed(name, 20, side - 8), "font-weight": 600 }), text(x, y + 22, value ? grouped(value) : "—", 18, ink));
}

/** Centres as a comb of hexagons, the greatest in the middle; where an opening runs a light pulses. */
export function cells(told) {
  const radius = 92, edges = steps(told.cells.map((cell) => cell.value), [0.75, 0.5, 0.25]);
  const places = comb(told.cells.length, radius);
  const [left, right] = [Math.min(...places.map((p) => p[0])) - radius, Math.max(...places.map((p) => p[0])) + radius];
  const [top, bottom] = [Math.min(...places.map((p) => p[1])) - radius, Math.max(...places.map((p) => p[1])) + radius];
  const parts = told.cells.map((cell, n) => hexagon(places[n], radius - 4, cell, told.levels ? levelled(cell) : cell.value ? shade(cell.value, edges) : "#0E2145"));
  const label = told.cells.map((cell) => `${cell.name} ${cell.value} ${told.unit}`).join("; ");
  const comb_ = svg("svg", { class: "comb", viewBox: `${left} ${top} ${right - left} ${bottom - top}`, role: "img", "aria-label": label }, ...parts);
  return [comb_, legend(told, edges)];
}

function levelled(cell) {
  return { red: "#5A2230", orange: "#5A3A1C", yellow: "#54481C" }[cell.level] ?? "#17356A";
}

function legend(told, edges) {
  const row = (sign, words) => h("span", {}, sign, words);
  const box = (fill) => h("i", { style: `background:${fill}` });
  if (told.levels) return h("div.lg", {}, Object.entries(told.levels).map(([level, words]) => row(mark(level), words)), row(box("#17356A"), told.calm));
  const rows = edges.map((edge, n) => row(box(shade(edge, edges)), n ? range(edge, edges[n - 1] - 1) : `${grouped(edge)} ${told.unit}+`));
  const least = edges.at(-1) > 1 ? row(box(shade(1, edges)), range(1, edges.at(-1) - 1)) : null;
  return h("div.lg", {}, told.live ? row(h("i.d"), told.live) : null, rows, least);
}

/** The middles of so many hexagons: rows that grow to the middle and shrink again, each filled evenly. */
function comb(count, radius) {
  const across = Math.max(Math.round(Math.sqrt(count * 1.3)), 1), rows = [];
  for (let left = count, n = 0; left > 0; n += 1) {
    const wanted = n % 2 ? across : Math.max(across - 1, 1);
    rows.push(Math.min(wanted, left));
    left -= rows.at(-1);
  }
  const step = radius * Math.sqrt(3);
  const spots = rows.flatMap((length, row) => Array.from({ length }, (_, n) => [(n - (length - 1) / 2) * step, row * radius * 1.5]));
  const middle = (rows.length - 1) * radius * 0.75;
  return spots.sort((a, b) => Math.hypot(a[0], a[1] - middle) - Math.hypot(b[0], b[1] - middle));
}

function hexagon([x, y], radius, cell, fill) {
  const corners = Array.from({ length: 6 }, (_, n) => [x + radius * Math.sin((n * Math.PI) / 3), y + radius * Math.cos((n * Math.PI) / 3)]);
  const name = cut(cell.name, 22, radius * 1.6);
  return svg("g", {},
    svg("polygon", { points: corners.map((corner) => corner.map(round).join()).join(" "), fill, stroke: cell.live ? "#8DB8FF" : "#25406F", "stroke-width": cell.live ? 2.5 : 1.5 }),
    ...(cell.live ? pulse(x, y - radius * 0.5) : cell.level ? [level(x, y - radius * 0.5, cell.level)] : []),
    text(x, y + 4, name, 22, { "text-anchor": "middle", "font-weight": 600 }),
    text(x, y + 40, cell.value ? grouped(cell.value) : "—", 30, { "text-anchor": "middle", "font-weight": 600 }));
}

function pulse(x, y) {
  return [
    svg("circle", { cx: x, cy: y, r: 13, fill: "#F2A900", opacity: 0.28 }), svg("circle", { class: "ring", cx: x, cy: y, r: 16, fill: "none", stroke: "#F2A900", "stroke-width": 3 }),
    svg("circle", { cx: x, cy: y, r: 7, fill: "#F2A900", stroke: "#0B1A33", "stroke-width": 2 }),
  ];
}

function level(x, y, name) {
  const shape = mark(name);
  for (const [key_, value] of Object.entries({ x: x - 11, y: y - 11, width: 22, height: 22 })) shape.setAttribute(key_, value);
  return shape;
}

/** Areas as large as what they stand for (squarified), the largest first. */
export function treemap(bars, width, height) {
  const whole = bars.reduce((sum, bar) => sum + bar.size, 0);
  const placed = [];
  let [x, y, wide_, tall] = [0, 0, width, height], rest = bars.map((bar) => (bar.size / whole) * width * height), from = 0;
  while (rest.length) {
    const side = Math.min(wide_, tall);
    let take = 1;
    while (take < rest.length && worst(rest.slice(0, take + 1), side) <= worst(rest.slice(0, take), side)) take += 1;
    const row = rest.slice(0, take), depth = row.reduce((a, b) => a + b, 0) / side;
    let along = 0;
    row.forEach((area, n) => {
      const length = area / depth;
      placed.push([bars[from + n], ...(wide_ >= tall ? [x, y + along, depth, length] : [x + along, y, length, depth])]);
      along += length;
    });
    if (wide_ >= tall) { x += depth; wide_ -= depth; } else { y += depth; tall -= depth; }
    from += take;
    rest = rest.slice(take);
  }
  return drawing(width, height, spoken(bars), ...placed.map(([bar, ...box], n) => area(bar, box, n)));
}

function worst(areas, side) {
  const sum = areas.reduce((a, b) => a + b, 0);
  return Math.max((side * side * Math.max(...areas)) / (sum * sum), (sum * sum) / (side * side * Math.min(...areas)));
}

function area(bar, [x, y, width, height], n) {
  const fits = width > 92 && height > 66, size = width > 220 && height > 120 ? 28 : 20;
  return svg("g", {},
    svg("rect", { x: round(x + 2), y: round(y + 2), width: round(Math.max(width - 4, 0)), height: round(Math.max(height - 4, 0)), rx: 6, fill: SHADES[Math.max(3 - Math.floor(n / 3), 0)] }),
    svg("title", {}, document.createTextNode(`${bar.name} ${bar.figure}`)),
    ...(fits ? [text(x + 16, y + 16 + size, cut(bar.name, size, width - 28), size, { "font-weight": 600 }), text(x + 16, y + 24 + size * 2, cut(bar.figure, size * 0.9, width - 28), size * 0.9)] : []));
}

const PHASES = { preparing: "#1D4585", planned: "#2557A0", done: "#3A547F", used: "#12908E", live: "#F2A900" };

/** The rooms' day: a row a room, its openings as bars, a line where the day stands. */
export function gantt(told, width, height) {
  const from = Math.min(Math.max(...told.rows.map((row) => wide(row.name, 20)), 120) + 20, 300), step = Math.min((height - 80) / told.rows.length, 84), top = 36, bottom = top + told.rows.length * step;
  const x = (hour) => round(from + ((width - from - 34) * (hour - told.first)) / (told.last - told.first));
  const hours = Array.from({ length: told.last - told.first + 1 }, (_, n) => told.first + n).filter((hour) => told.last - told.first <= 12 || hour % 2 === 0);
  const grid = hours.flatMap((hour) => [svg("path", { d: `M${x(hour)} ${top - 4}V${bottom}`, stroke: "var(--line)" }), text(x(hour), 22, `${hour}:00`, 18, { "text-anchor": "middle", class: "m" })]);
  const rows = told.rows.flatMap((row, n) => [
    text(0, top + (n + 0.5) * step + 7, cut(row.name, 20, from - 14), 20, { class: row.busy ? "" : "m", "font-weight": row.busy ? 600 : 400 }),
    ...row.bars.map((bar) => svg("rect", { x: x(bar.from), y: round(top + (n + 0.5) * step - 14), width: Math.max(round(x(bar.to) - x(bar.from)), 5), height: 28, rx: 4, fill: PHASES[bar.kind] })),
  ]);
  const now = [svg("path", { d: `M${x(told.now)} ${top - 6}V${bottom}`, stroke: "var(--sun)", "stroke-width": 3 })];
  const legend_ = Object.entries(told.legend).map(([kind, words], n) => svg("g", {}, svg("rect", { x: n * 170, y: bottom + 18, width: 24, height: 16, rx: 3, fill: PHASES[kind] }), text(n * 170 + 34, bottom + 33, words, 18, { class: "m" })));
  return drawing(width, height, told.rows.map((row) => row.name).join("; "), ...grid, ...rows, ...now, ...legend_);
}
