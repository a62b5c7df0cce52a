// Small dialogs of the switchboard: why a rule is changed, and for how long it keeps quiet about what.
import { date } from "./clock.js";
import { dialog, h, say } from "./common.js";

const DAY = 86_400_000;
const USUAL = 14; // days a silence lasts unless told otherwise
const ALL = "*"; // every centre: no centre is preset, so that nobody silences a whole rule by leaving a field alone

export class RuleDialogs {
  constructor(board) {
    Object.assign(this, { board, words: board.words });
    this.box = dialog("dialog.form");
  }

  reason(rule, draft) {
    const { words, board } = this;
    const what = [draft.mode === rule.mode ? null : `${words.modesLong[rule.mode]} → ${words.modesLong[draft.mode]}`,
      ...rule.parameters.filter((one) => draft.parameters[one.name] !== one.value).map((one) => `${one.label} ${one.value} → ${draft.parameters[one.name]}`),
      draft.second_look === rule.second_look ? null : [rule, draft].map((one) => (one.second_look ? words.second_on : words.second_off)).join(" → "),
      draft.centres.join() === rule.centres.join() ? null : board.scopeText()].filter(Boolean);
    const why = this.why();
    this.open(say(words.changeTitle, { name: rule.name }), [h("ul.what", {}, what.map((one) => h("li", {}, one))), why], board.board.two ? words.submit : words.apply, () => board.change(why.value));
    why.focus();
  }

  silence(rule) {
    const { words, board } = this;
    const centre = h("select", { name: "centre", "aria-label": words.centre }, h("option", { value: "" }, words.choose), board.board.centres.map((one) => h("option", { value: one.id }, one.name)), h("option", { value: ALL }, words.everywhere));
    const lot = h("input", { name: "lot", maxlength: 200, placeholder: words.lotHint, "aria-label": words.lotHint });
    const until = h("input", { type: "date", name: "until", required: true, value: date(Date.now() + USUAL * DAY).slice(0, 10), min: date(Date.now()).slice(0, 10), max: date(Date.now() + (board.data.longest - 1) * DAY).slice(0, 10), "aria-label": words.untilLabel });
    const why = this.why();
    const fields = [[words.centre, centre], [words.lot, lot], [words.untilLabel, until]].map(([name, field]) => h("label.person", {}, name, field));
    const sure = this.everywhere(rule, centre, lot, until);
    this.open(say(words.silenceTitle, { name: rule.name }), [h("p.muted", {}, words.silenceNote), ...fields, sure.line, why], words.silenceBegin, () => {
      const place = lot.value.trim();
      if (!centre.value && !place) return words.silencePlace;
      if (sure.asked() && !sure.box.checked) return words.silenceUnsure;
      return board.silence({ centre: centre.value === ALL ? null : centre.value || null, lot: place || null, everywhere: sure.asked(), until: until.value, reason: why.value });
    });
    centre.focus();
  }

  /** The confirmation that a silence of a whole rule takes; it says what falls silent, where and until when. */
  everywhere(rule, centre, lot, until) {
    const box = h("input", { type: "checkbox", name: "everywhere" }), text = h("span"), line = h("label.sure", { hidden: true }, box, text);
    const asked = () => centre.value === ALL && !lot.value.trim();
    const tell = () => {
      box.checked = false; // what was confirmed is no longer what is asked for
      line.hidden = !asked();
      text.textContent = say(this.words.silenceSure, { name: `${rule.id} ${rule.name}`, day: until.value });
    };
    for (const field of [centre, lot, until]) field.addEventListener("input", tell);
    return { line, box, asked };
  }

  why() {
    return h("textarea", { name: "reason", rows: 2, required: true, minlength: 4, maxlength: 400, placeholder: this.words.reasonHint, "aria-label": this.words.reasonHint });
  }

  open(title, content, name, act) {
    const problem = h("p.problem", { role: "alert", hidden: true });
    const submit = async (event) => {
      event.preventDefault();
      const failed = await act();
      if (!failed) { this.box.close(); return; }
      problem.hidden = false;
      problem.textContent = failed;
    };
    this.box.replaceChildren(h("form", { method: "dialog", onsubmit: submit }, h("h2", {}, title), content, problem,
      h("div.row", {}, h("button.btn", { type: "button", onclick: () => this.box.close() }, this.words.cancel), h("button.btn.main", { type: "submit" }, name))));
    if (!this.box.open) this.box.showModal();
  }
}
