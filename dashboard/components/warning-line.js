// One warning as the stream lists it.
import { h, mark, shortTime } from "./common.js";

export function line(row, words, chosen, select) {
  const place = [row.lot_name ?? row.lot, row.centre_short, row.family_name].filter(Boolean).join(" · ");
  const fresh = row.state === "new";
  const classes = [".w", row.level, fresh ? "" : "read", row.arrived ? "arrived" : ""].filter(Boolean).join(".");
  return h(`li${classes}`, { role: "option", id: `w-${row.id}`, "data-id": row.id, "aria-selected": String(chosen), "aria-current": chosen ? "true" : null, onclick: select },
    h("span.lv", {}, mark(row.level), words.levelsTight[row.level]),
    h("div.about", {}, h("h3", { title: row.title }, row.title), h("p.cut", { title: place }, place), row.before ? h("p.before", {}, row.before) : null),
    h("span.v", {}, h("b", {}, row.value_text), h("small", {}, row.baseline_text)),
    h("span.s", {}, h("b" + (fresh ? ".new" : ""), {}, words.states[row.state] ?? row.state), row.assignee ? h("span.cut", { title: row.assignee }, row.assignee, h("br")) : null, shortTime(row.raised_at)));
}
