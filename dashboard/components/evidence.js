// The right pane of the warning centre: one warning's evidence in order, who is tied to what, and its history.
import { clock } from "./clock.js";
import { h, lotAddress, mark, say, shortTime, svg } from "./common.js";

const BOX = { width: 184, height: 40, gap: 12, right: 296, rightWidth: 192 };
const MOST_BOXES = 6;
const FIRST_RELATED = 3; // related warnings before the rest is unfolded
const MONTH = new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai", year: "numeric", month: "2-digit" });

/** Small diagram of subjects (left) tied to what they share (right). `links`: {left, right, strong}. */
function linkDiagram({ left, right, links }, words) {
  if (!left.length || !right.length) return null;
  const shown = left.slice(0, MOST_BOXES);
  const height = (n) => n * BOX.height + (n - 1) * BOX.gap;
  const total = Math.max(height(shown.length), height(right.length));
  const top = (i, n) => (total - height(n)) / 2 + i * (BOX.height + BOX.gap);
  const middle = (i, n) => top(i, n) + BOX.height / 2;
  const lines = links.filter((l) => l.left < shown.length).map(({ left: a, right: b, strong }) => {
    const [y1, y2] = [middle(a, shown.length), middle(b, right.length)];
    return svg("path", { class: strong ? "tie strong" : "tie", d: `M${BOX.width} ${y1}C248 ${y1} 232 ${y2} ${BOX.right} ${y2}` });
  });
  const box = (x, width, y, title, detail) => [
    svg("rect", { x, y, width, height: BOX.height, rx: 6, class: "node" }),
    text(x + 12, y + 17, "t", title, width - 24),
    text(x + 12, y + 33, "m", detail, width - 24),
  ];
  const boxes = shown.flatMap((item, i) => box(0, BOX.width, top(i, shown.length), item.title, item.detail))
    .concat(right.flatMap((item, i) => box(BOX.right, BOX.rightWidth, top(i, right.length), item.title, item.detail)));
  const label = say(words.diagram, { n: left.length, what: right.map((r) => r.title).join(words.comma) });
  return svg("svg", { class: "dg", viewBox: `-1 -1 490 ${total + 2}`, role: "img", "aria-label": label }, lines, boxes);
}

/** Words cut to a width by counting wide characters double; the whole stands in the title. */
function text(x, y, kind, words, width) {
  const whole = String(words ?? "");
  let room = width / 6.2;
  let shown = "";
  for (const c of whole) {
    room -= c.charCodeAt(0) > 255 ? 2 : 1;
    if (room < 1) { shown += "…"; break; }
    shown += c;
  }
  const element = svg("text", { x, y, class: kind });
  element.textContent = shown;
  const title = svg("title");
  title.textContent = whole;
  element.append(title);
  return element;
}

/** Joint history on a line of months: wins filled, joint bids hollow. */
function timeline({ from, to, marks }, words) {
  const start = new Date(from).getTime();
  const span = Math.max(1, new Date(to).getTime() - start);
  const at = (moment) => 8 + (472 * Math.min(Math.max(new Date(moment).getTime() - start, 0), span)) / span;
  const points = marks.map((m) => m.won
    ? svg("rect", { x: at(m.at) - 7, y: 9, width: 14, height: 14, rx: 2, class: "won" })
    : svg("circle", { cx: at(m.at), cy: 16, r: 6, class: "met" }));
  const ends = [[0, from, "start"], [488, to, "end"]].map(([x, moment, anchor]) => {
    const label = svg("text", { x, y: 46, class: "m", "text-anchor": anchor });
    label.textContent = MONTH.format(new Date(moment));
    return label;
  });
  return svg("svg", { class: "dg", viewBox: "0 0 488 52", role: "img", "aria-label": words.history },
    svg("path", { d: "M8 16H480", class: "axis" }), points, ends);
}

export class EvidencePane {
  /** @param desk the warning desk: words, state of the stream, actions */
  constructor(desk) {
    Object.assign(this, { desk, words: desk.words });
    this.level = h("span.lv");
    this.of = null;
    this.heading = h("h2", { id: "warning-evidence" });
    this.position = h("span.chip.line");
    this.inside = h("div.in", { tabindex: 0 });
    this.buttons = h("div.act");
    this.box = h("article.card.ev", { "aria-labelledby": "warning-evidence" }, h("header", {}, this.level, this.heading, this.position), this.inside, this.buttons);
  }

  empty(message) {
    this.of = this.shown = null;
    this.level.replaceChildren();
    this.heading.textContent = this.words.evidence;
    this.position.hidden = true;
    this.inside.replaceChildren(h("p.muted", {}, message));
    this.buttons.replaceChildren();
  }

  /** What the row already knows, at once; the detail follows. */
  head(row, index, total) {
    this.of = row.id;
    this.level.replaceChildren(mark(row.level), this.words.levels[row.level]);
    this.heading.textContent = row.title;
    this.position.hidden = false;
    this.position.textContent = index < 0 ? this.words.apart : say(this.words.position, { i: index + 1, n: total });
    this.drawButtons(row);
  }

  show(detail) {
    this.detail = detail;
    const { words } = this;
    const scrolled = this.inside.scrollTop;
    const parts = [this.lead(detail), this.evidence(detail), this.files(detail), this.recording(detail), this.history(detail), this.others(detail), this.cannot(detail), this.steps(detail)];
    const same = this.shown === detail.id;
    this.shown = detail.id;
    this.inside.replaceChildren(...parts.flat().filter(Boolean));
    this.inside.scrollTop = same ? scrolled : 0;
    this.inside.setAttribute("aria-label", words.evidence);
    if (detail.state === "lead") this.drawButtons(detail);
  }

  lead(d) {
    const { words } = this;
    const place = [d.lot_name ?? d.lot, d.centre_name].filter(Boolean).join(" · ");
    const rule = say(words.rule, { name: d.rule_name, id: d.rule, version: d.rule_version });
    return h("div.lead", {},
      h("p", {}, d.lot ? h("a", { href: lotAddress(d.lot) }, place) : words.noLot, h("br"), `${rule} · ${say(words.firstSeen, { time: clock(d.raised_at) })}`, d.law ? [h("br"), say(words.law, { law: d.law })] : null, d.before ? [h("br"), h("b.before", {}, d.before)] : null),
      h("strong", {}, d.value_text, h("small", {}, d.baseline_text)));
  }

  evidence(d) {
    const { words } = this;
    const count = (s) => d.evidence.filter((e) => e.strength === s).length;
    const summary = ["strong", "medium", "weak"].filter(count).map((s) => `${words.strengths[`${s}Long`]} ${count(s)}`).join(" · ");
    const line = (e) => h("li", {}, h("span", {}, e.lot ? h("a", { href: lotAddress(e.lot) }, e.text) : e.text, e.detail ? h("small", {}, e.detail) : null),
      h("span.k" + (e.strength === "strong" ? ".st" : ""), {}, words.strengths[e.strength] ?? ""));
    const [items, rest] = [false, true].map((folded) => d.evidence.filter((e) => e.rest === folded).map(line));
    const more = rest.length ? h("details.rel", {}, h("summary", {}, say(words.relatedRest, { n: rest.length })), h("ol.e", { style: `counter-reset: e ${items.length}` }, rest)) : null;
    const unmask = d.masked && d.parties.length ? h("button.link", { type: "button", onclick: () => this.desk.forms.reason(d) }, words.unmask) : null;
    const asked = (d.masked ? d.asked ?? [] : []).map((one) => h("p.asked", {}, say(words.unmaskAsked, one), one.mine ? h("span.muted", {}, words.unmaskWaits) : h("button.link", { type: "button", onclick: () => this.desk.confirm(d.id, one.request) }, words.unmaskConfirm)));
    return [h("h3", {}, words.evidence, unmask, h("small", {}, summary)), ...asked, linkDiagram(d.diagram, words), h("ol.e", {}, items), more, d.study ? h("p.see", {}, h("a", { href: d.study.url }, d.study.name)) : null];
  }

  /** What the files of two bidders have in common, word for word with file and page, and the way to the whole of it. */
  files({ alike }) {
    const { words } = this;
    return alike.flatMap((pair) => [
      h("h3", {}, pair.title, h("small", {}, pair.reasons)),
      pair.passages.length ? h("ul.same", {}, pair.passages.map((p) => h("li", {}, h("q", {}, p.words), h("small", {}, p.one), h("small", {}, p.other)))) : null,
      pair.slips.length ? h("p.same", {}, words.slips, pair.slips.map(([before, slip, after]) => h("span", {}, `…${before}`, h("mark", {}, slip), `${after}…`))) : null,
      h("p.see", {}, h("a", { href: pair.url }, pair.link)),
    ]);
  }

  /** The way to the second at which it shows. */
  recording({ shown }) {
    if (!shown) return null;
    const { words } = this;
    const name = say(shown.recorded ? words.inRecording : words.inOpening, { time: clock(shown.at), step: shown.step });
    return h("p.see", {}, h("a", { href: shown.url, target: "_blank", rel: "noopener" }, name));
  }

  history(d) {
    if (!d.history) return null;
    const { words } = this;
    return [
      h("h3", {}, words.together, h("small", {}, say(words.togetherSum, d.history))),
      timeline(d.history, words),
      h("p.key", {}, h("span.won"), say(words.won, d.history), h("span.met"), say(words.met, d.history)),
    ];
  }

  others(d) {
    if (!d.related.length) return null;
    const { words } = this;
    const list = (rows) => h("ul.rel", {}, rows.map((r) => h("li", {}, mark(r.level), h("button.link", { type: "button", onclick: () => this.desk.seek(r.id) }, r.title), h("small", {}, [r.state_name, r.disposition, shortTime(r.raised_at)].filter(Boolean).join(" · ")))));
    const rest = d.related.slice(FIRST_RELATED);
    return [h("h3", {}, words.related, h("small", {}, say(d.related_count > d.related.length ? words.relatedNewest : words.relatedCount, { n: d.related_count, shown: d.related.length }))), list(d.related.slice(0, FIRST_RELATED)),
      rest.length ? h("details.rel", {}, h("summary", {}, say(words.relatedRest, { n: rest.length })), list(rest)) : null];
  }

  cannot(d) {
    return h("p.cant", {}, h("b", {}, this.words.cannot), d.cannot_know);
  }

  steps(d) {
    if (d.steps.length < 2 && !d.note) return null;
    const lines = d.steps.map((s) => h("li", {}, h("time", {}, `${shortTime(s.ts)}`), h("span", {}, [s.state_name, s.actor, s.reason, s.note].filter(Boolean).join(" · "))));
    return [h("h3", {}, this.words.handling), h("ol.steps", {}, lines)];
  }

  /** The way from a warning that became a lead to the batch it is in, or to a new one with it. */
  onward(row) {
    const { detail, words } = this;
    const batch = detail?.id === row.id ? detail.batch : null;
    const asked = batch ? `batch=${encodeURIComponent(batch)}` : `warning=${encodeURIComponent(row.id)}`;
    return h("a", { href: `/leads?${asked}`, target: "_top" }, batch ? say(words.inBatch, { batch }) : words.toBatch);
  }

  drawButtons(row) {
    const { desk, words } = this;
    const refused = (a) => Boolean(a.another && row.handler === desk.data.user); // nobody looks a second time at his own proposal
    const possible = desk.data.actions.filter((a) => a.states.includes(row.state));
    const buttons = possible.map((a, i) => h("button.btn" + (i === 0 ? ".main" : ""), { type: "button", disabled: refused(a), title: refused(a) ? a.another : null, onclick: () => desk.begin(a.id) }, a.name, h("kbd", {}, a.key.toUpperCase())));
    this.buttons.replaceChildren(...(buttons.length ? buttons : [h("p.muted", {}, say(words.closed, { state: words.states[row.state] }), row.state === "lead" ? this.onward(row) : null)]));
  }
}
