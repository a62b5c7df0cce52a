// The draws of a coefficient on the host's desk: two people commit to seeds, reveal them, and a value follows.
import { h, say } from "./common.js";

/** Each draw with its commitments, its value and what may be done now. */
export function drawDraws(host) {
  const { words, desk } = host;
  const cards = desk.draws.map((draw) => h("div.draw", { "data-draw": draw.kind }, h("b", {}, draw.kind || words.coefficient), h("span.muted", {}, draw.pool.join(words.comma)),
    ...draw.committed.map(({ no, who, sha256 }) => h("p.small", {}, say(draw.revealed.includes(no) ? words.revealedBy : words.committedBy, { no, who, hash: sha256.slice(0, 12) }))),
    draw.failed ? h("p.w", {}, say(words.failedDraws, { n: draw.failed })) : null, draw.value ? h("strong", {}, say(words.drawn, { value: draw.value })) : null, h("div.row", {}, acts(host, draw))));
  const commit = desk.may_commit ? h("button.btn", { type: "button", "data-step": "coefficient_committed", onclick: () => host.forms.ask("coefficient_committed") }, words.step.coefficient_committed) : h("p.muted.small", {}, words.commitClosed);
  host.draws.replaceChildren(h("h2", {}, words.draws), h("p.muted.small", {}, words.drawHint), ...cards, h("div.row", {}, commit));
}

function acts(host, draw) {
  const { words } = host, found = [];
  if (!draw.open || draw.value) return found;
  if (draw.mine && !draw.revealed.includes(draw.mine)) found.push(h("button.btn.main", { type: "button", "data-step": "coefficient_revealed", onclick: () => host.forms.ask("coefficient_revealed", draw) }, words.step.coefficient_revealed));
  const silent = draw.committed.map(({ no }) => no).filter((no) => !draw.revealed.includes(no));
  const late = silent.find((no) => no !== draw.mine) ?? silent[0]; // one's own too: a seed may be lost
  if (late) found.push(h("button.btn", { type: "button", "data-step": "coefficient_unrevealed", onclick: () => host.forms.ask("coefficient_unrevealed", { ...draw, late }) }, words.step.coefficient_unrevealed));
  return found;
}
