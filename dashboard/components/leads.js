// Leads: the batches with their deadlines, and one of them beside: its way, its checklist, what came back, the package.
import { date } from "./clock.js";
import { ask, h, icon, mark, mount, postJson, say } from "./common.js";
import { LeadDialogs } from "./lead-dialogs.js";

const EVERY = 10_000; // between two looks for what others changed
const ITEMS = ["record", "prices", "files", "deposits", "scores", "draw", "recording", "rule"];
const OF_PANELS = ["scores", "draw"]; // shown where a warning of the batch needs them
const STATES = ["open", "draft", "review", "approved", "transferred", "received", "answered", "closed", "withdrawn"];
const PAPERS = { there: "✓", missing: null, not_needed: "—" };

class LeadDesk {
  constructor(root, data) {
    Object.assign(this, { root, data, words: data.words, list: null, batch: null });
    this.chosen = new URLSearchParams(location.search).get("batch");
    this.rows = h("tbody");
    this.counts = h("small.muted");
    this.deadlines = h("div.deadlines", { role: "status" });
    this.note = h("p.told", { role: "status" });
    this.heading = h("h2", { id: "batch-chosen" });
    this.timer = h("span.muted");
    this.inside = h("div.in", { tabindex: 0 });
    this.buttons = h("div.act");
    this.fresh = h("button.btn.main.begin", { type: "button", onclick: () => this.dialogs.begin() }, "+ ", this.words.begin, h("kbd", {}, "N"));
    this.dialogs = new LeadDialogs(this);
    const heads = ["batch", "target", "receipt", "due", "answers"].map((name) => h(`th.${name}`, { scope: "col" }, this.words.columns[name]));
    const legend = ["kept", "soon", "late"].map((one) => h("span.legend", {}, urgency(one), this.words.deadlineState[one]));
    this.filters = Object.fromEntries(["target", "batch_state"].map((name) => [name, new URLSearchParams(location.search).get(name) ?? ""]));
    const choose = (name, every, options) => h("select", { "aria-label": every, onchange: (event) => this.narrow(name, event.target.value) }, h("option", { value: "" }, every), options.map(([value, text]) => h("option", { value, selected: value === this.filters[name] }, text)));
    const choices = h("span.choices", {}, choose("target", this.words.allTargets, Object.entries(this.words.targets)), choose("batch_state", this.words.allStates, STATES.map((state) => [state, this.words.state[state]])));
    const list = h("section.card.list", {}, h("header", {}, h("h2", {}, this.words.title, this.counts), choices, this.fresh),
      h("div.scroll", { tabindex: 0, role: "region", "aria-label": this.words.title }, h("table.batches", {}, h("thead", {}, h("tr", {}, heads)), this.rows)), this.note);
    const pane = h("article.card.ev", { "aria-labelledby": "batch-chosen" }, h("header", {}, this.heading, this.timer), this.inside, this.buttons);
    const hint = [["J", "K", this.words.move], ["N", this.words.begin], ["S", this.words.nextStep]].map((keys) => h("span", {}, keys.slice(0, -1).map((key) => h("kbd", {}, key)), keys.at(-1)));
    this.grid = h("div.leads", {}, this.deadlines, h("div.split", {}, list, pane), h("footer.hint", {}, hint, legend, h("b", {}, this.words.closing)), this.dialogs.box);
    this.root.append(this.grid);
    this.inside.replaceChildren(h("p.muted", {}, this.words.loading));
    this.onkey = (event) => this.key(event);
    document.addEventListener("keydown", this.onkey);
    this.load();
    this.looking = setInterval(() => { if (!this.data.paused && !document.hidden && !this.dialogs.box.open) this.load(); }, EVERY);
  }

  /** The list's own filters stand in the address too. */
  narrow(name, value) {
    this.filters[name] = value;
    const url = new URL(location.href);
    if (value) url.searchParams.set(name, value); else url.searchParams.delete(name);
    history.replaceState(history.state, "", url);
    this.chosen = null;
    this.load();
  }

  query() { return new URLSearchParams({ lang: this.words.lang, ...(this.filters.target && { target: this.filters.target }), ...(this.filters.batch_state && { state: this.filters.batch_state }), ...Object.fromEntries(Object.entries(this.data.filters).filter(([, value]) => value)) }); }

  async load() {
    try {
      this.list = await ask(`/api/leads?${this.query()}`);
      if (this.failed) { this.note.textContent = ""; this.failed = false; }
      this.draw();
      const ids = this.list.batches.map((batch) => batch.id);
      await this.select(this.chosen ?? ids[0] ?? null, { quiet: true });
    } catch (error) {
      this.failed = true;
      this.note.textContent = say(this.words.trouble, { why: error.message });
    }
  }

  follow() {
    const url = new URL(location.href);
    if (this.chosen) url.searchParams.set("batch", this.chosen); else url.searchParams.delete("batch");
    history.replaceState(history.state, "", url);
  }

  // ── the list ───────────────────────────────────────────────────────────

  draw() {
    const { words, list } = this;
    const sent = list.batches.filter((batch) => batch.transferred_at).length;
    this.counts.textContent = say(words.counts, { sent, draft: list.batches.filter((batch) => ["draft", "review", "approved"].includes(batch.state)).length, pool: list.pool });
    this.deadlines.hidden = !list.deadlines.length;
    this.deadlines.replaceChildren(...list.deadlines.map((deadline) => h("button.deadline", { type: "button", onclick: () => this.select(deadline.batch) }, urgency(deadline.state), `${deadline.batch} · ${deadline.text}`)));
    const none = h("tr", {}, h("td.nothing", { colspan: 5 }, h("b", {}, words.none), h("p.muted", {}, say(list.pool ? words.noneWhat : words.noneAtAll, { n: list.pool }))));
    this.rows.replaceChildren(...(list.batches.length ? list.batches.map((batch) => this.line(batch)) : [none]));
  }

  line(batch) {
    const { words } = this;
    const chosen = batch.id === this.chosen;
    const under = [batch.id, say(words.size, { leads: batch.leads, warnings: batch.warnings }), batch.transferred_at ? say(words.sentOn, { day: day(batch.transferred_at) }) : null].filter(Boolean).join(" · ");
    return h("tr.batch", { "data-batch": batch.id, "aria-current": chosen ? "true" : null, onclick: () => this.select(batch.id) },
      h("td.batch", {}, h("button.link.pick", { type: "button", title: batch.title, "aria-current": chosen ? "true" : null }, batch.title), h("small", {}, under)),
      h("td.target", {}, batch.target_name, batch.office ? h("small", {}, batch.office) : null),
      h("td.receipt", {}, this.receipt(batch)), h("td.due", {}, this.due(batch)), h("td.answers", {}, this.answers(batch)));
  }

  receipt(batch) {
    if (!batch.transferred_at) return h("span.chip" + (batch.state === "withdrawn" ? "" : ".now"), {}, batch.state_name);
    if (batch.received_at) return ["✓ ", day(batch.received_at)];
    return batch.deadline ? [urgency(batch.deadline.state), batch.deadline.text] : "—";
  }

  due(batch) {
    const { words } = this;
    if (batch.kept !== null) return [urgency(batch.kept ? "kept" : "late"), say(batch.kept ? words.keptOn : words.lateOn, { day: day(batch.answered_at) })];
    if (batch.deadline?.what === "answer") return [urgency(batch.deadline.state), batch.deadline.text];
    return batch.due_at ? day(batch.due_at) : h("span.muted", {}, words.afterSending);
  }

  answers(batch) {
    const { words } = this;
    if (!batch.transferred_at) return "—";
    const told = [[batch.valid, words.valid], [batch.invalid, words.invalid], [batch.waiting, words.waiting]].filter(([n]) => n).map(([n, name]) => `${name} ${n}`).join(" · ");
    return [told || "—", batch.valid ? h("small", {}, say(words.disposedOf, { n: batch.disposed, of: batch.valid })) : null];
  }

  // ── one batch ──────────────────────────────────────────────────────────

  async select(id, { quiet = false } = {}) {
    this.chosen = id;
    if (!quiet) this.follow();
    for (const row of this.rows.querySelectorAll("tr.batch")) {
      if (row.dataset.batch === id) row.setAttribute("aria-current", "true"); else row.removeAttribute("aria-current");
    }
    if (!id) { this.batch = null; this.heading.textContent = this.words.noBatch; this.timer.textContent = ""; this.buttons.replaceChildren(); this.inside.replaceChildren(h("p.muted", {}, this.words.noBatchWhat)); return; }
    try {
      const found = await ask(`/api/leads/${encodeURIComponent(id)}?lang=${this.words.lang}`);
      if (this.chosen === id) this.show(found);
    } catch (error) {
      if (this.chosen !== id) return;
      this.batch = null;
      this.buttons.replaceChildren();
      this.inside.replaceChildren(h("p.muted", {}, error.message));
    }
  }

  show(batch) {
    const same = this.batch?.id === batch.id;
    if (same && this.batch.version === batch.version && this.inside.querySelector(".way")) { this.batch = batch; return; }
    this.batch = batch;
    const { words } = this;
    const days = Math.floor(batch.running_hours / 24);
    this.heading.textContent = `${batch.id} ${batch.title}`;
    this.timer.textContent = say(words.timer, { who: batch.created_by, days, hours: Math.round(batch.running_hours % 24) });
    const scrolled = same ? this.inside.scrollTop : 0;
    this.inside.replaceChildren(...[this.way(), this.facts(), this.checklist(), this.package()].flat().filter(Boolean));
    this.inside.scrollTop = scrolled;
    this.drawButtons();
  }

  way() {
    return h("ol.way", {}, this.batch.steps.map((step) => h("li" + (step.here ? ".here" : step.done ? ".done" : ""), { "aria-current": step.here ? "step" : null }, h("i"), h("b", {}, step.name), h("small", {}, step.at ? date(step.at).slice(5) : ""))));
  }

  facts() {
    const { batch, words } = this;
    const rows = [
      [words.target, [batch.target_name, batch.office].filter(Boolean).join(" · ")], [words.secrecy, words.secrecies[batch.secrecy]],
      [words.reviewer, batch.reviewed_by], [words.receiptNo, batch.receipt],
      [words.dueAt, batch.due_at ? [day(batch.due_at), batch.deadline?.what === "answer" ? batch.deadline.text : null].filter(Boolean).join(" · ") : null], [words.returned, batch.note],
    ].filter(([, value]) => value);
    return h("dl.facts", {}, rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
  }

  checklist() {
    const { batch, words } = this;
    const needed = (item) => batch.leads.some((lead) => lead.warnings.some((row) => row.papers.some((one) => one.item === item && one.state !== "not_needed")));
    const items = ITEMS.filter((item) => !OF_PANELS.includes(item) || needed(item));
    const head = h("tr", {}, h("th", { scope: "col" }, words.checklist, h("small", {}, say(words.checklistSum, { needed: batch.needed, there: batch.there, missing: batch.missing }))), items.map((item) => h("th.paper", { scope: "col" }, words.papers[item])));
    return h("table.check", {}, h("thead", {}, head), batch.leads.map((lead) => h("tbody", {}, this.leadRow(lead, items), lead.warnings.map((row) => this.warningRow(lead, row, items)))));
  }

  leadRow(lead, items) {
    const { words, batch } = this;
    const verdict = lead.valid === null ? null : h("span.chip" + (lead.valid ? ".on" : ""), { title: lead.result }, lead.valid ? (lead.disposed_at ? words.validDone : words.valid) : words.invalid);
    const button = batch.answerable ? h("button.link", { type: "button", onclick: () => this.dialogs.answer(lead) }, lead.valid === null ? words.answer : words.changeAnswer) : null;
    return h("tr.of", {}, h("th", { colspan: items.length + 1, scope: "rowgroup" }, h("span.cut", { title: lead.title }, `${lead.id} ${lead.title}`), verdict, button, lead.result ? h("small", {}, lead.result) : null));
  }

  warningRow(lead, row, items) {
    const { batch } = this;
    const drop = batch.state === "draft" ? h("button.link.drop", { type: "button", title: this.words.takeOut, "aria-label": `${this.words.takeOut} ${row.title}`, onclick: () => this.dialogs.drop(row) }, "✕") : null;
    return h("tr", {}, h("td.what", {}, h("span.lv", { title: this.words.levels[row.level] }, mark(row.level)), h("a", { href: `/warnings?state=all&warning=${encodeURIComponent(row.id)}`, target: "_top" }, row.title), drop, h("small", {}, [row.centre_short, row.value_text, row.baseline_text].filter(Boolean).join(" · "))),
      items.map((item) => h("td.paper", {}, this.paper(lead, row, row.papers.find((one) => one.item === item)))));
  }

  paper(lead, row, paper) {
    const { words, batch } = this;
    const name = `${words.papers[paper.item]}：${words.paperState[paper.state]}`;
    if (paper.state !== "missing") return h("span", { title: paper.note ?? name, "aria-label": name }, PAPERS[paper.state] + (paper.note ? "*" : ""));
    const can = ["draft", "review", "approved"].includes(batch.state);
    return can ? h("button.lack", { type: "button", title: name, "aria-label": name, onclick: () => this.dialogs.paper(lead, row, paper.item) }, words.lack) : h("span.lack", { title: name }, words.lack);
  }

  package() {
    const { batch, words } = this;
    const sent = Boolean(batch.transferred_at);
    return [h("h3", {}, words.package, h("small", {}, words.packageNote)),
      h("p.files", {}, h("a.btn", { href: `/api/leads/${encodeURIComponent(batch.id)}/package.zip?lang=${words.lang}`, download: "" }, icon("next"), sent ? words.download : words.trial), h("span.muted", {}, words.packageHolds))];
  }

  drawButtons() {
    const { batch, words } = this;
    const main = batch.actions.find((action) => !["return", "withdraw"].includes(action.id));
    const buttons = batch.actions.map((action) => h("button.btn" + (action === main ? ".main" : ""), { type: "button", disabled: !action.allowed, title: action.hint, onclick: () => this.step(action) }, action.name, action === main ? h("kbd", {}, "S") : null));
    if (batch.state === "draft") buttons.push(h("button.btn", { type: "button", onclick: () => this.dialogs.edit(batch) }, words.edit));
    this.buttons.replaceChildren(...(buttons.length ? buttons : [h("p.muted", {}, batch.answerable ? words.writeAnswers : say(words.over, { state: batch.state_name }))]));
  }

  // ── what it does ───────────────────────────────────────────────────────

  step(action) { this.dialogs.step(action, this.batch); }

  drop(row) { return this.change({ drop: [row.id] }); }

  begin(given) { return this.does("/api/leads", given, this.words.begun); }

  change(given) { return this.does(this.address(), { ...given, seen: this.batch.version }, this.words.saved); }

  act(action, given) { return this.does(`${this.address()}/act`, { action, ...given, seen: this.batch.version }, this.words.saved); }

  answer(lead, given) { return this.does(`${this.address()}/leads/${encodeURIComponent(lead)}/answer`, { ...given, seen: this.batch.version }, this.words.saved); }

  addPaper(lead, given) { return this.does(`${this.address()}/leads/${encodeURIComponent(lead)}/papers`, { ...given, seen: this.batch.version }, this.words.saved); }

  address() { return `/api/leads/${encodeURIComponent(this.batch.id)}`; }

  /** Null when done, else what is wrong. Where somebody else changed the batch meanwhile it is read again. */
  async does(address, given, done) {
    try {
      const batch = await postJson(`${address}?lang=${this.words.lang}`, given);
      this.chosen = batch.id;
      this.follow();
      this.show(batch);
      await this.load();
      this.tell(done);
      return null;
    } catch (error) {
      if (error.status === 409) this.load();
      if (!this.dialogs.box.open) this.tell(error.message); // a dialog says it itself
      return error.message;
    }
  }

  tell(words) {
    this.note.textContent = words;
    clearTimeout(this.fading);
    this.fading = setTimeout(() => { this.note.textContent = ""; }, 6000);
  }

  key(event) {
    const target = event.composedPath()[0];
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest?.("input, textarea, select, [contenteditable=true], dialog")) return;
    if (document.querySelector('[role="dialog"]')) return;
    const key = event.key.toLowerCase();
    if (key === "j" || key === "k") this.move(key === "j" ? 1 : -1);
    else if (key === "n") this.dialogs.begin();
    else if (key === "s") this.buttons.querySelector("button.main:not(:disabled)")?.click();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  move(by) {
    const ids = (this.list?.batches ?? []).map((batch) => batch.id);
    const at = ids.indexOf(this.chosen) + by;
    if (ids.length) this.select(ids[Math.max(0, Math.min(ids.length - 1, at))]);
    this.rows.querySelector("tr[aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  update(data) {
    const moved = JSON.stringify(data.filters) !== JSON.stringify(this.data.filters);
    this.data = data;
    if (moved) { this.chosen = null; this.load(); }
  }

  close() {
    document.removeEventListener("keydown", this.onkey);
    clearInterval(this.looking);
    clearTimeout(this.fading);
    this.grid.remove();
  }
}

function day(moment) {
  return date(moment).slice(5, 10);
}

/** How a deadline 期限 stands: a shape, the word beside it. */
function urgency(one) {
  const sign = { kept: "✓", soon: "◐", late: "!", open: "" }[one];
  return sign ? h(`i.st.${one}`, { "aria-hidden": "true" }, sign) : null;
}

/** What Streamlit mounts. */
export default function (component) {
  return mount(component, (parent, data) => {
    const root = h("div.sunbid");
    parent.append(root);
    let desk = new LeadDesk(root, data);
    return {
      update(next) {
        if (next.words.lang !== desk.data.words.lang) { desk.close(); desk = new LeadDesk(root, next); } else desk.update(next);
      },
      close() { desk.close(); root.remove(); },
    };
  });
}
