// The wall's panels: each kind draws what the desk tells it; text from records reaches the page through textContent only.
import { cells, columns, dumbbell, gantt, line, provinces, treemap } from "./kiosk-charts.js";
import { h, icon, mark, say } from "./common.js";
import { Flip, Scroll } from "./kiosk-motion.js";
import { Pictures } from "./kiosk-pictures.js";

/** One panel: drawn anew only where what is told of it has changed. */
export class Panel {
  /** `pictures`: the words of the rooms' pictures. */
  constructor(told, pictures) {
    this.pictures = pictures;
    this.plots = [];
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
    if (kept) { this.part ??= kept(this.body, this.pictures); this.part.update(told); }
    else this.draw(DRAWN[told.kind](told).filter(Boolean));
  }

  draw(parts) {
    this.body.replaceChildren(...parts.map((part) => part.box ?? part));
    this.plots = parts.filter((part) => part.fill);
  }

  /** Draws what was told of drawings, once every panel of the screen has the room it will have. */
  fill() {
    for (const one of this.plots) one.fill();
    this.plots = [];
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

/** A drawing as large as the room that is left for it: drawn once its panel stands. */
class Plot {
  constructor(draw) {
    this.draw = draw;
    this.box = h("div.plot");
  }

  fill() { this.box.replaceChildren(this.draw(this.box.clientWidth, this.box.clientHeight)); }
}

/** The sign of how a region recognises certificates; the word stands beside it. */
const REGION_ICONS = { recognised: "check", pilot: "clock", suspended: "cross" };

const plot = (draw, ...told) => new Plot((width, height) => draw(...told, width, height));

const DRAWN = {
  figure: (told) => [big(told), small(told), told.trend ? plot(line, told) : null, told.bars ? plot(columns, told.bars) : null, gauge(told.gauge), pairs(told.pairs)],
  course: (told) => [plot(line, told)],
  pairs: (told) => [pairs(told.pairs)],
  ranking: (told) => [ranking(told.bars), pairs(told.pairs)],
  columns: (told) => [plot(columns, told.bars)],
  dumbbell: (told) => [plot(dumbbell, told), pairs(told.pairs)],
  provinces: (told) => [provinces(told)],
  centres: (told) => {
    const [comb, legend] = cells(told);
    return [comb, h("div.under", {}, h("p.small", {}, told.caption), legend)];
  },
  treemap: (told) => [plot(treemap, told.bars)],
  gantt: (told) => [plot(gantt, told)],
  marks: (told) => [h("ul.ca", {}, told.marks.map((one) => h(`li.${one.state}`, {}, icon(REGION_ICONS[one.state]), one.name)))],
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
  return h(list.length === 3 ? "dl.duo.three" : "dl.duo", {}, list.map((one) => h("div", {}, h("dt.cut", {}, one.name), h("dd", {}, one.value, one.unit ? h("small", {}, one.unit) : null))));
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
