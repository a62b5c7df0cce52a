// The dialogs of the witnesses' board: noting an item, giving a task to somebody, ending it, looking at a picture.
import { date } from "./clock.js";
import { ask, dialog, h, say } from "./common.js";

const RESULTS = ["conforms", "abnormal", "absent"];

export class WitnessForms {
  constructor(board) {
    Object.assign(this, { board, words: board.words });
    this.box = dialog("dialog.form");
  }

  /** A dialog with fields; `send(FormData)` does it and throws what is to be said. */
  show(title, about, fields, label, send) {
    const { words } = this;
    const problem = h("p.problem", { role: "alert", hidden: true });
    const button = h("button.btn.main", { type: "submit" }, label);
    const submit = async (event) => {
      event.preventDefault();
      button.disabled = true;
      try {
        await send(new FormData(event.target));
        this.box.close();
      } catch (error) {
        problem.hidden = false;
        problem.textContent = error.message;
      } finally {
        button.disabled = false;
        this.board.load();
      }
    };
    this.box.replaceChildren(h("form", { method: "dialog", onsubmit: submit }, h("h2", {}, title), h("p.muted", {}, about), ...fields, problem,
      h("div.row", {}, h("button.btn", { type: "button", onclick: () => this.box.close() }, words.cancel), button)));
    if (!this.box.open) this.box.showModal();
    (this.box.querySelector("textarea, select, input") ?? button).focus();
  }

  note(required = false) {
    return h("textarea", { name: "note", rows: 3, maxlength: 1000, required, placeholder: this.words.noteHint, "aria-label": this.words.note });
  }

  /** What was seen of an item; `snapshot`: the picture taken with it. */
  item(task, item, snapshot, after) {
    const { words } = this;
    const note = this.note();
    const choose = (event) => { note.required = event.target.value !== "conforms"; };
    const results = RESULTS.map((result, i) => h("label.reason", {}, h("input", { type: "radio", name: "result", value: result, checked: i === 0, onchange: choose }), words.result[result]));
    const shot = snapshot ? h("figure.shot", {}, h("img", { src: this.board.picture(task.id, snapshot), alt: words.snapshot }), h("figcaption", {}, snapshot.slice(0, 16), "…")) : null;
    this.show(`${item.stage} · ${item.text}`, words.itemFinal, [h("fieldset", {}, h("legend", {}, words.conclusion), results), note, shot], words.noteIt, async (given) => {
      await this.board.post(`/api/witness/tasks/${encodeURIComponent(task.id)}/items`, { item: item.id, result: given.get("result"), note: given.get("note").trim() || null, snapshot });
      after(given.get("result"), given.get("note").trim());
    });
  }

  /** Give a task to somebody, or hand it over. */
  async give(task, act) {
    const { words } = this;
    const { people } = await ask(`/api/witness/people?task=${encodeURIComponent(task.id)}`);
    const choice = h("select", { name: "target", required: true, "aria-label": words.witness }, people.map((one) => h("option", { value: one.name }, `${one.display_name} (${one.name})`)));
    this.show(say(words.actTitle, { act: words.act[act] }), task.title, [h("label.person", {}, words.witness, choice)], words.act[act],
      (given) => this.board.act(task, act, { target: given.get("target") }));
  }

  /** End a task; with items left it has to be said why. */
  end(task) {
    const { words } = this;
    const left = task.of - task.done;
    this.show(words.endTitle, left ? say(words.endLeft, { n: left }) : words.endWhole, left ? [this.note(true)] : [], words.act.end,
      (given) => this.board.act(task, "end", { closing: given.get("note")?.trim() || null }));
  }

  /** Why somebody who is not its witness looks at a non-public picture. */
  look(task, granted) {
    const { words } = this;
    const reason = h("textarea", { name: "reason", rows: 2, required: true, minlength: 4, maxlength: 200, placeholder: words.lookHint, "aria-label": words.lookHint });
    this.show(words.lookTitle, words.lookLogged, [reason], words.look, async (given) => {
      const told = await this.board.post("/api/witness/looks", { task: task.id, reason: given.get("reason").trim() });
      granted({ ...told, reason: given.get("reason").trim() });
    });
  }

  /** A snapshot in full size, with its digest. */
  snapshot(task, one) {
    const { words } = this;
    this.box.replaceChildren(h("form.large", { method: "dialog" }, h("img", { src: this.board.picture(task.id, one.id), alt: one.note || words.snapshot }),
      h("p", {}, date(one.at), " · ", one.by, one.note ? ` · ${one.note}` : ""), h("p.muted.digest", {}, `SHA-256 ${one.id}`),
      h("div.row", {}, h("button.btn.main", { type: "submit" }, words.close))));
    this.box.showModal();
  }

  /** Everything that was done to a task, as the audit chain has it. */
  history(task) {
    const { words } = this;
    const lines = task.acts.map((one) => h("li", {}, h("time", {}, date(one.at)), h("span", {}, `${one.by} · ${words.act[one.act]}${one.target ? ` → ${one.target}` : ""}`), h("code", { title: one.sha256 }, `#${one.seq} ${one.sha256.slice(0, 8)}`)));
    this.box.replaceChildren(h("form", { method: "dialog" }, h("h2", {}, words.history), h("p.muted", {}, words.historyHow), h("ol.acts", {}, lines.length ? lines : h("li.muted", {}, words.historyNone)),
      h("div.row", {}, h("button.btn.main", { type: "submit" }, words.close))));
    this.box.showModal();
  }
}
