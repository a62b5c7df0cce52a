// The list, the stepper, the log and the objections of one opening, straight from the hub's feed.

const PAGE = 50;
const LOG_LINES = 200;

const READING = { bid_read: true, bid_corrected: true };

class OpeningView {
  constructor(root, data) {
    Object.assign(this, { root, data, words: data.words, page: 0, follow: true, query: "" });
    this.model = new OpeningModel(data.steps, data.stages.map((s) => s.id));
    this.build();
    this.feed = new Feed((after) => socketAddress(data.hub, `/feeds/openings/${encodeURIComponent(data.opening)}?after=${after}`), {
      onmessage: (message) => { this.model.apply(message); this.schedule(); },
      onstate: (state, code) => this.tellFeed(state, code),
    });
    if (data.player) this.rooms = new Rooms(data.hub, (rooms) => { this.room = rooms?.find((room) => room.id === data.player.room) ?? null; this.schedule(); });
    this.draw();
  }

  /** The opening's own state; under the operators' slate it is paused, and their reason stands on it. */
  roomState() {
    const state = { in_progress: "live", paused: "paused", ended: "ended", sealed: "ended" }[this.model.state] ?? "standby";
    const slated = state === "live" && this.room?.state === "paused";
    return { state: slated ? "paused" : state, covered: slated, reason: slated ? this.room.reason : this.model.pauseReason, muted: this.room?.muted };
  }

  build() {
    const { words } = this;
    this.stepper = h("ol.step", { "aria-label": words.process, tabindex: 0 });
    this.logList = h("ol.log", { "aria-live": "polite", "aria-label": words.textLog, tabindex: 0 });
    this.objectionList = h("ol.obj");
    this.objectionCount = h("span.muted");
    this.feedState = h("span.muted", {}, words.synchronised);
    this.caption = h("div.caption", { hidden: true });
    this.picture = h("section.card.player", { "aria-label": words.picture });
    if (this.data.player) this.player = new Player(this.picture, { ...this.data.player, hub: this.data.hub, library: this.data.library, words });
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
    const head = [words.no, words.bidder, words.price, words.days].map((w, i) => h("th" + (i > 1 ? ".num" : ""), { scope: "col" }, w));
    return h("section.card.list", {},
      h("div.hd", {}, h("h2", {}, this.listTitle, this.count), h("div.prog", {}, this.bar), this.facts),
      h("div.bar", {}, this.search, this.following),
      this.empty, h("table.tb", { tabindex: 0, "aria-label": words.reading }, h("thead", {}, h("tr", {}, head)), this.body), this.pages);
  }

  tellFeed(state, code) {
    const { words } = this;
    this.feedState.textContent = state === "open" ? words.synchronised : state === "refused" ? say(words.feedRefused, { code }) : words.reconnecting;
  }

  schedule() {
    this.pending ??= setTimeout(() => { this.pending = null; this.draw(); }, 40);
  }

  draw() {
    const { model } = this;
    this.player?.tellRoom(this.roomState());
    this.drawStepper();
    this.drawHead();
    this.drawTable();
    this.drawLog();
    this.drawObjections();
  }

  drawStepper() {
    const items = this.data.stages.filter((s) => s.id !== "waiting").map(({ id, name }) => {
      const progress = this.model.progress(id);
      const time = progress === "now" || progress === "done" ? this.model.times[id] : null;
      return h(`li.${progress}`, progress === "now" ? { "aria-current": "step" } : {}, progress === "done" ? icon("check") : null, h("span", {}, name), h("small", {}, time ? clock(time) : "—"));
    });
    this.stepper.replaceChildren(...items);
  }

  drawHead() {
    const { model, words } = this;
    const reading = model.read > 0 || model.stage === "reading";
    const total = model.total ?? model.count ?? model.bidders.length;
    const decrypting = !reading && model.decrypt && model.decrypt.done !== undefined;
    const [title, done, of] = decrypting
      ? [words.decryption, model.decrypt.done + model.decrypt.failed, model.decrypt.total]
      : reading ? [words.reading, model.read, total] : [words.bidders, null, model.count ?? null];
    this.listTitle.textContent = title;
    const tail = decrypting ? words.ofDecrypted : reading ? words.ofRead : words.published;
    const parts = done !== null ? [String(done), h("small", {}, say(tail, { total: of }))] : of !== null ? [String(of), h("small", {}, words.published)] : [];
    this.count.replaceChildren(...parts);
    this.bar.style.width = done !== null && of ? `${Math.min(100, (100 * done) / of)}%` : "0";
    this.facts.replaceChildren(...this.factList().map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd.cut", { title: value }, value))));
  }

  factList() {
    const { model, words } = this;
    const { decrypt, price, draws } = model;
    const facts = [[words.limit, money(price?.amount ?? this.data.controlPrice, words)]];
    const draw = draws.at(-1);
    facts.push([draw ? term(draw.kind, words) : words.coefficient, draw ? draw.value : words.notDrawn]);
    const remaining = decrypt ? decrypt.total - decrypt.done - decrypt.failed : null;
    const text = !decrypt ? "—" : decrypt.done === undefined ? say(words.untold, decrypt) : decrypt.failed || remaining ? say(words.decrypted, { ...decrypt, remaining }) : say(words.allDecrypted, decrypt);
    facts.push([words.decryptResult, text]);
    if (price?.over !== undefined) facts.push([words.limitCheck, say(words.overLimit, { normal: price.normal ?? "—", over: price.over })]);
    if (model.confirmed) facts.push([words.record, say(words.recordRows, { rows: model.confirmed.rows, signed: model.confirmed.signed ?? "—" })]);
    return facts;
  }

  rows() {
    const { bidders } = this.model;
    if (!this.query) return bidders;
    const wanted = this.query.toLowerCase();
    return bidders.filter((b) => String(b.no) === wanted || b.name.toLowerCase().includes(wanted));
  }

  drawTable() {
    const { model, words } = this;
    const rows = this.rows();
    if (this.follow && !this.query && model.current !== null) this.page = Math.floor(rows.findIndex((b) => b.no === model.current) / PAGE);
    this.page = Math.max(0, Math.min(this.page, Math.ceil(rows.length / PAGE) - 1));
    this.following.setAttribute("aria-checked", String(this.follow));
    const shown = rows.slice(this.page * PAGE, (this.page + 1) * PAGE);
    this.body.replaceChildren(...shown.map((b) => this.row(b)));
    this.empty.hidden = rows.length > 0;
    this.empty.textContent = this.query ? words.noMatch : words.beforeList;
    this.drawPages(Math.ceil(rows.length / PAGE));
    this.keepInView();
  }

  row(bidder) {
    const { model, words } = this;
    const waiting = bidder.price === undefined;
    const now = bidder.no === model.current && model.stage === "reading";
    const name = now ? h("span.t", {}, bars(), h("span.cut", {}, bidder.name)) : bidder.name;
    const price = waiting ? words.waiting : bidder.price === null ? term(bidder.remark, words) || "—" : amount(bidder.price, words);
    return h("tr" + (now ? ".cur" : waiting ? ".wait" : ""), now ? { "aria-current": "true" } : {},
      h("td", {}, String(bidder.no)), h("td.cut", { title: bidder.name }, name), h("td.num.p", {}, ...(bidder.before ?? []).flatMap((first) => [h("s", {}, first === null ? "—" : amount(first, words)), " "]), price),
      h("td.num", {}, bidder.duration_days === undefined ? "—" : String(bidder.duration_days)));
  }

  keepInView() {
    const row = this.follow && !this.query ? this.body.querySelector(".cur") : null;
    if (!row || this.lastShown === this.model.current) return;
    this.lastShown = this.model.current;
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
    const lines = this.model.log.filter((e) => e.type !== "sealed").slice(-LOG_LINES).reverse();
    this.logList.replaceChildren(...lines.map((event, i) => h("li" + (i === 0 ? ".now" : ""), {}, h("time", {}, clock(event.ts)), h("span", {}, sentence(event, this.words)))));
    const last = this.model.log.at(-1);
    const reading = last?.type in READING && this.model.state === "in_progress";
    this.caption.hidden = !reading;
    if (reading) this.caption.replaceChildren(h("span", {}, sentence(last, this.words)));
  }

  drawObjections() {
    const { model, words } = this;
    const all = [...model.objections.values()];
    this.objectionCount.textContent = all.length ? say(model.unanswered() ? words.openObjections : words.allAnswered, { n: all.length, open: model.unanswered() }) : words.noObjections;
    const lines = all.flatMap((o) => [
      h("li", {}, h("b", {}, words.question), o.content, h("time", {}, clock(o.askedAt))),
      o.answer ? h("li", {}, h("b.a", {}, words.answer), o.answer, h("time", {}, clock(o.answeredAt))) : null,
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

/** One event in plain words; the phrases hold the places. */
function sentence({ type, payload }, words) {
  const values = { ...payload };
  if (payload.price !== undefined) values.price = money(payload.price, words);
  if (payload.amount !== undefined) values.amount = money(payload.amount, words);
  for (const key of ["kind", "reason", "remark"]) if (values[key]) values[key] = term(values[key], words);
  if (payload.scheduled_at) values.scheduled_at = `${payload.scheduled_at.slice(0, 10)} ${clock(payload.scheduled_at, false)}`;
  if (type === "ended") return words.log[`ended_${payload.result}`];
  const variant = type in READING && payload.price === undefined ? `${type}_none` : type === "sign_in" && payload.count === undefined ? "sign_in_plain" : type === "paused" && !payload.reason ? "paused_plain" : type === "decrypt_progress" && payload.done === undefined ? "decrypt_progress_untold" : type;
  return say(words.log[variant] ?? type, values);
}
