// The wall's panels: each kind draws what the desk tells it; text from records reaches the page through textContent only.
import { cells, columns, dumbbell, gantt, line, provinces, treemap } from "./kiosk-charts.js";
import { h, mark, say, svg } from "./common.js";
import { Flip, Scroll } from "./kiosk-motion.js";
import { Pictures } from "./kiosk-pictures.js";

/** One panel: drawn anew only where what is told of it has changed. */
export class Panel {
  constructor(told, words) {
    this.words = words;
    this.title = h("span");
    this.note = h("small");
    this.heading = h("h2", {}, this.title, this.note);
    this.body = h("div.body");
    this.box = h(`section.p.k-${told.kind}`, { "data-panel": told.id }, this.heading, this.body);
  }

  update(told) {
    const text = JSON.stringify(told);
    if (text === this.text) return;
    this.text = text;
    this.title.textContent = told.title;
    this.note.textContent = told.note ?? "";
    this.heading.hidden = !told.title;
    this.box.setAttribute("aria-label", told.title || told.id);
    if (this.kind !== told.kind) { this.part?.close?.(); this.part = null; this.kind = told.kind; this.body.replaceChildren(); }
    if (told.empty && !(told.bars ?? told.rows ?? told.cells ?? told.marks ?? []).length) {
      this.part?.close?.();
      this.part = null;
      this.body.replaceChildren(h("p.none", {}, told.empty));
      return;
    }
    const kept = KEPT[told.kind];
    if (kept) { this.part ??= kept(this.body, this.words); this.part.update(told); }
    else this.body.replaceChildren(...DRAWN[told.kind](told, this.words));
  }

  close() { this.part?.close?.(); }
}

/** Kinds that keep something from one telling to the next: flipping digits, a scrolling board, pictures. */
const KEPT = {
  totals: (body) => new Totals(body),
  openings: (body) => new Scroll(body, opening, 6),
  ticker: (body) => new Scroll(body, happening, 1),
  pictures: (body, words) => new Pictures(body, words),
};

const DRAWN = {
  figure: (told) => [big(told), small(told), told.trend ? line(told) : null, told.bars ? columns(told.bars, 408, 150) : null, gauge(told.gauge), pairs(told.pairs)].filter(Boolean),
  pairs: (told) => [pairs(told.pairs)],
  ranking: (told) => [ranking(told.bars), pairs(told.pairs)].filter(Boolean),
  columns: (told) => [columns(told.bars, 888, 620, told.unit)],
  dumbbell: (told) => [dumbbell(told), pairs(told.pairs)],
  provinces: (told) => [provinces(told)],
  centres: (told) => [...cells(told), h("p.nt", {}, told.caption, told.rest ? h("br") : null, told.rest)],
  treemap: (told) => [treemap(told.bars)],
  gantt: (told) => [gantt(told)],
  marks: (told) => [h("ul.ca", {}, told.marks.map((one) => h(`li${one.on ? "" : ".t"}`, {}, tick(one.on), one.name)))],
  lamps: (told) => [
    h("ol.lamps", {}, told.levels.map((one) => h(`li.${one.level}`, {}, h("span.lv", {}, mark(one.level), one.name), h("strong", {}, one.value)))),
    h("p.small", {}, told.small),
  ],
  failed: (told) => [h("p.none", { role: "alert" }, told.text)],
};

function big(told) {
  return h("div.big", {}, h(`strong${told.key ? ".k" : ""}`, {}, told.value), h("span", {}, told.unit), h("em", {}, told.change));
}

function small(told) {
  return told.small ? h("p.small.cut", {}, told.small) : null;
}

function pairs(list) {
  if (!list?.length) return null;
  return h("dl.duo", {}, list.map((one) => h("div", {}, h("dt.cut", {}, one.name), h("dd", {}, one.value, one.unit ? h("small", {}, one.unit) : null))));
}

function gauge(told) {
  if (!told) return null;
  const share = Math.min(Math.max(told.value ?? 0, 0), 1);
  return h("div.gauge", {}, h("span", {}, told.name), h("b", {}, told.said), h("div.tr", {}, h("i", { style: `width:${share * 100}%` })));
}

function ranking(bars) {
  const most = Math.max(...bars.map((bar) => bar.size), 0) || 1;
  return h("ol.org", {}, bars.map((bar) => h("li", {}, h("span.cut", {}, bar.name), h("div.tr", {}, h("i", { style: `width:${(bar.size / most) * 100}%` })), h("b", {}, bar.figure))));
}

function tick(on) {
  const d = on ? "m3 8.5 3.2 3.2L13 5" : "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 4.6V8l2.4 1.6";
  return svg("svg", { class: "ic", viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d }));
}

function opening(row) {
  return h("li", {}, h("time", {}, row.time), h("span.two", {}, h("b.cut", {}, row.lot), h("small.cut", {}, row.place)), h(`span.st.${row.kind}`, {}, row.state));
}

function happening(row) {
  return h("li", {}, h("time", {}, row.time), h("span.st.on", {}, row.event), h("b.cut", {}, row.lot));
}

class Totals {
  constructor(body) {
    this.list = h("dl.tot");
    this.flips = [];
    body.append(this.list);
  }

  update(told) {
    if (this.flips.length !== told.totals.length) {
      this.flips = told.totals.map(() => ({ name: h("dt"), digits: new Flip(), unit: h("span") }));
      this.list.replaceChildren(...this.flips.map((one) => h("div", {}, one.name, h("dd", {}, one.digits.box, one.unit))));
    }
    told.totals.forEach((one, place) => {
      const { name, digits, unit } = this.flips[place];
      name.textContent = one.name;
      digits.show(one.value);
      unit.textContent = say("{unit} {note}", one).trim();
    });
  }
}
