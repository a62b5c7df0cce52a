// The list, the stepper, the log and the objections of one opening, straight from the hub's feed.
import { clock } from "./clock.js";
import { amount, h, icon, money, mount, say, svg } from "./common.js";
import { follow } from "./feed.js";
import { Focus } from "./focus.js";
import { Player, Rooms, roomOf, term } from "./player.js";
import { STEPS, Story, sentence } from "./story.js";

const PAGE = 50;
const LOG_LINES = 200;
/** What is said while bids are read stands under the picture too. */
const READING = { bid_read: true, bid_corrected: true };

class OpeningView {
  constructor(root, data) {
    Object.assign(this, { root, data, words: data.words, page: 0, follow: true, query: "" });
    this.story = new Story(data.money.vat);
    this.focus = new Focus(root);
    this.voice = { say: (key, values) => say(data.said[key] ?? key, values), term: (text) => term(text, this.words), money: (price, told) => money(price, data.money, told) };
    this.build();
    this.feed = follow(() => new URL(`/feeds/openings/${encodeURIComponent(data.opening)}?after=${this.story.seq}`, data.hub).href, {
      message: (message) => { if (this.story.add(message)) this.schedule(); },
      state: (state, code) => this.tellFeed(state, code),
    });
    if (data.player) this.rooms = new Rooms(data.hub, (rooms) => { this.room = rooms?.find((room) => room.id === data.player.room) ?? null; this.schedule(); });
    this.draw();
  }

  /** The opening's own state; under the operators' slate it is paused, and their reason stands on it. */
  build() {
    const { words } = this;
    this.stepper = h("ol.step", { "aria-label": words.process, tabindex: 0 });
    this.logList = h("ol.log", { "aria-live": "polite", "aria-label": words.textLog, tabindex: 0 });
    this.objectionList = h("ol.obj");
    this.objectionCount = h("span.muted");
    this.feedState = h("span.muted", {}, words.synchronised);
    this.caption = h("div.caption", { hidden: true });
    this.picture = h("section.card.player", { "aria-label": words.picture });
    if (this.data.player) this.player = new Player(this.picture, { ...this.data.player, inside: true, hub: this.data.hub, words });
    this.picture.append(this.stepper);
    this.player?.box.append(this.caption);
    const log = h("section.card.box", {}, h("h2", {}, words.textLog, this.feedState), this.logList);
    const objections = h("section.card.box", {}, h("h2", {}, words.objections, this.objectionCount), this.objectionList);
    this.grid = h("div.cols", {}, h("div", {}, this.picture, h("div.below", {}, log, objections)), this.list());
    this.root.append(this.grid);
  }

  list() {
    const { words } = this;
    this.count = h("strong");
    this.bar = h("i");
    this.facts = h("dl.facts");
    this.search = h("input", { type: "search", placeholder: words.search, "aria-label": words.search, oninput: (e) => { this.query = e.target.value.trim(); this.page = 0; this.draw(); } });
    this.following = h("button.btn.follow", { type: "button", role: "switch", "aria-checked": "true", onclick: () => { this.follow = !this.follow; this.draw(); } }, words.follow, h("span.tgl"));
    this.body = h("tbody");
    this.pages = h("nav.pg", { "aria-label": words.pages });
    this.empty = h("p.muted.empty");
    this.listTitle = h("span");
    const head = [words.no, words.bidder, this.data.money.price, words.days].map((w, i) => h("th" + (i > 1 ? ".num" : ""), { scope: "col" }, w));
    return h("section.card.list", {},
      h("div.hd", {}, h("h2", {}, this.listTitle, this.count), h("div.prog", {}, this.bar), this.facts),
      h("div.bar", {}, this.search, this.following),
      this.empty, h("table.tb", { tabindex: 0, "aria-label": words.reading }, h("thead", {}, h("tr", {}, head)), this.body), this.pages);
  }

  tellFeed(state, code) {
    const { words } = this;
    this.feedState.textContent = state === "open" ? words.synchronised : state === "refused" ? say(words.feedRefused, { code }) : words.reconnecting;
  }

  /** Paused by the viewer it stands still, picture and lists; what came meanwhile is drawn when it goes on. */
  hold(paused) {
    this.data.paused = paused;
    this.player?.hold(paused);
    if (!paused) this.draw();
  }

  schedule() {
    if (this.data.paused) return;
    this.pending ??= setTimeout(() => { this.pending = null; this.draw(); }, 40);
  }

  draw() {
    this.player?.tellRoom(roomOf(this.story, this.room));
    this.drawStepper();
    this.drawHead();
    this.focus.keep(() => this.drawTable());
    this.drawLog();
    this.drawObjections();
  }

  drawStepper() {
    const items = this.data.stages.filter((s) => s.id !== "waiting").map(({ id, name }) => {
      const progress = this.progress(id), time = progress === "now" || progress === "done" ? this.story.steps[id] : null;
      return h(`li.${progress}`, progress === "now" ? { "aria-current": "step" } : {}, progress === "done" ? icon("check") : null, h("span", {}, name), h("small", {}, clock(time)));
    });
    this.stepper.replaceChildren(...items);
  }

  /** done, now, todo or skipped, for a stage of the stepper; a stage that was passed over is done without a time. */
  progress(stage) {
    const { story } = this, here = STEPS.indexOf(story.stage), there = STEPS.indexOf(stage);
    if (story.state === "ended" || story.state === "sealed") return story.steps[stage] || stage === "end" ? "done" : "skipped";
    if (there < here) return "done";
    return there === here ? "now" : "todo";
  }

  drawHead() {
    const { story, words } = this, read = story.readings.size, { decryption } = story;
    const reading = read > 0 || story.stage === "reading";
    const total = story.count ?? story.bidders.size;
    const decrypting = !reading && decryption && decryption.done !== null;
    const [title, done, of] = decrypting
      ? [words.decryption, decryption.done + decryption.failed, decryption.total]
      : reading ? [words.reading, read, total] : [words.bidders, null, story.count];
    this.listTitle.textContent = title;
    const tail = decrypting ? words.ofDecrypted : reading ? words.ofRead : words.published;
    const parts = done !== null ? [String(done), h("small", {}, say(tail, { total: of }))] : of !== null ? [String(of), h("small", {}, words.published)] : [];
    this.count.replaceChildren(...parts);
    this.bar.style.width = done !== null && of ? `${Math.min(100, (100 * done) / of)}%` : "0";
    this.facts.replaceChildren(...this.factList().map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd.cut", { title: value }, value))));
  }

  factList() {
    const { story, words } = this, { control, confirmed } = story, draw = story.coefficients.at(-1);
    const facts = [
      [words.limit, money(control?.amount ?? this.data.controlPrice, this.data.money)],
      [draw ? term(draw.kind, words) : words.coefficient, draw ? draw.value : words.notDrawn],
      [words.decryptResult, this.decrypted()],
    ];
    if (control?.over !== undefined) facts.push([words.limitCheck, say(words.overLimit, { normal: control.normal ?? "—", over: control.over })]);
    if (confirmed) facts.push([words.record, say(words.recordRows, { rows: confirmed.rows, signed: confirmed.signed ?? "—" })]);
    return facts;
  }

  decrypted() {
    const { words } = this, { decryption } = this.story;
    if (!decryption) return "—";
    if (decryption.done === null) return say(words.untold, decryption);
    const remaining = decryption.total - decryption.done - decryption.failed;
    return decryption.failed || remaining ? say(words.decrypted, { ...decryption, remaining }) : say(words.allDecrypted, decryption);
  }

  /** Bidders by number with what was read of them, those the search asks for. */
  rows() {
    const { story } = this, wanted = this.query.toLowerCase();
    const all = [...story.bidders].sort(([a], [b]) => a - b).map(([no, name]) => ({ no, name, read: story.readings.get(no) }));
    return wanted ? all.filter((b) => String(b.no) === wanted || b.name.toLowerCase().includes(wanted)) : all;
  }

  drawTable() {
    const { story, words } = this;
    const rows = this.rows();
    if (this.follow && !this.query && story.current !== null) this.page = Math.floor(rows.findIndex((b) => b.no === story.current) / PAGE);
    this.page = Math.max(0, Math.min(this.page, Math.ceil(rows.length / PAGE) - 1));
    this.following.setAttribute("aria-checked", String(this.follow));
    const shown = rows.slice(this.page * PAGE, (this.page + 1) * PAGE);
    this.body.replaceChildren(...shown.map((b) => this.row(b)));
    this.empty.hidden = rows.length > 0;
    this.empty.textContent = this.query ? words.noMatch : words.beforeList;
    this.drawPages(Math.ceil(rows.length / PAGE));
    this.keepInView();
  }

  row({ no, name, read }) {
    const { story } = this;
    const now = no === story.current && story.stage === "reading";
    const shown = now ? h("span.t", {}, bars(), h("span", {}, name)) : name;
    const before = (read?.before ?? []).flatMap((first) => [h("s", {}, amount(first.price, this.data.money)), " "]);
    return h("tr" + (now ? ".cur" : read ? "" : ".wait"), now ? { "aria-current": "true" } : {},
      h("td", {}, String(no)), h("td.name", {}, shown), h("td.num.p", {}, ...before, this.price(read), story.isOver(read, this.data.controlPrice) ? h("small.off", {}, this.words.over) : null, this.otherVat(read)),
      h("td.num", {}, read?.duration_days === undefined ? "—" : String(read.duration_days)));
  }

  /** How a price counts where it is compared with none of the lot's. */
  otherVat(read) {
    const other = this.story.otherVat(read);
    return other ? h("small.off", {}, this.words.otherVat[other]) : null;
  }

  price(read) {
    if (!read) return this.words.waiting;
    return read.price === undefined ? term(read.remark, this.words) || "—" : amount(read.price, this.data.money);
  }

  keepInView() {
    const row = this.follow && !this.query ? this.body.querySelector(".cur") : null;
    if (!row || this.lastShown === this.story.current) return;
    this.lastShown = this.story.current;
    const box = this.body.parentElement.parentElement;
    box.querySelector(".tb").scrollTop = row.offsetTop - 220;
  }

  drawPages(count) {
    this.pages.hidden = count < 2;
    const go = (page) => { this.page = page; this.follow = false; this.draw(); };
    const step = (to, name, label) => h("button", { type: "button", "aria-label": label, disabled: to < 0 || to >= count, onclick: () => go(to) }, icon(name));
    const numbers = Array.from({ length: count }, (_, i) => h("button", { type: "button", "aria-current": i === this.page ? "page" : null, onclick: () => go(i) }, String(i + 1)));
    this.pages.replaceChildren(h("span", {}, say(this.words.perPage, { n: PAGE })), step(this.page - 1, "prev", this.words.previous), ...numbers, step(this.page + 1, "next", this.words.nextPage));
  }

  drawLog() {
    const { log } = this.story, last = log.at(-1), said = (event) => sentence(event, this.voice);
    const lines = log.filter((e) => e.type !== "sealed").slice(-LOG_LINES).reverse();
    this.logList.replaceChildren(...lines.map((event, i) => h("li" + (i === 0 ? ".now" : ""), {}, h("time", {}, clock(event.ts)), h("span", {}, said(event)))));
    const reading = last?.type in READING && this.story.state === "in_progress";
    this.caption.hidden = !reading;
    if (reading) this.caption.replaceChildren(h("span", {}, said(last)));
  }

  drawObjections() {
    const { words } = this, all = [...this.story.objections.values()], open = all.filter((o) => !o.answer).length;
    this.objectionCount.textContent = all.length ? say(open ? words.openObjections : words.allAnswered, { n: all.length, open }) : words.noObjections;
    const lines = all.flatMap((o) => [
      h("li", {}, h("b", {}, words.question), o.content ?? "", h("time", {}, clock(o.ts))),
      ...(o.before ?? []).map((first) => h("li", {}, h("b.a", {}, words.answer), h("s", {}, first.answer), h("time", {}, clock(first.answeredAt)))),
      o.answer ? h("li", {}, h("b.a", {}, words.answer), o.answer, h("time", {}, clock(o.answeredAt))) : o.keptOpen ? h("li", {}, h("b.a", {}, words.answer), say(words.keptOpen, { reason: o.keptOpen })) : null,
    ]);
    this.objectionList.replaceChildren(...lines.filter(Boolean));
  }

  close() {
    clearTimeout(this.pending);
    this.feed.close();
    this.player?.close();
    this.grid.remove();
  }
}

function bars() {
  return svg("svg", { class: "eq", viewBox: "0 0 16 14", "aria-hidden": "true" }, ...[1, 6, 11].map((x, i) => svg("rect", { x, y: 2 + i, width: 4, height: 12 - i })));
}

/** What Streamlit mounts. */
export default function (component) {
  return mount(component, (parent, data) => {
    const root = h("div.sunbid");
    parent.append(root);
    let view = new OpeningView(root, data);
    return {
      update(next) {
        const same = (one) => JSON.stringify({ ...one, paused: null });
        if (same(next) === same(view.data)) { view.hold(next.paused); return; }
        view.close();
        view = new OpeningView(root, next);
      },
      close() { view.close(); root.remove(); },
    };
  });
}
