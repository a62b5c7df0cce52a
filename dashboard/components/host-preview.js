// What a step of the host's desk will publish, before it does: what the ledger knows of it, and while the host writes, the
// line that the public text log will say.
import { date } from "./clock.js";
import { h, money, say } from "./common.js";
import { term } from "./player.js";
import { sentence } from "./story.js";

const SHOWN = 8;
const AMOUNTS = new Set(["amount", "base_price", "price"]);
/** Steps whose words the host writes; the others say what the ledger knows. */
const WRITTEN = new Set(["sign_in", "bid_corrected", "objection", "objection_answered", "record_confirmed", "paused", "resumed", "ended", "scheduled"]);
/** What stands in a line while it is not written yet. */
const TO_COME = "……";

/** The box of a dialog that says what will be published, or null; `told` gives the payload as the form has it now. */
export function preview(view, kind, given, told) {
  const box = h("div.preview", WRITTEN.has(kind) ? { "aria-live": "polite" } : {});
  const draw = () => {
    const lines = WRITTEN.has(kind) ? written(view, kind, told()) : known(view, given);
    box.hidden = !lines.length;
    box.replaceChildren(h("p.muted.small", {}, view.words.willPublish), ...lines.map((line) => h("p", {}, line)));
  };
  return { box, draw };
}

/** The line of the log, and what is published beside it. */
function written(view, kind, payload) {
  const { words } = view, beside = [];
  if (kind === "bid_corrected" && payload.quality) beside.push(`${words.field.quality}${words.colon}${term(payload.quality, words)}`);
  if (payload.until) beside.push(say(words.resumesAt, { time: date(payload.until).slice(5) }));
  if (payload.signed !== undefined) beside.push(`${words.field.signed}${words.colon}${payload.signed}`);
  for (const { no, reason } of payload.kept_open ?? []) beside.push(`${no}　${say(words.keptOpen, { reason })}`);
  const few = kind === "ended" && payload.result === "failed" && !payload.reason && view.desk.failed_for_few; // the ledger says why
  const whole = { ...(few ? { reason: view.desk.few_reason } : {}), content: TO_COME, answer: TO_COME, ...(kind === "bid_corrected" ? { reason: TO_COME } : {}), ...payload };
  return [sentence({ type: kind, payload: whole }, view.voiceOf), ...beside];
}

/** What the ledger says for a step, as lines a person can check. */
function known(view, given) {
  const { words } = view, lines = [];
  for (const [name, value] of Object.entries(given)) {
    if (name === "bidders") lines.push(value.slice(0, SHOWN).map((b) => `${b.no}. ${b.name}`).join(words.comma) + (value.length > SHOWN ? " …" : ""));
    else if (name === "count") lines.push(say(words.listed, { n: value }));
    else lines.push(`${words.field[name] ?? name}${words.colon}${AMOUNTS.has(name) ? money(value, view.data.money) : value}`);
  }
  return lines;
}
