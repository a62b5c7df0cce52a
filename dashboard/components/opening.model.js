// What the events of one opening add up to. The stage table comes from the ledger's own (records.states) as data.

class OpeningModel {
  /** @param steps event type → {to_state, to_stage, advances} @param order stages in order */
  constructor(steps, order) {
    Object.assign(this, { steps, order, stage: "waiting", state: "scheduled", times: {}, bidders: [], byNo: new Map(), read: 0, current: null });
    Object.assign(this, { decrypt: null, price: null, draws: [], objections: new Map(), log: [], pauseReason: "", confirmed: null, result: null });
  }

  /** Take one feed message {seq, ts, type, payload}. */
  apply({ ts, type, payload }) {
    const step = this.steps[type];
    if (!step) return;
    if (step.to_state) this.state = step.to_state;
    if (step.to_stage && (!step.advances || step.advances.includes(this.stage))) {
      if (this.stage !== step.to_stage || !this.times[step.to_stage]) this.times[step.to_stage] ??= ts;
      this.stage = step.to_stage;
    }
    this[`on_${type}`]?.(payload, ts);
    this.log.push({ ts, type, payload });
  }

  line(no, name) {
    let row = this.byNo.get(no);
    if (!row) {
      row = { no, name };
      this.byNo.set(no, row);
      this.bidders.push(row);
      if (this.bidders.length > 1 && this.bidders.at(-2).no > no) this.bidders.sort((a, b) => a.no - b.no);
    }
    return row;
  }

  on_bidders_published({ count, bidders }) {
    this.count = count;
    for (const { no, name } of bidders) this.line(no, name);
  }

  on_decrypt_progress(payload) { this.decrypt = payload; }

  on_control_price(payload) { this.price = payload; }

  on_coefficient_drawn(payload) { this.draws.push(payload); }

  on_bid_read(payload, ts) {
    const row = this.line(payload.no, payload.name);
    if (row.price === undefined) this.read += 1;
    Object.assign(row, payload, { price: payload.price ?? null, readAt: ts });
    this.current = payload.no;
    this.total = payload.total ?? this.count;
  }

  /** The reading before stays, struck through. */
  on_bid_corrected(payload, ts) {
    const row = this.line(payload.no, payload.name);
    const before = [...(row.before ?? []), row.price ?? null];
    for (const key of ["duration_days", "quality", "remark"]) delete row[key];
    Object.assign(row, payload, { price: payload.price ?? null, readAt: ts, before });
  }

  on_objection({ no, content }, ts) { this.objections.set(no, { no, content, askedAt: ts }); }

  on_objection_answered({ no, answer }, ts) {
    this.objections.set(no, { ...(this.objections.get(no) || { no, content: "" }), answer, answeredAt: ts });
  }

  on_record_confirmed(payload) { this.confirmed = payload; }

  on_paused({ reason }) { this.pauseReason = reason; }

  on_resumed() { this.pauseReason = ""; }

  on_ended({ result }) { this.result = result; }

  /** done | now | todo for a stage of the stepper; a stage that was passed over is done without a time. */
  progress(stage) {
    const here = this.order.indexOf(this.stage);
    const there = this.order.indexOf(stage);
    if (this.state === "ended" || this.state === "sealed") return this.times[stage] || stage === "end" ? "done" : "skipped";
    if (there < here) return "done";
    return there === here ? "now" : "todo";
  }

  unanswered() {
    return [...this.objections.values()].filter((o) => !o.answer).length;
  }
}

/** Yuan (decimal string) as 万元, in English as yuan, two decimals; the record and its CSV keep every digit. */
function money(yuan, words) {
  if (yuan === null || yuan === undefined || yuan === "") return "—";
  return `${amount(yuan, words)} ${words.english ? words.yuan : words.tenThousand}`;
}

function amount(yuan, words) {
  const value = words.english ? Number(yuan) : Number(yuan) / 1e4;
  return value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}
