// Small dialogs of the warning centre: the reason of an action, and the list of keys.
import { ask, dialog, h, mark, say } from "./common.js";

export class ActionForms {
  constructor(desk) {
    Object.assign(this, { desk, words: desk.words });
    this.box = dialog("dialog.form");
  }

  ask(rule, row) {
    const { words } = this;
    const reasons = rule.dispositions.map(({ id, name }) => h("label.reason", {}, h("input", { type: "radio", name: "disposition", value: id }), name)); // none is preset: a verdict is given, not left standing
    const note = h("textarea", { name: "note", rows: 3, maxlength: 1000, placeholder: rule.note_hint, "aria-label": words.note });
    const people = rule.assigns ? this.people() : null;
    const problem = h("p.problem", { role: "alert", hidden: true });
    const form = h("form", { method: "dialog", onsubmit: (event) => this.submit(event, rule, row, problem) },
      h("h2", {}, say(words.askTitle, { action: rule.name })), h("p.muted", {}, row.title),
      reasons.length ? h("fieldset", {}, h("legend", {}, rule.required ? words.reason : words.reasonOptional), reasons) : null,
      people, note, problem,
      h("div.row", {}, h("button.btn", { type: "button", onclick: () => this.box.close() }, words.cancel), h("button.btn.main", { type: "submit" }, rule.name)));
    this.open(form);
    (form.querySelector("select, input") ?? note).focus();
  }

  /** The accounts a warning can be given to, as the desk knows them now. */
  people() {
    const choice = h("select", { name: "assignee", required: true, "aria-label": this.words.assignee });
    const label = h("label.person", {}, this.words.assignee, choice);
    ask("/api/assignees").then(({ people }) => {
      choice.replaceChildren(...people.map((one) => h("option", { value: one.name }, `${one.display_name} (${one.name})`)));
      if (!people.length) label.append(h("span.muted", {}, this.words.nobody));
    }).catch((error) => label.append(h("span.muted", {}, error.message)));
    return label;
  }

  /** Why the names are to be shown. */
  reason(detail) {
    const { words } = this;
    const why = h("textarea", { name: "reason", rows: 2, required: true, minlength: 4, maxlength: 200, placeholder: words.unmaskHint, "aria-label": words.unmaskHint });
    const problem = h("p.problem", { role: "alert", hidden: true });
    const submit = async (event) => {
      event.preventDefault();
      const failed = await this.desk.unmask(detail.id, why.value);
      if (!failed) { this.box.close(); return; }
      problem.hidden = false;
      problem.textContent = failed;
    };
    this.open(h("form", { method: "dialog", onsubmit: submit }, h("h2", {}, words.unmaskTitle), h("p.muted", {}, detail.title), why, problem,
      h("div.row", {}, h("button.btn", { type: "button", onclick: () => this.box.close() }, words.cancel), h("button.btn.main", { type: "submit" }, words.unmaskTitle))));
    why.focus();
  }

  async submit(event, rule, row, problem) {
    event.preventDefault();
    const given = new FormData(event.target);
    const note = String(given.get("note") || "").trim(), disposition = given.get("disposition") || null;
    const failed = rule.required && !disposition ? this.words.reasonMissing : await this.desk.act(row.id, { action: rule.id, disposition, note: note || null, assignee: given.get("assignee") || null });
    if (!failed) { this.box.close(); return; }
    problem.hidden = false;
    problem.textContent = failed;
  }

  /** The lots with the worst and most open warnings. */
  lots(rows) {
    const { words } = this;
    const line = (one) => h("tr", {}, h("td", {}, h("button.link", { type: "button", onclick: () => { this.box.close(); this.desk.narrow(one.lot); } }, one.name)), ["red", "orange", "yellow"].map((level) => h("td", {}, one[level] ? h("span.lv", {}, mark(level), String(one[level])) : "—")));
    const heads = [words.topLot, ...["red", "orange", "yellow"].map((level) => words.levelsTight[level])].map((name) => h("th", { scope: "col" }, name));
    const table = rows.length ? h("table.lots", {}, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows.map(line))) : h("p.muted", {}, words.calm);
    this.open(h("form.wide", { method: "dialog" }, h("h2", {}, words.top), h("p.muted", {}, words.topNote), table, h("div.row", {}, h("button.btn.main", { type: "submit" }, words.close))));
  }

  help() {
    const { words } = this;
    const keys = [["J", words.next], ["K", words.previousOne], ...this.desk.data.actions.map((a) => [a.key.toUpperCase(), a.name]), ["?", words.keys], ["Esc", words.close]];
    this.open(h("form", { method: "dialog" }, h("h2", {}, words.keys), h("dl.keys", {}, keys.flatMap(([k, name]) => [h("dt", {}, h("kbd", {}, k)), h("dd", {}, name)])),
      h("div.row", {}, h("button.btn.main", { type: "submit" }, words.close))));
  }

  open(content) {
    this.box.replaceChildren(content);
    if (!this.box.open) this.box.showModal();
  }
}
