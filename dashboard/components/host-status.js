// The foot of the host's desk: whether what is said reaches the ledger, the public and the recording, and by which clock.
import { clock } from "./clock.js";
import { h, icon, say } from "./common.js";

/** Above these the line is slow, or the computer's clock is off, in ms. */
const SLOW = 1500, OFF = 2000;
/** Measurements of the way to the desk that are kept; the quickest tells the clocks best. */
const KEPT = 8;

export class HostStatus {
  constructor(view) {
    Object.assign(this, { view, words: view.words, trips: [] });
    this.box = h("section.stat", { "aria-label": this.words.statusLabel });
  }

  /** One question and its answer: how long it took, and what the standard clock said half way. */
  measure(trip, told) {
    this.trips = [...this.trips, { trip, skew: new Date(told).getTime() - (Date.now() - trip / 2) }].slice(-KEPT);
    const best = this.trips.reduce((one, other) => (other.trip < one.trip ? other : one));
    this.delay = trip;
    this.view.skew = best.skew;
    this.error = best.trip / 2;
  }

  draw() {
    const { view } = this, { desk } = view;
    if (!desk) return;
    this.box.replaceChildren(...[this.line(), this.recording(), this.log(), this.clock(), this.second(), this.public()]);
  }

  line() {
    const { words, view } = this, slow = this.delay > SLOW;
    if (view.lost) return item("bad", words.lineLost, words.lineLostHint);
    return item(slow ? "fair" : "good", slow ? words.lineSlow : words.lineGood, say(words.delay, { n: Math.round(this.delay) }));
  }

  recording() {
    const { words, view } = this, state = view.desk.recorder;
    if (state === "recording") return item("good", words.recording, words.recordingHint);
    const over = ["scheduled", "ended", "sealed", "cancelled"].includes(view.story.state);
    return item(over ? "off" : "bad", words.recorder[state] ?? words.recorder.unknown, over ? "" : words.notRecording);
  }

  /** The newest signed head of the public log, and how many of its witnesses vouch for it. */
  log() {
    const { words, view } = this, { size, at, cosigned, witnesses } = view.desk.log;
    if (!at) return item("off", words.logNone, "");
    const vouched = witnesses ? say(words.logVouched, { n: cosigned, of: witnesses }) : words.logAlone;
    return item(cosigned < witnesses ? "fair" : "good", say(words.logSize, { n: size.toLocaleString() }), `${say(words.logAt, { time: clock(at) })} · ${vouched}`);
  }

  /** Who else is at this desk: what takes two waits for them. */
  second() {
    const { words, view } = this, { people } = view.desk;
    return item(people.length ? "good" : "off", people.length ? words.secondHere : words.secondAway, people.join(words.comma));
  }

  /** How far this computer's clock is from the standard time that events bear, and how well that is known. */
  clock() {
    const { words, view } = this, off = Math.round(-view.skew), known = Math.max(1, Math.round(this.error));
    const key = Math.abs(off) <= known ? "clockRight" : off > 0 ? "clockFast" : "clockSlow";
    return item(Math.abs(off) > OFF ? "fair" : "good", words.clock, say(words[key], { n: Math.abs(off), error: known }));
  }

  public() {
    const { words, view } = this, { log, bidders, result } = view.story, told = bidders.size > 0 || result;
    const behind = told ? log.filter((event) => view.publicHas(event) === null).length : 0; // before the list sign-ins wait by law
    if (view.hub !== "open") return item("bad", words.hubAway, words.hubAwayHint);
    return item(behind ? "fair" : "good", behind ? say(words.publicBehind, { n: behind }) : words.publicGood, view.room?.state === "paused" ? words.covered : "");
  }
}

/** One line of the foot; its state is a shape and words, never a colour alone. */
function item(state, what, detail) {
  return h(`p.${state}`, {}, icon({ good: "check", fair: "clock", bad: "warn", off: "pause" }[state]), h("b", {}, what), h("span", {}, detail));
}
