// The rule switchboard: every rule with its rate and precision, and one of them beside: tried on the past year, then changed.
import { ask, h, mark, mount, postJson, say } from "./common.js";
import { date } from "./clock.js";
import { RuleDialogs } from "./rule-dialogs.js";
import { drawRun } from "./rule-run.js";

const MODES = ["on", "shadow", "off"];
const NO_CAP = 0.05; // where a rule has no cap, a full bar is this share of the lots

class RuleBoard {
  constructor(root, data) {
    Object.assign(this, { root, data, words: data.words, board: null, rule: null, draft: null, run: null, busy: false });
    this.filters = { family: "", mode: "" };
    this.table = h("table.rules");
    this.sums = h("p.sums.muted");
    this.note = h("p.told", { role: "status" });
    this.heading = h("h2", { id: "rule-chosen" });
    this.level = h("span.lv");
    this.version = h("span.chip.on");
    this.inside = h("div.in", { tabindex: 0 });
    this.buttons = h("div.act");
    this.about = h("p.rates.muted");
    this.choices = h("div.choices");
    this.dialogs = new RuleDialogs(this);
    const list = h("section.card.list", {}, h("header", {}, h("h2", {}, this.words.title), this.choices, this.sums), h("div.scroll", { tabindex: 0, role: "region", "aria-label": this.words.title }, this.table), this.note);
    const pane = h("article.card.ev", { "aria-labelledby": "rule-chosen" }, h("header", {}, this.level, this.heading, this.version), this.inside, this.buttons);
    this.grid = h("div.board", {}, this.about, h("div.split", {}, list, pane), h("footer.hint", {}, h("span", {}, this.words.legend), h("b", {}, this.words.closing)), this.dialogs.box);
    this.root.append(this.grid);
    this.inside.replaceChildren(h("p.muted", {}, this.words.loading));
    const asked = new URLSearchParams(location.search);
    for (const name of Object.keys(this.filters)) this.filters[name] = asked.get(`rule_${name}`) ?? "";
    this.chosen = asked.get("rule");
    this.load();
  }

  query() { return `lang=${this.words.lang}`; }

  async load() {
    try {
      this.board = await ask(`/api/rules?${this.query()}`);
      this.note.textContent = "";
      this.draw();
      const every = this.board.families.flatMap((family) => family.rules);
      const first = every.find((rule) => rule.id === this.chosen) ?? every.find((rule) => rule.waiting) ?? every[0];
      await this.select(first.id);
    } catch (error) {
      this.note.textContent = say(this.words.trouble, { why: error.message });
      this.again = setTimeout(() => this.load(), 4000);
    }
  }

  /** What was chosen stands in the address, so that it can be passed on and survives a reload. */
  follow() {
    const url = new URL(location.href);
    for (const [name, value] of [["rule", this.chosen], ["rule_family", this.filters.family], ["rule_mode", this.filters.mode]]) {
      if (value) url.searchParams.set(name, value); else url.searchParams.delete(name);
    }
    history.replaceState(history.state, "", url);
  }

  // ── the list ───────────────────────────────────────────────────────────

  draw() {
    const { words, board } = this;
    this.about.textContent = say(words.about, { months: board.months, lots: board.lots.toLocaleString("en-US") });
    this.sums.replaceChildren(...MODES.map((mode) => h("span", {}, words.modes[mode], h("b", {}, String(board.counts[mode])))), h("span", {}, words.over, h("b", {}, String(board.over))));
    this.drawChoices();
    const heads = ["id", "name", "law", "level", "mode", "threshold", "rate", "judged"].map((name) => h(`th.${name}`, { scope: "col" }, words.columns[name]));
    const groups = board.families.filter((family) => !this.filters.family || family.id === this.filters.family).map((family) => {
      const shown = family.rules.filter((rule) => !this.filters.mode || rule.mode === this.filters.mode);
      return shown.length ? h("tbody", {}, this.group(family), shown.map((rule) => this.line(rule))) : null;
    }).filter(Boolean);
    const none = h("tbody", {}, h("tr", {}, h("td", { colspan: heads.length }, words.none)));
    this.table.replaceChildren(h("thead", {}, h("tr", {}, heads)), ...(groups.length ? groups : [none]));
  }

  drawChoices() {
    const { words, board } = this;
    const choose = (name, every, options) => h("select", { "aria-label": every, onchange: (event) => { this.filters[name] = event.target.value; this.follow(); this.draw(); } },
      h("option", { value: "" }, every), options.map(([value, text]) => h("option", { value, selected: value === this.filters[name] }, text)));
    this.choices.replaceChildren(choose("family", words.allFamilies, board.families.map((one) => [one.id, one.name])), choose("mode", words.allModes, MODES.map((mode) => [mode, words.modesLong[mode]])));
  }

  group(family) {
    const counts = MODES.map((mode) => [mode, family.rules.filter((rule) => rule.mode === mode).length]).filter(([, n]) => n);
    const told = [say(this.words.groupCount, { n: family.rules.length }), ...counts.map(([mode, n]) => `${this.words.modesLong[mode]} ${n}`)].join(" · ");
    return h("tr.group", {}, h("th", { colspan: 8, scope: "rowgroup" }, family.name, h("small", {}, told)));
  }

  line(rule) {
    const chosen = rule.id === this.chosen;
    const mode = h("div.seg.tight", { role: "group", "aria-label": `${rule.name} ${this.words.columns.mode}` },
      MODES.map((one) => h("button", { type: "button", title: this.words.modesLong[one], "aria-pressed": String(one === rule.mode), onclick: (event) => { event.stopPropagation(); this.select(rule.id, one); } }, this.words.modes[one])));
    const flags = [rule.waiting ? h("span.chip.now", {}, this.words.waits) : null, rule.silenced ? h("span.chip", {}, this.words.silenced) : null];
    return h("tr.rule", { "data-rule": rule.id, "aria-current": chosen ? "true" : null, onclick: () => this.select(rule.id) },
      h("td.id", {}, rule.id),
      h("td.name", {}, h("button.link.pick", { type: "button", title: rule.name, "aria-current": chosen ? "true" : null }, rule.name), flags),
      h("td.law", {}, h("span.cut", { title: rule.law }, rule.law_short)),
      h("td.level", {}, h("span.lv", {}, mark(rule.level), this.words.levelsTight[rule.level])),
      h("td.mode", {}, mode),
      h("td.threshold", {}, h("span.cut", { title: rule.threshold_told }, rule.threshold)),
      h("td.rate", {}, this.gauge(rule), h("b", { title: say(this.words.rateTip, { n: rule.found, of: this.board.lots }) }, rule.mode === "off" ? "—" : rule.rate_text)),
      h("td.judged", { title: this.words.judgedTip }, rule.judged ? `${rule.confirmed} / ${rule.judged}` : rule.mode === "shadow" ? this.words.inShadow : "—"));
  }

  /** The alert rate beside its cap: the upright stroke; hatched beyond it. */
  gauge(rule) {
    if (rule.mode === "off" || rule.rate === null) return null;
    const full = (rule.cap ?? NO_CAP) * 1.25;
    const bar = h("i" + (rule.over ? ".over" : ""), { style: `width:${Math.min(100, (100 * rule.rate) / full)}%` });
    return h("span.gauge", { "aria-hidden": "true" }, bar, rule.cap === null ? null : h("u"));
  }

  // ── one rule ───────────────────────────────────────────────────────────

  async select(id, mode = null) {
    const same = this.chosen === id && this.rule;
    this.chosen = id;
    this.follow();
    for (const row of this.table.querySelectorAll("tr.rule")) {
      if (row.dataset.rule === id) row.setAttribute("aria-current", "true"); else row.removeAttribute("aria-current");
    }
    if (!same) {
      try {
        const found = await ask(`/api/rules/${encodeURIComponent(id)}?${this.query()}`);
        if (this.chosen !== id) return;
        this.rule = found;
      } catch (error) {
        this.inside.replaceChildren(h("p.muted", {}, say(this.words.trouble, { why: error.message })));
        return;
      }
      this.reset();
    }
    if (mode) this.draft.mode = mode;
    this.show();
  }

  reset() {
    const { rule } = this;
    this.run = null;
    this.draft = { mode: rule.mode, second_look: rule.second_look, centres: [...rule.centres], parameters: Object.fromEntries(rule.parameters.map((one) => [one.name, one.value])) };
  }

  /** What differs from the settings in force. */
  dirty() {
    const { rule, draft } = this;
    return draft.mode !== rule.mode || draft.second_look !== rule.second_look || this.retuned();
  }

  /** Whether what it would find may differ: parameters or scope. */
  retuned() {
    const { rule, draft } = this;
    return [...draft.centres].sort().join() !== [...rule.centres].sort().join() || rule.parameters.some((one) => draft.parameters[one.name] !== one.value);
  }

  /** Whether the change has to be tried before it may take effect: it would warn people. */
  untried() {
    return this.draft.mode === "on" && (this.retuned() || this.rule.mode !== "on") && this.run?.of !== JSON.stringify([this.draft.parameters, this.draft.centres]);
  }

  show() {
    const { rule, words } = this;
    this.level.replaceChildren(mark(rule.level), words.levels[rule.level]);
    this.heading.textContent = `${rule.id} ${rule.name}`;
    this.version.textContent = say(words.version, { version: rule.version, mode: words.modesLong[rule.mode] });
    const scrolled = this.inside.scrollTop;
    this.inside.replaceChildren(...[this.waiting(), this.parameters(), this.usual(), this.scope(), drawRun(this.run?.found ?? null, this), this.history(), this.silences(), this.meaning()].flat().filter(Boolean));
    this.inside.scrollTop = scrolled;
    this.drawButtons();
  }

  waiting() {
    const one = this.rule.asked;
    if (!one) return null;
    const { words } = this;
    const mine = one.asked_by === this.data.user;
    const decide = (word, name, main) => h("button.btn" + (main ? ".main" : ""), { type: "button", onclick: () => this.decide(one.id, word) }, name);
    return h("div.asked", {}, h("p", {}, h("b", {}, say(words.askedBy, { who: one.asked_name })), " ", one.what, h("br"), h("span.muted", {}, one.reason)),
      h("div.row", {}, mine ? [h("span.muted", {}, words.another), decide("refuse", words.takeBack)] : [decide("agree", words.agree, true), decide("refuse", words.refuse)]));
  }

  parameters() {
    const { rule, words } = this;
    const rows = rule.parameters.map((one) => this.slider(one));
    return [h("h3", {}, words.parameters, h("small", {}, say(words.parametersNote, { version: rule.version }))), rows.length ? h("div.params", {}, rows) : h("p.muted", {}, words.noParameters)];
  }

  slider(one) {
    const step = one.whole ? 1 : "any";
    const at = (value) => `${(100 * (value - one.low)) / (one.high - one.low || 1)}%`;
    const set = (text) => {
      const value = Math.min(one.high, Math.max(one.low, Number(text)));
      if (text === "" || Number.isNaN(value)) return;
      this.draft.parameters[one.name] = one.whole ? Math.round(value) : Number(value.toPrecision(6));
      range.value = number.value = this.draft.parameters[one.name];
      this.drawButtons();
    };
    const value = this.draft.parameters[one.name];
    const range = h("input", { type: "range", min: one.low, max: one.high, step, value, "aria-label": one.label, oninput: (event) => set(Number(event.target.value).toPrecision(3)) });
    const number = h("input.n", { type: "number", min: one.low, max: one.high, step, value, "aria-label": one.label, name: one.name, onchange: (event) => set(event.target.value) });
    return h("div.param", {}, h("label", {}, one.label, h("small", {}, `${one.low}–${one.high}`)), h("span.track", {}, range, h("i", { style: `left:${at(one.value)}`, title: say(this.words.nowAt, { value: one.value }) })), number);
  }

  /** What is usual in the markets about which the rule warned, beside the threshold there. */
  usual() {
    const { words, rule } = this;
    if (!rule.usual.length) return null;
    const heads = [words.market, words.usual, words.threshold, words.warned].map((name) => h("th", { scope: "col" }, name));
    const rows = rule.usual.map((one) => h("tr", {}, h("td", { title: one.market }, one.market), h("td", {}, h("b", {}, one.usual)), h("td", {}, one.threshold), h("td", {}, String(one.warned))));
    return [h("h3", {}, words.usualTitle, h("small", {}, words.usualNote)), h("div.usual", {}, h("table.moved", {}, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows)))];
  }

  scope() {
    const { words, draft } = this;
    const boxes = this.board.centres.map((centre) => h("label", {}, h("input", { type: "checkbox", checked: draft.centres.includes(centre.id), onchange: (event) => {
      draft.centres = event.target.checked ? [...draft.centres, centre.id] : draft.centres.filter((id) => id !== centre.id);
      summary.textContent = this.scopeText();
      this.drawButtons();
    } }), centre.name));
    const summary = h("summary", {}, this.scopeText());
    const second = h("label.second", {}, h("input", { type: "checkbox", name: "second_look", checked: draft.second_look, onchange: (event) => { draft.second_look = event.target.checked; this.drawButtons(); } }), words.secondLook);
    return h("div.scope", {}, h("details", {}, summary, h("div.boxes", {}, boxes)), second);
  }

  scopeText() {
    const n = this.draft.centres.length;
    return n ? say(this.words.someCentres, { n }) : say(this.words.allCentres, { n: this.board.centres.length });
  }

  history() {
    const { words, rule } = this;
    const lines = rule.changes.map((one) => h("li" + (one.state === "in_force" ? "" : ".off"), {}, h("b", {}, one.version ?? one.state_name), h("time", { title: date(one.at) }, date(one.at).slice(0, 10)), h("span", {}, [one.asked_name, one.decided_name && one.decided_name !== one.asked_name ? one.decided_name : null].filter(Boolean).join(" → ")), h("span.what", {}, one.what, h("small", {}, one.reason))));
    return [h("h3", {}, words.changes, h("small", {}, words.changesNote)), lines.length ? h("ol.versions", {}, lines) : h("p.muted", {}, words.neverChanged)];
  }

  silences() {
    const { words, rule } = this;
    const lines = rule.silences.map((one) => h("li", {}, h("span", {}, [one.where, one.reason, say(words.until, { day: date(Date.parse(one.until) - 1).slice(0, 10) }), one.by].join(" · ")), h("button.link", { type: "button", onclick: () => this.endSilence(one.id) }, words.endSilence)));
    return [h("h3", {}, words.silences, h("button.link", { type: "button", onclick: () => this.dialogs.silence(rule) }, words.silence)), lines.length ? h("ul.quiet", {}, lines) : h("p.muted", {}, words.noSilence)];
  }

  meaning() {
    const { words, rule } = this;
    return h("p.cant", {}, h("b", {}, words.formula), rule.formula, h("br"), h("b", {}, words.law), rule.law, h("br"), h("b", {}, words.cannot), rule.cannot_know);
  }

  drawButtons() {
    const { words, draft } = this;
    const waits = Boolean(this.rule.asked);
    const name = this.untried() ? words.tryFirst : this.board.two ? words.submit : words.apply;
    const main = h("button.btn.main", { type: "button", disabled: waits || this.busy || !this.dirty(), onclick: () => (this.untried() ? this.tryIt() : this.dialogs.reason(this.rule, draft)) }, this.busy ? words.trying : name);
    const tries = h("button.btn", { type: "button", disabled: this.busy, onclick: () => this.tryIt() }, words.try);
    const drop = h("button.btn", { type: "button", disabled: !this.dirty() && !this.run, onclick: () => { this.reset(); this.show(); } }, words.drop);
    this.buttons.replaceChildren(main, tries, drop);
  }

  // ── what it does ───────────────────────────────────────────────────────

  async tryIt() {
    const { rule, draft } = this;
    const of = JSON.stringify([draft.parameters, draft.centres]);
    this.busy = true;
    this.drawButtons();
    try {
      const found = await postJson(`/api/rules/${encodeURIComponent(rule.id)}/try?${this.query()}`, { parameters: draft.parameters, centres: draft.centres });
      if (this.rule === rule) this.run = { of, found };
      this.note.textContent = "";
    } catch (error) {
      this.note.textContent = error.message;
    }
    this.busy = false;
    if (this.rule === rule) this.show();
    this.inside.querySelector(".run")?.scrollIntoView({ block: "nearest" });
  }

  /** Null when done, else what is wrong. */
  async change(reason) {
    const { rule, draft } = this;
    return this.does(`/api/rules/${encodeURIComponent(rule.id)}/changes`, { ...draft, reason, seen: rule.revision }, this.board.two ? this.words.sent : this.words.done);
  }

  decide(number, word) { return this.does(`/api/rule-changes/${number}/${word}`, {}, word === "agree" ? this.words.done : this.words.refused); }

  endSilence(number) { return this.does(`/api/silences/${number}/end`, {}, this.words.silenceEnded); }

  async silence(given) { return this.does(`/api/rules/${encodeURIComponent(this.rule.id)}/silences`, given, this.words.silenceBegun); }

  async does(address, given, done) {
    try {
      await postJson(`${address}?${this.query()}`, given);
      this.rule = null;
      await this.load();
      this.note.textContent = done;
      clearTimeout(this.fading);
      this.fading = setTimeout(() => { this.note.textContent = ""; }, 6000);
      return null;
    } catch (error) {
      if (!this.dialogs.box.open) this.note.textContent = error.message; // a dialog says it itself
      return error.message;
    }
  }

  update(data) { this.data = data; }

  close() {
    clearTimeout(this.again);
    clearTimeout(this.fading);
    this.grid.remove();
  }
}

/** What Streamlit mounts. */
export default function (component) {
  return mount(component, (parent, data) => {
    const root = h("div.sunbid");
    parent.append(root);
    let board = new RuleBoard(root, data);
    return {
      update(next) {
        if (next.words.lang !== board.data.words.lang) { board.close(); board = new RuleBoard(root, next); } else board.update(next);
      },
      close() { board.close(); root.remove(); },
    };
  });
}
