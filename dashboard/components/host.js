// The host's desk: the bid being read, the steps of the law with what may be done now, the list, objections. It reads the
// desk itself (/api/openings/{id}/desk); the hub's feed only rings when there is something new.
import { clock, date } from "./clock.js";
import { ask, h, icon, money, mount, say } from "./common.js";
import { follow } from "./feed.js";
import { drawDraws } from "./host-draws.js";
import { Focus } from "./focus.js";
import { HostForms } from "./host-forms.js";
import { drawList } from "./host-list.js";
import { rail } from "./host-rail.js";
import { Said } from "./host-said.js";
import { HostStatus } from "./host-status.js";
import { readingCard } from "./host-reading.js";
import { Player, Rooms, roomOf, term } from "./player.js";
import { STEPS, Story, sentence } from "./story.js";

const STEP_ICONS = { ok: "check", no: "lock", due: "warn" };
/** How often the desk is asked when the hub does not ring, in ms. */
const LOOK = 3000;
/** How long an answer is waited for, in ms: a line that has died says nothing by itself. A step is then sent again. */
const PATIENCE = 15_000;
const STAGE_OF = {
  sign_in: "sign_in", bidders_published: "bidders", decrypt_progress: "decryption", control_price: "price", coefficient_drawn: "price",
  bid_read: "reading", bid_corrected: "reading", objection: "objection", objection_answered: "objection", record_confirmed: "confirmation",
  ended: "end",
};
/** Steps that are taken from the reading card and the bar, not from the table of steps. */
const ELSEWHERE = new Set(["bid_read", "bid_corrected", "paused", "resumed", "ended"]);
const KEYS = { Enter: "next", r: "again", c: "correct", a: "answer", o: "object" };

class HostDesk {
  constructor(root, data) {
    Object.assign(this, { root, data, words: data.words, page: 0, query: "", only: "all", desk: null, busy: false, voice: false, focus: new Focus(root) });
    this.story = new Story(data.money.vat);
    this.actors = new Map();
    this.heard = new Map();
    this.voiceOf = { say: (key, values) => say(data.said[key] ?? key, values), term: (text) => term(text, this.words), money: (price, told) => money(price, data.money, told) };
    this.forms = new HostForms(this);
    this.build();
    this.feed = follow((after) => new URL(`/feeds/openings/${encodeURIComponent(data.opening)}?after=${after}`, data.hub).href, {
      message: (told) => this.hear(told), state: (state) => this.tellHub(state),
    });
    if (data.player) this.rooms = new Rooms(data.hub, (rooms) => { this.room = rooms?.find((room) => room.id === data.player.room); this.tellCameras(); this.tellPlayer(); });
    this.looking = setInterval(() => this.look(), LOOK);
    this.ticking = setInterval(() => this.tick(), 1000);
    this.keys = (event) => this.key(event);
    document.addEventListener("keydown", this.keys);
    this.look();
  }

  /** The picture follows the opening's own state and the room's: either may change first. */
  tellPlayer() { for (const player of [this.player, this.far]) player?.tellRoom(roomOf(this.story, this.room)); }

  /** The overview camera has a picture of its own while it is on air. */
  tellCameras() {
    const name = this.room?.cameras?.[1], { words, data } = this;
    if (name === this.far?.options.room) return;
    this.far?.close();
    this.far = name ? new Player(this.overview, { ...data.player, inside: true, home: data.player.room, room: name, name: words.farCamera, hub: data.hub, words, quiet: true }) : null;
    this.overview.hidden = !name;
  }

  /** What the public hears: it rings, and shows what the public sees of a reading. */
  hear({ seq, hash }) {
    this.heard.set(seq, hash);
    if (seq > this.story.seq) this.look(); else if (this.desk) this.drawReading();
  }

  build() {
    const { words } = this;
    this.head = h("div.top");
    this.said = new Said();
    this.reading = h("section.card.bidnow", { "aria-label": words.reading });
    this.steps = h("section.card.law", { "aria-label": words.process });
    this.picture = h("section.card.player", { "aria-label": words.picture });
    if (this.data.player) this.player = new Player(this.picture, { ...this.data.player, inside: true, hub: this.data.hub, words, quiet: true });
    this.overview = h("section.card.player", { "aria-label": words.farCamera, hidden: true });
    this.status = new HostStatus(this);
    this.bar = h("section.card.box");
    this.draws = h("section.card.box");
    this.objections = h("section.card.box.ask");
    this.log = h("ol.log", { "aria-label": words.textLog, tabindex: 0 });
    this.list = this.buildList();
    this.grid = h("div.desk", {},
      h("div.side", {}, this.picture, this.overview, this.bar, h("section.card.box", {}, h("h2", {}, words.textLog), this.log)),
      h("div", {}, this.reading, this.steps), h("div", {}, this.list, this.objections, this.draws));
    this.root.append(this.head, this.said.box, this.grid, this.status.box, this.forms.box);
  }

  buildList() {
    const { words } = this;
    this.count = h("strong");
    this.ready = h("small.muted");
    this.progress = h("i");
    this.filters = h("div.seg", { role: "group", "aria-label": words.filter });
    this.search = h("input", { type: "search", placeholder: words.search, "aria-label": words.search, oninput: (e) => { this.query = e.target.value.trim(); this.page = 0; drawList(this); } });
    this.body = h("tbody");
    this.pages = h("nav.pg", { "aria-label": words.pages });
    this.empty = h("p.muted.empty");
    const head = [words.no, words.bidder, this.data.money.price, words.readAt].map((w, i) => h("th" + (i > 1 ? ".num" : ""), { scope: "col" }, w));
    return h("section.card.list", {},
      h("div.hd", {}, h("h2", {}, words.reading, this.ready, this.count), h("div.prog", {}, this.progress)),
      h("div.bar", {}, this.filters, this.search), this.empty,
      h("table.tb", { tabindex: 0, "aria-label": words.reading }, h("thead", {}, h("tr", {}, head)), this.body), this.pages);
  }

  // ── the ledger ────────────────────────────────────────────────────────────

  /** Ask the desk how things stand; one question at a time. Whoever asks meanwhile gets the answer to one that is put later:
   *  what is on its way may be older than what has just been done. */
  look() {
    if (this.asking) return (this.later ??= this.asking.then(() => { this.later = null; return this.look(); }));
    this.asking = this.ask().finally(() => { this.asking = null; });
    return this.asking;
  }

  async ask() {
    const asked = performance.now();
    try {
      const desk = await ask(`/api/openings/${encodeURIComponent(this.data.opening)}/desk?after=${this.story.seq}`, { signal: AbortSignal.timeout(PATIENCE) });
      for (const event of desk.events) {
        this.actors.set(event.seq, event.actor);
        this.story.add(event);
      }
      this.status.measure(performance.now() - asked, desk.now);
      const changed = desk.events.length || JSON.stringify({ ...desk, now: 0, events: 0 }) !== this.seen || this.lost;
      this.desk = desk;
      this.seen = JSON.stringify({ ...desk, now: 0, events: 0 });
      this.lost = false;
      this.said.reached();
      this.forms.reached();
      if (changed) this.draw();
    } catch (error) {
      this.lost = true;
      this.tell(say(this.words.lost, { why: error.message }), "refused", true);
    } finally {
      this.status.draw();
    }
  }

  /** Take a step. It names the event last seen, so that it is taken once however often it is sent. */
  async take(kind, payload) {
    if (this.busy) throw new Error(this.words.sending); // a dialog stays open and says so
    this.busy = true;
    const seen = this.story.seq;
    this.drawReading();
    try {
      const answer = await this.send("steps", { kind, payload, seen });
      const name = this.words.step[kind];
      this.tell(say(answer.already ? this.words.already : this.words.done, { step: name, seq: answer.seq, who: answer.who }), "done");
      if (kind === "bid_read") this.speak(payload.no);
      return true;
    } catch (error) {
      this.tell(error.message, "refused", error.away);
      throw error;
    } finally {
      await this.look(); // before the next press: it is to name the next bidder
      this.busy = false;
      this.drawReading();
    }
  }

  /** A request that was lost on the way is sent again, with the same content. */
  async send(what, body) {
    const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    for (let attempt = 1; ; attempt++) {
      try {
        return await ask(`/api/openings/${encodeURIComponent(this.data.opening)}/${what}`, { ...options, signal: AbortSignal.timeout(PATIENCE) });
      } catch (error) {
        if (error.status || attempt === 4) throw error;
        this.tell(this.words.sendingAgain, "waiting");
        await new Promise((done) => setTimeout(done, 500 * 2 ** attempt));
      }
    }
  }

  tell(words, outcome, line = false) { this.said.tell(words, outcome, line); }

  tellHub(state) { this.hub = state; if (this.desk) { this.drawHead(); this.drawReading(); } this.status.draw(); }

  /** Whether the public has heard of an event what stands in the chain: true, false (something else), null (not known). */
  publicHas(event) {
    const hash = this.heard.get(event?.seq);
    return hash === undefined ? null : hash === event.hash;
  }

  // ── keys and voice ────────────────────────────────────────────────────────

  key(event) {
    const target = event.composedPath()[0];
    const typing = target?.matches?.("input, textarea, select, button, a, summary, [contenteditable]");
    if (typing || event.repeat || event.ctrlKey || event.metaKey || event.altKey || this.forms.box.open || !this.root.isConnected) return;
    const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || !this.desk) return;
    event.preventDefault();
    event.stopPropagation();
    this[act]();
  }

  next() { const given = this.desk.steps.bid_read; if (given && !this.busy) this.take("bid_read", given).catch(() => {}); }
  again() { if (this.story.current !== null) { this.speak(this.story.current, true); this.drawReading(); } }
  correct() { if ("bid_corrected" in this.desk.steps) this.forms.ask("bid_corrected"); }
  answer() { if ("objection_answered" in this.desk.steps) this.forms.ask("objection_answered"); }
  object() { if ("objection" in this.desk.steps) this.forms.ask("objection"); }

  /** The reading of a bid in synthesised Mandarin, where the host has switched it on. */
  speak(no, asked = false) {
    if (!this.voice || (!asked && this.data.voice === false)) return;
    this.sound?.pause();
    this.sound = new Audio(`/api/openings/${encodeURIComponent(this.data.opening)}/voice/${no}.wav?seq=${this.story.seq}`);
    this.sound.play().catch((error) => this.tell(error.message, "refused"));
  }

  // ── drawing ───────────────────────────────────────────────────────────────

  draw() {
    this.tellPlayer();
    this.focus.keep(() => {
      for (const part of ["Head", "Reading", "Steps", "Bar", "Objections", "Log"]) this[`draw${part}`]();
      drawDraws(this);
    });
    drawList(this);
    rail.show(this);
  }

  tick() {
    if (this.time) this.time.textContent = clock(Date.now() + (this.skew ?? 0));
    const read = this.story.readings.get(this.story.current);
    if (this.since && read) this.since.textContent = say(this.words.since, { n: Math.max(0, Math.round((Date.now() + this.skew - new Date(read.ts)) / 1000)) });
  }

  drawHead() {
    const { words, desk, story } = this;
    this.time = h("time.big", {}, clock(Date.now() + this.skew));
    const state = story.state === "in_progress" ? this.stageName(story.stage) : words.state[story.state] ?? story.state;
    this.head.replaceChildren(...[
      h("h2", {}, this.data.title), h("span.muted", {}, this.data.place), h("span.chip" + (story.state === "in_progress" ? ".now" : ".line"), {}, state),
      h("span.muted", {}, say(words.event, { n: desk.seq })), h("code.muted", { title: words.chainHead }, (story.head ?? "").slice(0, 12)),
      this.hub === "open" ? null : h("span.chip.line", {}, words.hubAway), h("span.grow"), this.time].filter(Boolean));
    if (desk.few) this.head.append(this.few());
    if (desk.irregular.length) this.head.append(this.irregular());
  }

  /** Too few bidders: what the law lets the host do, at hand. */
  few() {
    const { words, desk, story } = this, kind = desk.retender ? "retender" : "ended" in desk.steps ? "ended" : null;
    const gone = story.decryption !== null || story.readings.size > 0; // as the platform reports it
    const held = story.result === "failed" ? words.fewFailed : gone ? words.fewOpened : words.few;
    const button = kind ? h("button.btn.main", { type: "button", "data-step": kind, onclick: () => this.forms.ask(kind) }, kind === "ended" ? words.endFailed : words.step.retender) : null;
    return h("div.few", { role: "alert" }, h("span", {}, say(held, { n: story.count })), button);
  }

  /** What the platform reported though nobody may do it. */
  irregular() {
    const { words, desk } = this;
    return h("div.few", { role: "alert" }, h("div", {}, words.irregular, ...desk.irregular.map((one) => h("p", {}, `${say(words.event, { n: one.seq })}　${one.words}`))));
  }

  stageName(id) { return this.data.stages.find((stage) => stage.id === id)?.name ?? id; }

  drawReading() {
    if (this.desk) this.focus.keep(() => this.reading.replaceChildren(...readingCard(this)));
  }

  drawSteps() {
    const { words, story } = this, here = STEPS.indexOf(story.stage), over = story.stage === "end";
    const rows = STEPS.map((stage) => {
      const state = this.stateOf(stage);
      const actions = Object.keys(this.desk.steps).filter((kind) => STAGE_OF[kind] === stage && !ELSEWHERE.has(kind) && !this.told(kind));
      const buttons = actions.map((kind) => h("button.btn", { type: "button", "data-step": kind, onclick: () => this.forms.ask(kind) }, words.step[kind]));
      return h(`li.${state}`, { "data-stage": stage, ...(state === "cur" ? { "aria-current": "step" } : {}) }, h("i.dot", {}, STEP_ICONS[state] ? icon(STEP_ICONS[state]) : null),
        h("b", {}, this.stageName(stage)), h("time", {}, this.when(stage)), h("span", {}, this.wants(stage)), h("small", {}, words.law[stage]), h("div.acts", {}, buttons));
    });
    const title = h("h2", {}, words.process, here < 0 ? null : h("span.muted", {}, over ? this.outcome() : say(words.stepOf, { n: here + 1, of: STEPS.length })));
    this.steps.replaceChildren(title, h("ol.law", {}, rows), ...this.also());
  }

  /** Whether a step is done, at hand, open for answers, or still to come; one that was passed over is not done. */
  stateOf(stage) {
    const { story, desk } = this, over = story.stage === "end";
    if (stage === "objection" && !over && desk.open_objections.length) return "due";
    if (story.steps[stage] && (over || stage !== story.stage)) return "ok";
    return stage === story.stage ? "cur" : "no";
  }

  /** When a step was taken, or that it is still to come. */
  when(stage) {
    const { story, words, desk } = this;
    if (this.stateOf(stage) === "due") return say(words.due, { n: desk.open_objections.length });
    return story.steps[stage] ? clock(story.steps[stage]) : story.stage === "end" ? "—" : words.toCome;
  }

  /** Bring a step into view and its button under the keyboard, from the sidebar. */
  goTo(stage) {
    const row = stage === "reading" ? this.reading : stage === "objection" ? this.objections : this.steps.querySelector(`[data-stage=${stage}]`);
    row.scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    row.querySelector("button:not(:disabled)")?.focus({ preventScroll: true });
  }

  /** How the opening ended, in words. */
  outcome() { return this.words[`result_${this.story.result}`] ?? this.words.state.ended; }

  /** Whether a step would say again what has been said. */
  told(kind) {
    const { decryption, control } = this.story;
    if (kind === "decrypt_progress") return decryption !== null && decryption.done !== null && decryption.done + decryption.failed === decryption.total;
    return kind === "control_price" && control !== null && control.over === this.desk.steps.control_price.over;
  }

  /** What a stage asks for; for the record what is still missing. */
  wants(stage) {
    const { desk, words } = this;
    if (stage === "confirmation" && desk.missing.length && this.story.readings.size) return desk.missing.join(words.semicolon);
    if (stage === "confirmation" && desk.changed && this.story.confirmed) return words.confirmAgain;
    return words.wants[stage];
  }

  /** Moving an opening that has not begun, and the next round of one that failed. */
  also() {
    const { desk, words } = this, found = [];
    if (desk.movable) found.push(h("button.btn", { type: "button", "data-step": "scheduled", onclick: () => this.forms.ask("scheduled") }, words.step.scheduled));
    if (desk.retender) found.push(h("button.btn.main", { type: "button", "data-step": "retender", onclick: () => this.forms.ask("retender") }, words.step.retender));
    return found.length ? [h("div.row", {}, found)] : [];
  }

  drawBar() {
    const { desk, story, words } = this, act = story.state === "paused" ? "resumed" : "paused";
    const until = story.pausedUntil ? say(words.resumesAt, { time: date(story.pausedUntil).slice(5) }) : "";
    const voice = h("button.btn.follow", { type: "button", role: "switch", "aria-checked": String(this.voice), disabled: !this.data.voice, title: this.data.voice ? words.voiceHint : words.noVoice, onclick: () => { this.voice = !this.voice; this.drawBar(); } }, words.voice, h("span.tgl"));
    this.bar.replaceChildren(...[h("h2", {}, words.sitting), story.state === "paused" ? h("p", {}, `${words.adjourned} ${term(story.pauseReason, words)} ${until}`) : null,
      h("div.row", {}, voice), h("p.muted.small", {}, this.data.voice ? words.voiceHint : words.noVoice), ...this.together(), ...this.final(act)].filter(Boolean));
  }

  /** The last acts that took two people. */
  together() {
    const { desk, words } = this;
    if (!desk.by_two.length) return [];
    const line = ({ at, what, first, second }) => h("li", {}, h("time", {}, clock(at)), h("span", {}, what, h("small", {}, say(words.firstThen, { first, second }))));
    return [h("h3.muted.small", {}, words.byTwo), h("ol.two", {}, desk.by_two.map(line))];
  }

  /** Adjourning and ending stand apart from what is pressed all the time; what cannot be done yet says why. */
  final(act) {
    const { desk, words } = this, early = Date.now() + (this.skew ?? 0) < new Date(desk.deadline).getTime(), why = early ? words.endAfterDeadline : desk.missing.length ? desk.missing.join(words.semicolon) : words.endLater, unfinished = "ended" in desk.steps && !desk.steps.ended.result;
    const button = (kind, symbol, main) => h("button.btn" + (main ? ".main" : ""), { type: "button", "data-step": kind, disabled: !(kind in desk.steps), title: kind in desk.steps ? null : why, onclick: () => this.forms.ask(kind) }, icon(kind in desk.steps ? symbol : "lock"), words.step[kind]);
    if (this.story.stage === "end") return [];
    const lapses = "ended" in desk.steps && desk.undrawn.length ? h("p.small.lapses", {}, say(words.endUndrawn, { kinds: desk.undrawn.map((kind) => term(kind, words)).join(words.comma) })) : null;
    return [h("div.risk", {}, h("h3.muted.small", {}, words.irrevocable), h("div.row", {}, button(act, act === "resumed" ? "next" : "pause", act === "resumed"), button("ended", "stop")), unfinished ? h("p.muted.small", {}, words.endUnfinished) : "ended" in desk.steps ? null : h("p.muted.small", {}, why), lapses)];
  }

  drawObjections() {
    const { words, story, desk } = this, all = [...story.objections].reverse(), over = story.stage === "end", open = over ? 0 : desk.open_objections.length;
    const acts = ["objection", "objection_answered"].filter((kind) => kind in desk.steps).map((kind) => h("button.btn" + (kind === "objection_answered" ? ".main" : ""), { type: "button", "data-step": kind, onclick: () => this.forms.ask(kind) }, words.step[kind]));
    const lines = all.map(([no, o]) => h("li", {}, h("b", {}, `${no}`), h("span", {}, o.content ?? ""), h("time", {}, clock(o.ts)),
      ...(o.before ?? []).map((old) => h("p.a", {}, h("s", {}, old.answer))), o.answer ? h("p.a", {}, o.answer) : o.keptOpen ? h("p.a", {}, say(words.keptOpen, { reason: o.keptOpen })) : h("p.w", {}, over ? words.leftUnanswered : words.unanswered)));
    this.objections.className = `card box ask${open ? " open" : ""}`;
    this.objections.replaceChildren(h("h2", {}, open ? say(words.openObjections, { open, n: all.length }) : words.objections, h("span.muted", {}, open ? words.blocks : "")), h("ol.obj", {}, lines), h("div.row", {}, acts));
  }

  drawLog() {
    const lines = this.story.log.slice(-60).reverse();
    this.log.replaceChildren(...lines.map((event) => h("li", {}, h("time", {}, clock(event.ts)), h("span", { title: this.actors.get(event.seq) ?? "" }, sentence(event, this.voiceOf)))));
  }

  close() {
    clearInterval(this.looking);
    clearInterval(this.ticking);
    clearTimeout(this.said.hiding);
    document.removeEventListener("keydown", this.keys);
    this.feed.close();
    this.rooms?.close?.();
    this.player?.close();
    this.far?.close();
    this.sound?.pause();
    rail.leave(this);
    this.root.replaceChildren();
  }
}

/** What Streamlit mounts. */
export default function (component) {
  return mount(component, (parent, data) => {
    const root = h("div.sunbid");
    parent.append(root);
    let view = new HostDesk(root, data);
    return {
      update(next) { view.close(); view = new HostDesk(root, next); },
      close() { view.close(); root.remove(); },
    };
  });
}
