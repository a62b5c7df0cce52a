// The warning centre: counts, lamps, the stream pushed by the desk's feed, and the pane beside it.
import { ask, h, mark, mount, postJson, say } from "./common.js";
import { EvidencePane } from "./evidence.js";
import { follow } from "./feed.js";
import { ActionForms } from "./forms.js";
import { line } from "./warning-line.js";

const ENRICH_MS = 60, TOLD_MS = 8000, LONG_NAME = 4; // characters of a centre that fit below its mark
const BELOW_PX = 1100; // up to this width the pane stands below the list (warnings.css)

class WarningDesk {
  constructor(root, data) {
    Object.assign(this, { root, data, words: data.words, rows: new Map(), order: [], selected: null, held: 0, total: 0 });
    this.tiles = Object.fromEntries(["red", "orange", "yellow"].map((level) => [level, h("strong", {}, "—")]));
    this.lamps = h("ol");
    this.calmCentres = h("span");
    this.list = h("ol", { "aria-label": this.words.stream, tabindex: 0 });
    this.heading = h("span.muted");
    this.state = h("p.told", { role: "status" });
    this.more = h("button.btn.new", { type: "button", hidden: true, onclick: () => this.load() });
    this.levels = h("div.seg", { role: "group", "aria-label": this.words.level });
    this.top = h("button.btn.top", { type: "button", "aria-expanded": "false", onclick: () => this.showTop() }, this.words.top);
    this.narrowed = h("button.chip.on.narrowed", { type: "button", hidden: true, onclick: () => this.narrow("") });
    const asked = new URLSearchParams(location.search);
    this.lot = asked.get("lot") ?? "";
    this.level = Object.keys(this.tiles).find((level) => level === asked.get("level")) ?? "";
    this.rates = h("p.rates.muted", { title: this.words.ratesWhat });
    this.pane = data.counts_only ? null : new EvidencePane(this);
    this.forms = data.counts_only ? null : new ActionForms(this);
    this.build();
    this.onkey = (event) => this.key(event);
    if (!data.counts_only) document.addEventListener("keydown", this.onkey);
    this.asked = asked.get("warning") ?? data.open ?? null;
    this.load();
  }

  build() {
    const { words } = this;
    const tile = (level) => h(`section.card.lamp.${level}`, {}, h("span.lv", {}, mark(level), words.levels[level]), this.tiles[level]);
    const centres = h("section.card.ctr", {}, h("h2", {}, h("span", {}, words.centres), this.calmCentres), this.lamps);
    this.sum = h("div.sum", {}, tile("red"), tile("orange"), tile("yellow"), centres);
    this.grid = h("div.desk" + (this.data.counts_only ? ".counts" : ""), {}, this.rates, this.sum);
    if (!this.data.counts_only) {
      this.stream = h("section.card.stream", {}, h("header", {}, h("h2", {}, words.stream), this.heading, this.narrowed, this.more, this.top, this.levels), this.list, this.state);
      const hint = [["J", "K", words.move], ...this.data.actions.filter((a) => a.states.includes("new")).map((a) => [a.key.toUpperCase(), a.name]), ["?", words.keys]]
        .map((keys) => h("span", {}, keys.slice(0, -1).map((k) => h("kbd", {}, k)), keys.at(-1)));
      this.grid.append(h("div.split", {}, this.stream, this.pane.box), h("footer.hint", {}, hint, h("b", {}, words.closing)), this.forms.box);
      this.drawLevels();
      this.pane.empty(words.loading);
    }
    this.root.append(this.grid);
  }

  // ── what the desk knows ────────────────────────────────────────────────

  async load() {
    clearTimeout(this.counting);
    const round = (this.round = (this.round ?? 0) + 1);
    try {
      if (!this.data.counts_only) {
        const answer = await ask(`/api/warnings?${this.query()}`);
        if (round !== this.round) return;
        this.take(answer);
      }
      await this.count();
    } catch (error) {
      if (round !== this.round) return;
      this.state.textContent = say(this.words.trouble, { why: error.message });
      this.counting = setTimeout(() => this.load(), 3000);
    }
  }

  query(extra = {}) {
    const wanted = { ...this.data.filters, level: this.level, lot: this.lot, lang: this.words.lang, ...extra };
    return new URLSearchParams(Object.entries(wanted).filter(([, v]) => v));
  }

  take({ items, seq, total }) {
    this.rows = new Map(items.map((row) => [row.id, row]));
    this.order = items.map((row) => row.id);
    this.total = total;
    this.held = 0;
    this.fresh = [];
    this.state.textContent = "";
    if (!this.feed) this.listen(seq);
    if (this.asked) { this.seek(this.asked); return; }
    if (!this.rows.has(this.selected)) this.selected = this.order[0] ?? null;
    this.draw();
    this.open(this.selected);
  }

  /** The warning that the address names: in the list, outside its filters, or nowhere: then nothing is chosen. */
  async seek(id) {
    this.asked = null;
    this.lost = false;
    this.selected = id;
    this.draw();
    if (this.rows.has(id)) { this.show(id); this.open(id); return; }
    try {
      const detail = await ask(`/api/warnings/${encodeURIComponent(id)}?${this.query()}`);
      if (this.selected !== id) return;
      this.rows.set(id, detail);
      this.pane.head(detail, -1, this.total);
      this.pane.show(detail);
    } catch (error) {
      if (this.selected !== id) return;
      this.selected = null;
      this.lost = true;
      this.draw();
      this.pane.empty(error.status === 404 ? say(this.words.vanished, { id }) : error.message);
    }
  }

  /** The address follows what is shown, so that it can be passed on and survives a reload. */
  follow(id) {
    this.inAddress({ warning: id });
  }

  inAddress(wanted) {
    const url = new URL(location.href);
    for (const [name, value] of Object.entries(wanted)) if (value) url.searchParams.set(name, value); else url.searchParams.delete(name);
    history.replaceState(history.state, "", url);
  }

  /** TOP10: the lots with the worst and most open warnings; one of them narrows the stream. */
  async showTop() {
    try {
      const { lots } = await ask(`/api/warnings/lots?lang=${this.words.lang}`);
      this.forms.lots(lots);
    } catch (error) {
      this.state.textContent = error.message;
    }
  }

  narrow(lot) {
    this.lot = lot;
    this.inAddress({ lot });
    this.selected = null;
    this.load();
  }

  async count() {
    const tally = await ask(`/api/warnings/counts?${this.query()}`);
    this.badge(tally.open.red);
    for (const [level, box] of Object.entries(this.tiles)) box.replaceChildren(String(tally.open[level]), h("small", {}, this.words.openCount));
    this.received = tally.received;
    this.anyOpen = Object.values(tally.open).some((n) => n > 0);
    const calm = tally.lamps.filter((l) => !l.level).length;
    this.calmCentres.textContent = calm ? say(this.words.calmCentres, { n: calm }) : tally.lamps.length ? this.words.noCalmCentres : this.words.noCentres;
    this.lamps.classList.toggle("long", tally.lamps.length > 7 && tally.lamps.some((l) => l.short.length > LONG_NAME)); // two rows, the name beside its mark
    this.lamps.style.setProperty("--n", Math.min(14, Math.max(1, tally.lamps.length)));
    this.lamps.replaceChildren(...tally.lamps.map((lamp) => h("li", { title: say(this.words.lampTitle, { centre: lamp.name, n: lamp.open }) },
      mark(lamp.level), h("span.cut", {}, lamp.short), h("span.vh", {}, lamp.level ? this.words.levels[lamp.level] : this.words.none))));
    this.rates.textContent = say(this.words.rates, { hours: tally.first_response ?? "—", share: tally.disposed ?? "—" });
    if (!this.order.length && !this.data.counts_only) this.draw();
    if (this.data.counts_only) this.counting = setTimeout(() => this.load(), 10000);
  }

  /** The number beside the screen's name follows at once; the desk writes it anew within seconds anyway. */
  badge(red) {
    const link = [...document.querySelectorAll('[data-testid="stSidebar"] a')].find((a) => new URL(a.href).pathname.endsWith("/warnings"));
    const mark = link?.querySelector(".stMarkdownBadge");
    const text = mark && document.createTreeWalker(mark, NodeFilter.SHOW_TEXT).nextNode();
    if (text) text.nodeValue = String(red);
    if (mark) mark.style.display = red ? "" : "none";
  }

  listen(seq) {
    this.feed = follow((after) => `/feeds/warnings?after=${after}`, {
      after: seq,
      message: (message) => this.heard(message),
      state: (state, code) => { this.state.textContent = state === "open" ? "" : state === "refused" ? say(this.words.refused, { code }) : this.words.reconnecting; },
    });
  }

  /** A message shows at once with what it carries; lot, centre and units follow in one question for all. */
  heard(message) {
    const known = this.rows.get(message.id);
    if (!known && (message.state === "silenced" || (this.level && message.level !== this.level) || (this.lot && message.lot !== this.lot) || (this.data.filters.rule && message.rule !== this.data.filters.rule))) return this.recount();
    const row = { ...(known ?? { raised_at: message.ts, value_text: "", baseline_text: "" }), ...message, arrived: !known };
    if (known) row.title = known.title;
    if (this.data.paused && !known) {
      this.held += 1;
      this.fresh.push(message.id);
      this.drawHeld();
      return this.recount();
    }
    this.rows.set(row.id, row);
    if (!known) { this.order.unshift(row.id); this.total += 1; }
    this.draw();
    (this.unknown ??= new Set()).add(row.id);
    this.enriching ??= setTimeout(() => this.enrich(), ENRICH_MS);
    this.recount();
  }

  async enrich() {
    const ids = [...this.unknown];
    this.unknown.clear();
    this.enriching = null;
    try {
      const { items } = await ask(`/api/warnings?${this.query({ ids: ids.join(",") })}`);
      const fits = new Map(items.map((row) => [row.id, row]));
      for (const id of ids) {
        const row = fits.get(id);
        if (row) this.rows.set(id, { ...row, arrived: this.rows.get(id)?.arrived });
        else if (id !== this.selected) this.forget(id);
      }
      this.draw();
      if (ids.includes(this.selected)) this.open(this.selected);
      if (!this.selected && !this.lost && this.order.length) this.select(this.order[0]);
    } catch (error) {
      this.state.textContent = say(this.words.trouble, { why: error.message });
    }
  }

  forget(id) {
    this.rows.delete(id);
    const before = this.order.length;
    this.order = this.order.filter((other) => other !== id);
    this.total -= before - this.order.length;
  }

  recount() {
    this.recounting ??= setTimeout(() => { this.recounting = null; this.count().catch(() => null); }, 250);
  }

  // ── what it shows ──────────────────────────────────────────────────────

  drawLevels() {
    const choices = [["", this.words.all], ...["red", "orange", "yellow"].map((l) => [l, this.words.levelsShort[l]])];
    this.levels.replaceChildren(...choices.map(([level, name]) => h("button", { type: "button", "aria-pressed": String(level === this.level), onclick: () => { this.level = level; this.inAddress({ level }); this.drawLevels(); this.load(); } }, name)));
  }

  drawHeld() {
    this.more.hidden = this.held === 0;
    this.more.textContent = say(this.words.held, { n: this.held });
  }

  draw() {
    this.drawHeld();
    this.heading.textContent = say(this.words.count, { n: this.total });
    this.narrowed.hidden = !this.lot;
    this.narrowed.textContent = say(this.words.ofLot, { lot: [...this.rows.values()].find((row) => row.lot === this.lot)?.lot_name ?? this.lot });
    this.list.setAttribute("role", this.order.length ? "listbox" : "list"); // a listbox without an option says nothing to a screen reader
    if (!this.order.length) {
      this.list.replaceChildren(h("li.nothing", {}, mark(null), h("b", {}, this.anyOpen ? this.words.noneHere : this.received ? this.words.calm : this.words.nothingYet), h("p.muted", {}, this.anyOpen ? this.words.noneHereWhat : this.received ? this.words.calmWhat : this.words.nothingYetWhat)));
      if (!this.selected) this.pane.empty(this.words.nothingChosen);
      return;
    }
    this.list.replaceChildren(...this.order.map((id) => line(this.rows.get(id), this.words, id === this.selected, () => this.press(id))));
    const index = this.order.indexOf(this.selected);
    if (this.rows.has(this.selected)) this.pane.head(this.rows.get(this.selected), index, this.total);
  }

  select(id) {
    if (!id) return;
    this.selected = id;
    this.lost = false;
    this.follow(id);
    this.draw();
    this.show(id);
    this.open(id);
  }

  /** A line was pressed; where the pane stands below the list, the evidence comes into view. */
  press(id) {
    this.select(id);
    if (innerWidth <= BELOW_PX) this.pane.box.scrollIntoView({ block: "start" });
  }

  /** Bring a line of the stream into view. */
  show(id) {
    [...this.list.children].find((li) => li.dataset.id === id)?.scrollIntoView({ block: "nearest" });
  }

  async open(id) {
    if (!id || !this.pane) return;
    try {
      const detail = await ask(`/api/warnings/${encodeURIComponent(id)}?${this.query()}`);
      if (id === this.selected) this.pane.show(detail);
    } catch (error) {
      if (id !== this.selected) return;
      if (error.status === 404) { this.forget(id); this.selected = null; this.lost = true; this.draw(); }
      this.pane.empty(error.status === 404 ? say(this.words.vanished, { id }) : error.message);
    }
  }

  /** Names behind the masks, for a reason; null when done, else what is wrong. */
  async unmask(id, reason) {
    try {
      const answer = await postJson(`/api/warnings/${encodeURIComponent(id)}/names?${this.query()}`, { reason });
      if (answer.request) { this.state.textContent = this.words.unmaskWaits; this.open(id); } else if (id === this.selected) this.pane.show(answer);
      return null;
    } catch (error) {
      return error.message;
    }
  }

  async confirm(id, request) {
    try {
      await postJson(`/api/warnings/${encodeURIComponent(id)}/names/${request}/confirm?${this.query()}`, {});
      this.state.textContent = this.words.unmaskConfirmed;
      this.open(id);
    } catch (error) {
      this.state.textContent = error.message;
    }
  }

  // ── what it does ───────────────────────────────────────────────────────

  key(event) {
    const target = event.composedPath()[0];
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest?.("input, textarea, select, [contenteditable=true], dialog")) return;
    if (document.querySelector('[role="dialog"]')) return;
    const key = event.key.toLowerCase();
    const action = this.data.actions.find((a) => a.key === key);
    if (key === "j" || key === "k") this.move(key === "j" ? 1 : -1);
    else if (key === "?") this.forms.help();
    else if (action) this.begin(action.id);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  move(by) {
    const index = this.order.indexOf(this.selected);
    this.select(this.order[Math.max(0, Math.min(this.order.length - 1, index + by))]);
  }

  begin(action) {
    const row = this.rows.get(this.selected);
    const rule = this.data.actions.find((a) => a.id === action);
    if (!row || this.pane.of !== row.id || !rule.states.includes(row.state)) return;
    if (!this.seen(row.id)) { this.show(row.id); this.pane.box.scrollIntoView({ block: "nearest" }); return; }
    if (rule.asks) this.forms.ask(rule, row);
    else this.act(row.id, { action });
  }

  /** Whether the user has this warning before the eyes: its line or its evidence; nothing else is acted upon. */
  seen(id) {
    const line = [...this.list.children].find((li) => li.dataset.id === id);
    const list = this.list.getBoundingClientRect();
    const within = (box, top, bottom) => box.bottom > top + 8 && box.top < bottom - 8;
    const head = this.pane.heading.getBoundingClientRect();
    return within(head, 0, innerHeight) || Boolean(line && within(line.getBoundingClientRect(), Math.max(0, list.top), Math.min(innerHeight, list.bottom)));
  }

  async act(id, given) {
    const row = this.rows.get(id);
    try {
      const fresh = await postJson(`/api/warnings/${encodeURIComponent(id)}/act?${this.query()}`, given);
      this.rows.set(id, fresh);
      this.tell(say(this.words.done, { title: row.title, state: fresh.state_name }));
      this.draw();
      this.recount();
      if (id === this.selected) this.open(id);
      return null;
    } catch (error) {
      if (!this.forms.box.open) this.state.textContent = error.message; // a dialog says it itself
      return error.message;
    }
  }

  /** What was done, for as long as it takes to read. */
  tell(done) {
    this.state.textContent = done;
    clearTimeout(this.fading);
    this.fading = setTimeout(() => { if (this.state.textContent === done) this.state.textContent = ""; }, TOLD_MS);
  }

  update(data) {
    const moved = JSON.stringify([data.filters, data.counts_only, data.words.lang]) !== JSON.stringify([this.data.filters, this.data.counts_only, this.data.words.lang]);
    const resumed = this.data.paused && !data.paused;
    this.data = data;
    if (moved) this.inAddress({ level: this.level, lot: this.lot }); // the row of choices writes the address anew, without these two
    if (moved) { this.selected = null; this.follow(null); this.load(); } else if (resumed && this.held) this.load();
  }

  close() {
    document.removeEventListener("keydown", this.onkey);
    for (const timer of [this.fading, this.counting, this.enriching, this.recounting]) clearTimeout(timer);
    this.feed?.close();
    this.grid.remove();
  }
}

/** What Streamlit mounts. */
export default function (component) {
  return mount(component, (parent, data) => {
    const root = parent.appendChild(h("div.sunbid"));
    let desk = new WarningDesk(root, data);
    return {
      update(next) {
        if (next.counts_only !== desk.data.counts_only || next.words.lang !== desk.data.words.lang) { desk.close(); desk = new WarningDesk(root, next); } else desk.update(next);
      },
      close() { desk.close(); root.remove(); },
    };
  });
}
