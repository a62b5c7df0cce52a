// The story of one opening, told from its feed: what its events add up to, and each of them as a sentence. The hub tells
// the same in streaming/live/story.py to pages without scripts; a test tells both the same feeds.
import { isComparable, vatTold } from "./amounts.js";
import { clock, date } from "./clock.js";

export const STEPS = ["sign_in", "bidders", "decryption", "price", "reading", "objection", "confirmation", "end"];
export const READ_OUT = new Set(["objection", "confirmation", "end"]);
const STEP_OF = {
  sign_in: "sign_in", bidders_published: "bidders", decrypt_progress: "decryption", control_price: "price",
  coefficient_drawn: "price", bid_read: "reading", objection: "objection", objection_answered: "objection",
  record_confirmed: "confirmation", ended: "end",
};
/** These move the stage only from the stages named, an objection only once every bid is read that could be decrypted. */
const ONLY_FROM = {
  decryption: ["bidders", "decryption"], price: ["decryption", "price"], reading: ["decryption", "price", "reading"],
  objection: ["reading", "objection"],
};

export class Story {
  stage = "waiting"; state = "scheduled"; steps = {}; bidders = new Map(); readings = new Map(); current = null;
  decryption = null; control = null; coefficients = []; objections = new Map(); pauseReason = ""; result = null; resultReason = null;
  seeds = []; decryptedHead = null; pausedUntil = null;
  scheduledAt = null; count = null; confirmed = null; head = null; seq = 0; log = [];

  /** `vat`: whether the lot's amounts are "included" or "excluded", where that is known; the feed does not say it. */
  constructor(vat = null) { this.vat = vat; }

  add(message) {
    const { seq, ts, type, payload, hash } = message;
    if (seq !== this.seq + 1) return false;
    this.seq = seq;
    this.head = hash;
    this.log.push(message);
    if (type in STEP_OF) this.#advance(STEP_OF[type], ts);
    this[type]?.(payload, ts);
    return true;
  }

  #advance(step, ts) {
    const moves = !(step in ONLY_FROM) || ONLY_FROM[step].includes(this.stage);
    if (moves && (step !== "objection" || this.allRead)) this.stage = step;
    if (step !== "objection" || this.stage === "reading" || this.stage === "objection") this.steps[step] ??= ts;
    if (this.stage !== "reading") this.current = null;
  }

  /** Whether all but those that could not be decrypted are read. records/opening_record.py says the same. */
  get allRead() {
    const listed = this.bidders.size;
    return listed > 0 && listed <= this.readings.size + (this.decryption?.failed ?? 0);
  }

  /** How a price read counts, "included" or "excluded", where that is otherwise than the lot's amounts: it is compared with none. */
  otherVat(read) {
    const told = (read?.price ?? null) === null ? null : vatTold(read.remark);
    return isComparable(told, this.vat) ? null : told;
  }

  /** Whether a price read is above the ceiling: the published one, else as it was told at the opening. */
  isOver(read, limit) {
    const price = read?.price ?? null, ceiling = limit || this.control?.amount;
    return price !== null && ceiling !== undefined && !this.otherVat(read) && Number(price) > Number(ceiling);
  }

  scheduled(p) { this.scheduledAt = p.scheduled_at; }
  bidders_published(p) { this.state = "in_progress"; this.count = p.count; this.bidders = new Map(p.bidders.map((b) => [b.no, b.name])); }
  decrypt_progress(p) {
    this.decryption = { done: p.done ?? null, failed: p.failed ?? (p.done === undefined ? null : 0), total: p.total };
    if (p.done !== undefined && p.done + this.decryption.failed === p.total) this.decryptedHead ??= this.head;
  }
  coefficient_committed(p, ts) { this.seeds.push({ type: "committed", ...p, ts }); }
  coefficient_revealed(p, ts) { this.seeds.push({ type: "revealed", ...p, ts }); }
  coefficient_unrevealed(p, ts) { this.seeds.push({ type: "unrevealed", ...p, ts }); }
  control_price(p) { this.control = p; }
  coefficient_drawn(p, ts) { this.coefficients.push({ ...p, ts }); }
  bid_read(p, ts) {
    this.readings.set(p.no, { ...p, ts });
    if (!this.bidders.has(p.no)) this.bidders.set(p.no, p.name);
    this.current = p.no;
  }
  /** The reading before stays, struck through. */
  bid_corrected(p, ts) {
    const { before = [], ...first } = this.readings.get(p.no) ?? {}, read = asCorrected(first, p);
    this.readings.set(p.no, { ...read, ts, before: first.ts ? [...before, first] : before });
    this.countAnew(first, read);
  }
  /** A corrected price is counted above or below the ceiling in place of the one that was checked; one that counts otherwise
   *  than the ceiling is neither. */
  countAnew(before, after) {
    const { control } = this, told = ({ price }) => (price ?? null) !== null;
    if ((control?.over ?? null) === null || !told(before) || !told(after)) return;
    const over = this.isOver(after) - this.isOver(before), checked = !this.otherVat(after) - !this.otherVat(before);
    this.control = { ...control, over: Math.max(0, control.over + over) };
    if ((control.normal ?? null) !== null) this.control.normal = Math.max(0, control.normal + checked - over);
  }
  objection(p, ts) { this.objections.set(p.no, { content: p.content, ts }); }
  objection_answered(p, ts) {
    const { answer, answeredAt, before = [], ...said } = this.objections.get(p.no) ?? { ts };
    this.objections.set(p.no, { ...said, answer: p.answer, answeredAt: ts, before: answer === undefined ? before : [...before, { answer, answeredAt }] });
  }
  paused(p) { this.state = "paused"; this.pauseReason = p.reason ?? ""; this.pausedUntil = p.until ?? null; }
  resumed() { this.state = "in_progress"; this.pauseReason = ""; this.pausedUntil = null; }
  record_confirmed(p) {
    this.confirmed = p;
    for (const { no, reason } of p.kept_open ?? []) if (this.objections.has(no)) this.objections.get(no).keptOpen = reason;
  }
  ended(p) { this.state = "ended"; this.result = p.result; this.resultReason = p.reason || null; this.pauseReason = ""; this.pausedUntil = null; }
  sealed() { this.state = "sealed"; }
}

const OF_A_BID = ["price", "duration_days", "quality", "remark"];

/** A reading after a correction: what that does not name stays as it was read (`as_corrected` of records/opening_record.py). */
function asCorrected(read, correction) {
  const stays = OF_A_BID.filter((name) => (correction[name] ?? null) === null && (read[name] ?? null) !== null);
  return { ...correction, ...Object.fromEntries(stays.map((name) => [name, read[name]])) };
}

const READING = { bid_read: true, bid_corrected: true };
const VARIANT = {
  sign_in: (p) => (p.count === undefined ? "" : "count"),
  decrypt_progress: (p) => (p.done === undefined ? "untold" : p.failed ? "failed" : ""),
  control_price: (p) => (p.over ? "over" : ""),
  bid_read: (p) => (p.price === undefined ? "bare" : ""),
  bid_corrected: (p) => [p.price === undefined ? "bare" : "", p.reason ? "reason" : ""].filter(Boolean).join("."),
  paused: (p) => ["reason", "until"].filter((name) => p[name]).join("."),
  ended: (p) => (p.reason && p.result !== "opened" ? `${p.result}.reason` : p.result),
};

/** When a line was said: the time, for the announcement of days before the date. */
export const saidAt = ({ ts, type }) => (type === "scheduled" ? date(ts).slice(5, 10) : clock(ts));

/**
 * One event as the text log says it. `voice` speaks for the site: `say(key, values)` gives the words of "paused.reason"
 * and the like, `term(text)` a usual value of a free field, `money(amount, told)` an amount with its unit, of whose VAT is `told`.
 */
export function sentence({ type, payload }, voice) {
  const values = { ...payload }, told = type in READING ? vatTold(payload.remark) : null;
  for (const key of ["amount", "price"]) if (values[key] !== undefined) values[key] = voice.money(values[key], told);
  if (type === "scheduled") values.time = date(payload.scheduled_at);
  for (const key of ["kind", "reason", "remark"]) if (values[key]) values[key] = voice.term(values[key]);
  if (values.until) values.until = date(payload.until).slice(5);
  if (type === "sealed") values.head = payload.head.slice(0, 16);
  if (type in READING) values.remark ??= "—";
  const variant = VARIANT[type]?.(payload) ?? "";
  return voice.say(variant ? `${type}.${variant}` : type, values);
}
