// The dialogs of the host's desk: each step with what only the host knows, and what will be published, before it is.
import { clock } from "./clock.js";
import { dialog, h, say } from "./common.js";
import { HELD, held } from "./host-hold.js";
import { term } from "./player.js";
import { preview } from "./host-preview.js";
import { hex, sha256 } from "./sha256.js";

/** Seeds stay in this browser until they are revealed; only their SHA-256, by which each is found again, leaves it. None is
 * ever written over: whether a commitment was taken is known only once it stands in the chain. */
const keep = {
  name: (opening, commitment) => `sunbid-seed:${opening}:${commitment}`,
  put(opening, commitment, seed) { localStorage.setItem(this.name(opening, commitment), seed); },
  get(opening, commitment) { return localStorage.getItem(this.name(opening, commitment)) ?? ""; },
};

export class HostForms {
  constructor(view) {
    Object.assign(this, { view, words: view.words });
    this.box = dialog("dialog.form");
  }

  /** Open the dialog of a step. */
  ask(kind, about = null) {
    const { words, view } = this, given = view.desk.steps[kind] ?? {};
    const fields = this[kind]?.(given, about) ?? [];
    const problem = h("p.problem", { role: "alert", hidden: true });
    const label = say(HELD.has(kind) ? words.holdStep : words.confirmStep, { step: words.step[kind] });
    const button = h("button.btn.main", { type: "submit" }, label);
    const shown = preview(view, kind, given, () => this.told(kind, given, new FormData(form)));
    const form = h("form", { method: "dialog", oninput: shown.draw, onsubmit: (event) => this.submit(event, kind, given, about, problem, button) },
      h("h2", {}, words.step[kind]), ...fields, shown.box, ...(HELD.has(kind) ? [held(button, words)] : []), problem,
      h("div.row", {}, h("button.btn", { type: "button", onclick: () => this.box.close() }, words.cancel), button));
    shown.draw();
    this.box.replaceChildren(form);
    if (!this.box.open) this.box.showModal();
    (form.querySelector("textarea, select, input") ?? button).focus();
  }

  async submit(event, kind, given, about, problem, button) {
    event.preventDefault();
    const form = new FormData(event.target);
    button.disabled = true;
    try {
      if (kind === "retender") await this.view.send("retender", { deadline: moment(form.get("time")) }).then(({ opening }) => this.view.tell(say(this.words.retendered, { opening }), "done"));
      else await this.view.take(kind, this.payload(kind, given, form, about));
      this.box.close();
      this.view.focus.goOn();
    } catch (error) {
      problem.hidden = false;
      problem.textContent = error.message;
      problem.toggleAttribute("data-away", Boolean(error.away));
    } finally {
      button.disabled = false;
      this.view.look();
    }
  }

  /** The desk answers again: the dialog does not say any more that it does not. */
  reached() {
    for (const problem of this.box.querySelectorAll(".problem[data-away]")) problem.hidden = true;
  }

  /** The payload of a step. */
  payload(kind, given, form, about) {
    const told = this.told(kind, given, form);
    if (kind === "coefficient_committed") return this.commitment(told);
    if (kind === "coefficient_revealed") return { no: about.mine, seed: told.seed, ...(about.kind ? { kind: about.kind } : {}) };
    if (kind === "coefficient_unrevealed") return { no: about.late, ...(about.kind ? { kind: about.kind } : {}), ...(told.reason ? { reason: told.reason } : {}) };
    return told;
  }

  /** What a form adds to what the ledger knows of a step. */
  told(kind, given, form) {
    const told = { ...given };
    for (const name of ["content", "answer", "reason", "value", "price", "quality", "remark", "result", "kind", "seed"]) if (form.get(name)) told[name] = form.get(name).trim();
    for (const name of ["count", "done", "failed", "signed", "duration_days", "no"]) if (form.get(name)) told[name] = Number(form.get(name));
    if (form.get("pool")) told.pool = form.get("pool").split(/[,，、\s]+/).filter(Boolean);
    if (kind === "bid_corrected") this.corrected(told);
    if (kind === "objection") told.no = this.objectionNumber(told);
    if (kind === "paused" && form.get("time")) told.until = moment(form.get("time"));
    if (kind === "scheduled" && form.get("time")) return { scheduled_at: moment(form.get("time")), title: this.view.data.title, ...(this.view.data.player ? { room: this.view.data.player.room } : {}) };
    if (kind === "record_confirmed") this.kept(told, form);
    return told;
  }

  corrected(told) {
    const { story } = this.view, first = [...story.log].reverse().find((e) => (e.type === "bid_read" || e.type === "bid_corrected") && e.payload.no === told.no);
    told.name = story.bidders.get(told.no);
    if (first) told.corrects = first.seq;
  }

  /** The number at which this objection stands or comes to stand: another number where somebody else's took the first. */
  objectionNumber({ no, content }) {
    const standing = this.view.story.objections.get(no);
    return standing && standing.content !== content ? (this.view.desk.steps.objection?.no ?? no) : no;
  }

  kept(told, form) {
    const kept = this.view.desk.open_objections.map(({ no }) => ({ no, reason: (form.get(`kept-${no}`) ?? "").trim() })).filter((one) => one.reason);
    if (kept.length) told.kept_open = kept;
  }

  commitment(told) {
    const { view } = this, held = view.desk.draws.find((draw) => draw.kind === told.kind);
    const taken = (held?.committed ?? []).map(({ no }) => no), seed = crypto.getRandomValues(new Uint8Array(32)), commitment = hex(sha256(seed));
    keep.put(view.data.opening, commitment, hex(seed));
    return { no: taken.includes(1) ? 2 : 1, seed_sha256: commitment, kind: told.kind, pool: told.pool };
  }

  // ── fields ────────────────────────────────────────────────────────────────

  sign_in() { return [number("count", this.words.count)]; }

  decrypt_progress(given) {
    if (given.done !== undefined) return [];
    return [h("p.muted", {}, this.words.decryptUnknown), number("done", this.words.field.done, given.total), number("failed", this.words.field.failed, given.total)];
  }

  coefficient_drawn() {
    const { words } = this;
    return [text("kind", words.drawKind, { value: this.view.data.coefficient, required: true }), text("value", words.drawValue, { required: true }), text("pool", words.drawPool)];
  }

  coefficient_committed() {
    const { words, view } = this, held = view.desk.draws.find((draw) => !draw.value && draw.committed.length < 2);
    return [h("p.muted", {}, words.commitHint), text("kind", words.drawKind, { value: held?.kind ?? this.view.data.coefficient, required: true }), text("pool", words.drawPool, { value: (held?.pool ?? []).join(words.comma), required: true })];
  }

  coefficient_revealed(_given, draw) { return [h("p.muted", {}, this.words.revealHint), text("seed", this.words.seed, { value: keep.get(this.view.data.opening, draw.committed.find(({ no }) => no === draw.mine).sha256), required: true, pattern: "[0-9a-f]{64}" })]; }

  coefficient_unrevealed() { return [h("p.muted", {}, this.words.unrevealHint), area("reason", this.words.why, 300)]; }

  bid_corrected() {
    const { words, view } = this, { story } = view, current = story.current ?? [...story.readings.keys()].at(-1);
    const choice = h("select", { name: "no", "aria-label": words.bidder }, [...story.readings.keys()].sort((a, b) => a - b).map((no) => h("option", { value: no, selected: no === current }, `${no}　${story.bidders.get(no)}`)));
    const price = text("price", view.data.money.whole, { inputmode: "decimal", pattern: "[0-9]+(\\.[0-9]{1,2}0*)?" }), days = number("duration_days", words.days), rest = [text("quality", words.quality), text("remark", words.remark)];
    const fill = () => {
      const read = story.readings.get(Number(choice.value)) ?? {};
      for (const label of [price, days, ...rest]) { const field = label.querySelector("input"); field.value = read[field.name] ?? ""; }
    };
    choice.addEventListener("change", fill);
    fill();
    return [h("p.muted", {}, words.correctHint), h("label", {}, words.bidder, choice), price, days, ...rest, area("reason", words.why, 300, true)];
  }

  objection() { return [area("content", this.words.content, 2000, true)]; }

  objection_answered(given) {
    const { words, view } = this;
    const options = view.desk.open_objections.map(({ no, content }) => h("option", { value: no, selected: no === given.no }, `${no}　${content.slice(0, 40)}`));
    return [h("label", {}, words.objections, h("select", { name: "no" }, options)), area("answer", words.reply, 2000, true)];
  }

  record_confirmed() {
    const { words, view } = this;
    return [number("signed", words.signed), ...view.desk.open_objections.map(({ no, content }) => area(`kept-${no}`, say(words.keepOpen, { no, content }), 500))];
  }

  paused() { return [area("reason", this.words.why, 200), time("time", this.words.until)]; }

  ended(given) {
    const { words, view } = this, results = [...(given.result ? [given.result] : []), ...(view.desk.may_fail || view.desk.few ? ["failed"] : []), "terminated"];
    const why = area("reason", words.endWhy, 300), field = why.querySelector("textarea");
    const choose = (code) => { why.hidden = field.disabled = code === "opened"; field.required = code === "terminated" || (code === "failed" && !view.desk.failed_for_few); };
    const choice = (code, i) => h("label.reason", {}, h("input", { type: "radio", name: "result", value: code, checked: i === 0, required: true, onchange: () => choose(code) }), words[`result_${code}`]);
    choose(results[0]);
    const lapses = view.desk.undrawn.length ? [h("p.muted.small", {}, say(words.endUndrawn, { kinds: view.desk.undrawn.map((kind) => term(kind, words)).join(words.comma) }))] : [];
    return [h("fieldset", {}, h("legend", {}, words.result), results.map(choice)), ...lapses, why, ...(view.story.bidders.size ? [] : [h("p.muted.small", {}, words.endWhyHint)])];
  }

  scheduled() { return [h("p.muted", {}, this.words.moveHint), time("time", this.words.newTime, this.view.desk.scheduled_at, true)]; }

  retender() {
    const { words, view } = this, { earliest_deadline: day, deadline } = view.desk, hour = clock(deadline).slice(0, 5);
    const value = day ? `${day}T${hour}:00+08:00` : null;
    return [h("p.muted", {}, day ? say(words.retenderHint, { day }) : words.retenderFree), time("time", words.newDeadline, value, true)];
  }
}

const text = (name, label, more = {}) => h("label", {}, label, h("input", { name, type: "text", maxlength: 1000, ...more }));
const number = (name, label, most = 1_000_000) => h("label", {}, label, h("input", { name, type: "number", min: 0, max: most, step: 1 }));
const area = (name, label, most, required = false) => h("label", {}, label, h("textarea", { name, rows: 3, maxlength: most, required }));

/** A Beijing time as <input type=datetime-local> wants it, and back. */
function time(name, label, value = null, required = false) {
  const shown = value ? new Date(new Date(value).getTime() + 8 * 36e5).toISOString().slice(0, 16) : "";
  return h("label", {}, label, h("input", { name, type: "datetime-local", value: shown, required }));
}
const moment = (local) => `${local}${local.length === 16 ? ":00" : ""}+08:00`;
