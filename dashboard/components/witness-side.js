// The right side of the witnesses' board: the abnormal report of the task, equipment alarms, looks at non-public pictures.
import { clock } from "./clock.js";
import { h, mark, say, shortTime } from "./common.js";

const QUIET = 2000; // ms without a key after which a draft is saved
const KINDS = ["reading", "order", "identity", "equipment", "interference", "leak", "other"];
const HANDLINGS = ["corrected", "reminded", "pause", "handed_on"];

/** The form of an abnormal report: a draft that saves itself, submitted for good. */
export class ReportCard {
  constructor(board) {
    Object.assign(this, { board, words: board.words, draft: null, of: null, handling: null, attached: new Set() });
    const { words } = this;
    this.chip = h("span.chip.line", { hidden: true }, words.draft);
    this.saved = h("small");
    this.body = h("div.in");
    this.box = h("section.card.rep", { "aria-label": words.reportTitle }, h("div.hd", {}, h("h2", {}, words.reportTitle), this.chip, this.saved), this.body);
    this.empty();
  }

  empty() {
    this.of = this.draft = null;
    this.chip.hidden = true;
    this.saved.textContent = "";
    this.body.replaceChildren(h("p.muted", {}, this.words.reportNone));
  }

  /** Follow a task: its submitted reports, and the form for its witness. What is being typed stays. */
  show(task) {
    if (!task) { if (this.of) this.empty(); return; }
    const submitted = task.reports.filter((one) => one.state === "submitted");
    const key = JSON.stringify([task.id, task.mine, task.allowed.includes("report"), submitted.map((one) => one.id), task.snapshots.map((one) => one.id)]);
    if (key === this.key && this.of === task.id) return;
    this.key = key;
    const fresh = this.of !== task.id;
    Object.assign(this, { task, of: task.id });
    if (fresh) this.take(task.reports.find((one) => one.state === "draft" && one.mine) ?? null);
    this.draw(submitted);
  }

  take(draft, given = {}) {
    this.draft = draft?.id ?? null;
    this.given = { name: "", kind: "reading", facts: "", supplements: null, ...draft, ...given };
    this.handling = draft?.handling ?? null;
    this.attached = new Set(this.given.snapshots ?? []);
    this.chip.hidden = !this.draft;
    this.saved.textContent = draft ? say(this.words.savedAt, { time: clock(draft.saved_at) }) : "";
  }

  draw(submitted) {
    const { words, task } = this;
    const told = submitted.map((one) => h("li", {}, h("b", {}, one.name), h("span", {}, ` · ${words.kind[one.kind]} · ${words.handling[one.handling] ?? ""}`), h("p", {}, one.facts),
      h("small.muted", {}, `${one.by} · ${shortTime(one.submitted_at)}${one.supplements ? ` · ${words.supplement}` : ""}`),
      task.mine && !one.supplements ? h("button.link", { type: "button", onclick: () => { this.take(null, { name: one.name, kind: one.kind, supplements: one.id }); this.draw(submitted); } }, words.supplementIt) : null));
    const list = told.length ? h("ol.told-reports", {}, told) : null;
    if (!task.mine || !task.allowed.includes("report")) { this.body.replaceChildren(...[list ?? h("p.muted", {}, words.reportNobody)]); return; }
    this.body.replaceChildren(...[list, this.form()].filter(Boolean));
  }

  form() {
    const { words, given, task } = this;
    const typing = () => this.later();
    this.name = h("input", { type: "text", maxlength: 200, "aria-label": words.reportName, placeholder: words.reportNameHint, oninput: typing });
    this.name.value = given.name;
    this.kind = h("select", { "aria-label": words.reportKind, onchange: typing }, KINDS.map((kind) => h("option", { value: kind, selected: kind === given.kind }, words.kind[kind])));
    this.facts = h("textarea", { rows: 3, maxlength: 1000, "aria-label": words.reportFacts, placeholder: words.reportFactsHint, oninput: typing });
    this.facts.value = given.facts;
    const shots = task.snapshots.map((one) => h("button.thumb", { type: "button", "aria-pressed": String(this.attached.has(one.id)), title: `${words.attach} ${clock(one.at)}`, onclick: (event) => this.attach(one.id, event.currentTarget) }, h("img", { src: this.board.picture(task.id, one.id), alt: `${words.snapshot} ${clock(one.at)}` })));
    this.handlings = h("div.seg", { role: "group", "aria-label": words.reportHandling }, HANDLINGS.map((one) => h("button", { type: "button", "data-handling": one, "aria-pressed": String(one === this.handling), onclick: () => this.handle(one) }, words.handling[one])));
    this.problem = h("p.problem", { role: "alert", hidden: true });
    return h("form", { onsubmit: (event) => { event.preventDefault(); this.save(true); } },
      h("label", {}, words.reportName, this.name), h("label", {}, words.reportKind, this.kind), h("label", {}, words.reportFacts, this.facts),
      shots.length ? h("div.at", {}, shots) : null, h("div.lab", {}, words.reportHandling), this.handlings, this.problem,
      h("div.go", {}, h("button.btn.main", { type: "submit" }, words.submit), h("button.btn", { type: "button", onclick: () => this.save(false) }, words.saveDraft), h("small", {}, words.submitFinal)));
  }

  attach(id, button) {
    if (!this.attached.delete(id)) this.attached.add(id);
    button.setAttribute("aria-pressed", String(this.attached.has(id)));
    this.later();
  }

  handle(one) {
    this.handling = one;
    for (const button of this.handlings.children) button.setAttribute("aria-pressed", String(button.dataset.handling === one));
    this.later();
  }

  /** Begin a report about an item that was not as it should be. */
  begin(item, note, snapshot) {
    if (!this.facts) return;
    if (!this.name.value) this.name.value = `${item.stage} · ${item.text}`.slice(0, 200);
    this.facts.value = [this.facts.value, note].filter(Boolean).join("\n");
    if (snapshot) this.attached.add(snapshot);
    this.later();
  }

  later() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.save(false), QUIET);
  }

  async save(submit) {
    clearTimeout(this.waiting);
    const { words, task } = this;
    if (!submit && !this.name.value.trim() && !this.facts.value.trim()) return;
    const body = { id: this.draft, name: this.name.value.trim(), kind: this.kind.value, facts: this.facts.value.trim(), handling: this.handling, snapshots: [...this.attached], supplements: this.given.supplements, submit };
    try {
      const told = await this.board.post(`/api/witness/tasks/${encodeURIComponent(task.id)}/reports`, body);
      this.problem.hidden = true;
      this.draft = told.state === "draft" ? told.id : null;
      this.chip.hidden = !this.draft;
      this.saved.textContent = submit ? words.submitted : say(words.savedAt, { time: clock(told.saved_at) });
      if (submit) { this.take(null); this.key = null; this.board.load(); }
    } catch (error) {
      this.problem.hidden = false;
      this.problem.textContent = error.message;
    }
  }
}

/** Alarms that go on first; each can be acknowledged once. */
export class AlarmCard {
  constructor(board) {
    Object.assign(this, { board, words: board.words });
    this.count = h("small");
    this.list = h("ol", { tabindex: 0, "aria-label": this.words.alarms });
    this.box = h("section.card.al", { "aria-label": this.words.alarms }, h("div.hd", {}, h("h2", {}, this.words.alarms), this.count), this.list);
  }

  show(alarms) {
    const { words } = this, open = alarms.filter((one) => !one.ended_at).length;
    this.count.textContent = open ? say(words.alarmsOpen, { n: open }) : words.alarmsNone;
    if (!alarms.length) { this.list.replaceChildren(h("li.calm", {}, mark(null), h("span.muted", {}, words.allWell))); return; }
    this.list.replaceChildren(...alarms.map((one) => this.line(one)));
  }

  line(one) {
    const { words } = this;
    const state = one.ended_at ? say(words.alarmOver, { time: shortTime(one.ended_at) }) : null;
    const taken = one.by ? h("small.by", {}, say(words.alarmBy, { who: one.by })) : h("button.link", { type: "button", onclick: () => this.take(one) }, words.acknowledge);
    return h(one.ended_at ? "li.over" : "li", {}, h("span.lv", {}, mark(one.level), one.level_name), h("b.cut", { title: `${one.room} ${one.what}` }, `${one.room} ${one.what}`), h("time", {}, shortTime(one.began_at)),
      h("small", {}, [one.detail, state].filter(Boolean).join(" · ")), taken);
  }

  async take(one) {
    try {
      await this.board.post(`/api/witness/alarms/${one.id}`, {});
    } catch (error) {
      this.board.tell(error.message, "refused");
    }
    this.board.load();
  }
}

/** Who looked at a picture that is not public, why and for how long. */
export class LookCard {
  constructor(words) {
    this.words = words;
    this.count = h("small");
    this.list = h("ol", { tabindex: 0, "aria-label": words.looks });
    this.box = h("section.card.ac", { "aria-label": words.looks }, h("div.hd", {}, h("h2", {}, words.looks), this.count), this.list);
  }

  show(looks) {
    const { words } = this;
    this.count.textContent = say(words.looksCount, { n: looks.length });
    if (!looks.length) { this.list.replaceChildren(h("li.calm", {}, h("span.muted", {}, words.looksNone))); return; }
    this.list.replaceChildren(...looks.map((one) => h("li", {}, h("time", {}, shortTime(one.at)), h(one.mine ? "b.cut" : "span.cut", { title: one.room }, `${one.room} · ${one.mine ? words.me : one.viewer}`), h("span", {}, this.how(one)),
      h("small.cut", { title: [one.reason, one.lot].filter(Boolean).join(" · ") }, [one.lot, one.reason ?? (!one.granted ? words.lookNoReason : one.lot ? words.lookDuty : words.lookInside)].filter(Boolean).join(" · ")))));
  }

  how(one) {
    const { words } = this;
    if (!one.granted) return words.lookRefused;
    if (!one.began_at) return words.lookNotBegun;
    if (!one.ended_at) return words.lookOn;
    return one.seconds < 60 ? say(words.seconds, { s: one.seconds }) : say(words.minutes, { m: Math.floor(one.seconds / 60), s: String(one.seconds % 60).padStart(2, "0") });
  }
}
