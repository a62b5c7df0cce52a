// The draw of witnesses: made with a seed of this browser, computed again from what the desk told. records/witnessing/draws.py
// has the rule: SHA-256(desk's seed ‖ the other's ‖ SHA-256(statement ‖ newline ‖ task)) mod the number of candidates.
import { clock } from "./clock.js";
import { ask, dialog, h, icon, say } from "./common.js";
import { hex, sha256, unhex } from "./sha256.js";

const digest = (bytes) => hex(sha256(bytes));
/** Roles that may be drawn for a step. */
const ABLE = { opening: ["supervisor", "admin", "group-member"], evaluation: ["supervisor", "admin"] };

/** Whom a draw's seeds draw for each task, and whether the desk kept to its commitment and told the same. */
export function recomputed({ statement, commitment, seed, given, result }) {
  const fixed = JSON.parse(statement), found = [];
  const kept = digest(unhex(seed)) === commitment && fixed.commitment === commitment;
  for (const task of fixed.tasks) {
    const able = fixed.roster.filter((one) => ABLE[task.split("-")[0]].includes(one.role)).map((one) => one.name);
    const left = able.filter((name) => !found.some((one) => one.name === name));
    const candidates = left.length ? left : able;
    const place = digest(new TextEncoder().encode(`${statement}\n${task}`));
    const index = Number(BigInt(`0x${digest(unhex(seed + given + place))}`) % BigInt(candidates.length));
    found.push({ task, index, of: candidates.length, name: candidates[index] });
  }
  const agrees = kept && found.every((one, i) => result[i]?.task === one.task && result[i]?.name === one.name);
  return { found, agrees };
}

/** Draw witnesses for tasks: the desk commits, this browser gives its seed, the desk reveals. */
export async function drawn(post, tasks, leftOut) {
  const prepared = await post("/api/witness/draws", { tasks, left_out: leftOut });
  const seed = hex(crypto.getRandomValues(new Uint8Array(32)));
  const told = await post(`/api/witness/draws/${encodeURIComponent(prepared.id)}`, { seed });
  const honest = told.statement === prepared.statement && told.commitment === prepared.commitment && told.given === seed;
  return { told, honest };
}

/** The card that shows a draw and computes it again. */
export class DrawCard {
  constructor(words) {
    this.words = words;
    this.number = h("small", {}, "");
    this.body = h("div");
    this.box = h("section.card.draw", { "aria-label": words.drawTitle }, h("div.hd", {}, h("h2", {}, words.drawTitle), this.number), this.body);
  }

  /** @param draw as the desk tells it, null for none; `task`: the one whose result is named first; `manages`: whether
   * this person sees every draw, so that none means that nobody has drawn */
  show(draw, task, manages = true) {
    const key = JSON.stringify([draw?.id, draw?.result, task]);
    if (key === this.key) return;
    this.key = key;
    const { words } = this;
    this.number.textContent = draw ? say(words.drawNumber, { n: draw.id }) : "";
    if (!draw) { this.body.replaceChildren(h("p.muted.none", {}, manages ? words.drawNone : words.drawNoneMine)); return; }
    const fixed = JSON.parse(draw.statement);
    const mine = draw.result.find((one) => one.task === task) ?? draw.result[0];
    const short = (digest) => h("code", { title: digest }, `${digest.slice(0, 4)}…${digest.slice(-4)}`);
    const line = (name, ...what) => [h("dt", {}, name), h("dd", {}, ...what)];
    this.said = h("b", { role: "status" }, words.drawComputing);
    this.sign = h("span.sign", {}, icon("check"));
    this.body.replaceChildren(
      h("dl", {},
        line(words.drawCommitment, short(draw.commitment), ` ${say(words.drawPublished, { time: clock(draw.committed_at) })}`),
        line(words.drawSeeds, short(draw.seed), " ", short(draw.given), ` ${say(words.drawRevealed, { time: clock(draw.drawn_at) })}`),
        line(words.drawRoster, h("span", { title: fixed.left_out.map((one) => `${draw.names[one.name] ?? one.name}: ${one.reason}`).join("\n") },
          say(words.drawPeople, { all: fixed.roster.length + fixed.left_out.length, away: fixed.left_out.length, left: fixed.roster.length }))),
        line(words.drawRule, h("span.cut", { title: words.drawRuleWhole }, say(words.drawRuleShort, { n: mine.of }))),
        line(words.drawResult, h("span.cut", {}, say(words.drawOutcome, { index: mine.index, place: mine.index + 1, who: draw.names[mine.name] ?? mine.name })), mine.kept ? h("small.muted", {}, ` ${say(words.drawKept, { who: mine.kept })}`) : null)),
      h("div.res", {}, this.sign, this.said, h("button.btn", { type: "button", onclick: () => this.compute(draw) }, words.drawAgain)));
    this.compute(draw);
  }

  compute(draw) {
    const { words } = this, { agrees } = recomputed(draw);
    this.said.textContent = agrees ? words.drawAgrees : words.drawDiffers;
    this.box.dataset.agrees = String(agrees);
  }
}

/** The dialog of a draw: which tasks, who stays away and why. */
export class DrawForm {
  constructor(board) {
    Object.assign(this, { board, words: board.words });
    this.box = dialog("dialog.form.wide");
  }

  async open(tasks) {
    const { words } = this;
    const { people } = await ask("/api/witness/people");
    const problem = h("p.problem", { role: "alert", hidden: true });
    const boxes = tasks.map((task) => h("label.pick", {}, h("input", { type: "checkbox", name: "task", value: task.id, checked: true }), h("span.cut", { title: task.title }, task.title), h("small.muted", {}, words.step[task.step])));
    const able = people.map((one) => {
      const reason = h("input", { type: "text", hidden: true, maxlength: 200, placeholder: words.drawReason, "aria-label": say(words.drawReasonOf, { who: one.display_name }) });
      const away = h("input", { type: "checkbox", value: one.name, onchange: () => { reason.hidden = !away.checked; reason.required = away.checked; if (away.checked) reason.focus(); } });
      return { away, reason, line: h("label.pick", {}, away, h("span", {}, say(words.drawAway, { who: one.display_name })), reason) };
    });
    const button = h("button.btn.main", { type: "submit", disabled: !tasks.length }, words.drawNow);
    const submit = async (event) => {
      event.preventDefault();
      button.disabled = true;
      try {
        const wanted = boxes.map((box) => box.querySelector("input")).filter((box) => box.checked).map((box) => box.value);
        const leftOut = able.filter((one) => one.away.checked).map((one) => ({ name: one.away.value, reason: one.reason.value.trim() }));
        const { told, honest } = await drawn(this.board.post, wanted, leftOut);
        this.box.close();
        this.board.tell(honest ? say(words.drawDone, { n: told.result.length }) : words.drawDiffers, honest ? "done" : "refused");
        this.board.load();
      } catch (error) {
        problem.hidden = false;
        problem.textContent = error.message;
      } finally {
        button.disabled = false;
      }
    };
    this.box.replaceChildren(h("form", { method: "dialog", onsubmit: submit }, h("h2", {}, words.drawHeading), h("p.muted", {}, words.drawHow),
      h("fieldset", {}, h("legend", {}, words.tasks), boxes.length ? boxes : h("p.muted", {}, words.noneOpen)),
      h("fieldset", {}, h("legend", {}, words.drawAwayLegend), able.map((one) => one.line)), problem,
      h("div.row", {}, h("button.btn", { type: "button", onclick: () => this.box.close() }, words.cancel), button)));
    this.box.showModal();
  }
}
