// Dialogs of the leads screen: a new batch, its next step, an answer, a paper put in by hand.
import { date } from "./clock.js";
import { ask, dialog, h, mark, say } from "./common.js";

const DAY = 86_400_000;
const ANSWER_DAYS = 30; // asked for unless told otherwise

export class LeadDialogs {
  constructor(desk) {
    Object.assign(this, { desk, words: desk.words });
    this.box = dialog("dialog.form");
  }

  /** A new batch of warnings that wait for one. */
  async begin() {
    await this.compose({ title: "", target: "regulator", office: "", secrecy: "work" }, this.words.begin, (given, picked) => this.desk.begin({ ...given, warnings: picked }), true);
  }

  async edit(batch) {
    await this.compose(batch, this.words.edit, (given, picked) => this.desk.change({ ...given, add: picked }), false);
  }

  async compose(batch, title, act, needed) {
    const { words } = this;
    const field = (name, label, control) => h("label.person", {}, label, control);
    const text = (name, value, hint, required) => h("input", { name, value, maxlength: 200, placeholder: hint, required });
    const choose = (name, options, value) => h("select", { name }, Object.entries(options).map(([id, text]) => h("option", { value: id, selected: id === value }, text)));
    const picks = h("div.picks", {}, h("p.muted", {}, words.loading));
    this.open(title, [field("title", words.batchTitle, text("title", batch.title, words.titleHint, true)),
      h("div.two", {}, field("target", words.target, choose("target", words.targets, batch.target)), field("secrecy", words.secrecy, choose("secrecy", words.secrecies, batch.secrecy))),
      field("target_name", words.office, text("target_name", batch.office, words.officeHint, false)),
      h("fieldset", {}, h("legend", {}, words.pick), picks)], words.save, (form) => {
      const given = new FormData(form);
      const picked = given.getAll("warning");
      if (needed && !picked.length) return words.pickOne;
      return act(Object.fromEntries(["title", "target", "target_name", "secrecy"].map((name) => [name, given.get(name)])), picked);
    }, "wide");
    try {
      const { warnings } = await ask(`/api/leads/free?lang=${words.lang}`);
      const asked = new URLSearchParams(location.search).get("warning");
      picks.replaceChildren(...(warnings.length ? warnings.map((row) => h("label.pick", {}, h("input", { type: "checkbox", name: "warning", value: row.id, checked: row.id === asked }), h("span.lv", {}, mark(row.level)), h("span", {}, row.title, h("small", {}, [row.lot_name ?? row.lot, row.centre_short, row.value_text].filter(Boolean).join(" · "))))) : [h("p.muted", {}, words.poolEmpty)]));
    } catch (error) {
      picks.replaceChildren(h("p.muted", {}, error.message));
    }
  }

  step(action, batch) {
    const { words } = this;
    const note = h("textarea", { name: "note", rows: 2, maxlength: 1000, required: action.noted, placeholder: action.hint, "aria-label": action.hint });
    const until = h("input", { type: "date", name: "due", value: date(Date.now() + ANSWER_DAYS * DAY).slice(0, 10), min: date(Date.now()).slice(0, 10), max: date(Date.now() + (this.desk.data.longest - 1) * DAY).slice(0, 10) });
    const lack = batch.missing && ["submit", "approve", "transfer"].includes(action.id) ? h("p.problem", {}, say(words.stillLacks, { n: batch.missing })) : null;
    const content = [h("p.muted", {}, `${batch.id} ${batch.title}`), lack, action.id === "transfer" ? h("label.person", {}, words.dueAt, until) : null, action.noted ? note : h("p", {}, action.hint)];
    this.open(action.name, content, action.name, () => this.desk.act(action.id, { note: note.value || null, due: action.id === "transfer" ? until.value : null }));
  }

  answer(lead) {
    const { words } = this;
    const valid = [["true", words.valid], ["false", words.invalid]].map(([value, name]) => h("label.reason", {}, h("input", { type: "radio", name: "valid", value, required: true, checked: String(lead.valid) === value }), name));
    const result = h("textarea", { name: "result", rows: 3, required: true, maxlength: 1000, placeholder: words.resultHint, "aria-label": words.resultHint });
    result.value = lead.result ?? "";
    const disposed = h("label.reason", {}, h("input", { type: "checkbox", name: "disposed", checked: Boolean(lead.disposed_at) }), words.disposed);
    this.open(words.answer, [h("p.muted", {}, `${lead.id} ${lead.title}`), h("fieldset", {}, h("legend", {}, words.answerLegend), valid), result, disposed], words.save, (form) => {
      const given = new FormData(form);
      return this.desk.answer(lead.id, { valid: given.get("valid") === "true", result: given.get("result"), disposed: given.get("disposed") !== null });
    });
  }

  paper(lead, row, item) {
    const { words } = this;
    const note = h("textarea", { name: "note", rows: 2, required: true, maxlength: 1000, placeholder: words.paperHint, "aria-label": words.paperHint });
    this.open(say(words.paperTitle, { paper: words.papers[item] }), [h("p.muted", {}, row.title), note], words.save, () => this.desk.addPaper(lead.id, { warning: row.id, item, note: note.value }));
  }

  /** Taking a warning out of a draft: asked first, as it may be the last one. */
  drop(row) {
    const { words } = this;
    this.open(words.takeOut, [h("p.muted", {}, row.title), h("p", {}, words.takeOutWhat)], words.takeOut, () => this.desk.drop(row));
  }

  open(title, content, name, act, kind = "") {
    const problem = h("p.problem", { role: "alert", hidden: true });
    const submit = async (event) => {
      event.preventDefault();
      const failed = await act(event.target);
      if (!failed) { this.box.close(); return; }
      problem.hidden = false;
      problem.textContent = failed;
    };
    this.box.replaceChildren(h("form" + (kind ? `.${kind}` : ""), { method: "dialog", onsubmit: submit }, h("h2", {}, title), content, problem,
      h("div.row", {}, h("button.btn", { type: "button", onclick: () => this.box.close() }, this.words.cancel), h("button.btn.main", { type: "submit" }, name))));
    if (!this.box.open) this.box.showModal();
    this.box.querySelector("input, select, textarea")?.focus();
  }
}
