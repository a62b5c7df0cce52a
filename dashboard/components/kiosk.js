// The wall: screens one after the other for days. Data come by push; the page keeps one screen's panels at a time and gives
// back all that belonged to the one before.
import { clock } from "./clock.js";
import { h, icon, say, svg } from "./common.js";
import { follow } from "./feed.js";
import { Panel } from "./kiosk-panels.js";

const WIDTH = 1920, HEIGHT = 1080;
/** Milliseconds: how often the countdown moves, and after which silence of the desk what is shown is called stale. */
const TICK = 200, SILENCE = 6000;
/** Seconds after which a wall that was sent away asks again: its token may have been given back. */
const ASK_AGAIN = 60;
const RING = 2 * Math.PI * 30;
const DAY = { timeZone: "Asia/Shanghai", year: "numeric", month: "long", day: "numeric" };

class Wall {
  constructor(told) {
    Object.assign(this, { told, words: told.words, views: new Map(), panels: [], ahead: 0, held: 0 });
    this.at = Math.max(told.screens.findIndex((one) => one.slug === told.first), 0);
    this.dates = [new Intl.DateTimeFormat(document.documentElement.lang, DAY), new Intl.DateTimeFormat(document.documentElement.lang, { timeZone: DAY.timeZone, weekday: "long" })];
    this.build();
    this.fit();
    addEventListener("resize", () => this.fit());
    addEventListener("keydown", (event) => this.key(event));
    this.enter(this.at);
    this.listen();
    setInterval(() => this.tick(), TICK);
  }

  build() {
    const { words } = this, { product, demo } = document.body.dataset;
    this.heading = h("h1");
    this.day = h("span");
    this.time = h("b");
    this.main = h("main", { id: "wall" });
    this.next = h("b.cut");
    this.place = h("span");
    this.ring = svg("circle", { class: "left", cx: 36, cy: 36, r: 30, "stroke-dasharray": RING });
    this.seconds = svg("text", { x: 36, y: 44, "text-anchor": "middle" });
    this.holder = h("button.btn", { type: "button", onclick: () => this.hold(!this.paused) });
    const countdown = svg("svg", { viewBox: "0 0 72 72", "aria-hidden": "true" }, svg("circle", { cx: 36, cy: 36, r: 30 }), this.ring, this.seconds);
    const step = (word, by, sign) => h("button.btn.step", { type: "button", "aria-label": words[word], title: words[word], onclick: () => this.turn(by) }, icon(sign));
    this.turner = h("section.p.nx", { "aria-label": words.playlist }, countdown, h("p", {}, this.place, this.next), h("div.keys", {}, step("before", -1, "prev"), step("after", 1, "next"), this.holder));
    this.age = h("span.age");
    this.alarm = h("p.alarm", { role: "alert", hidden: true });
    this.canvas = h("div.canvas", {},
      h("header.bar0", {},
        h("div.l", {}, h("img", { src: "/auth/brand.svg", alt: "", width: 56, height: 56 }), h("span", {}, product), demo ? h("span.demo", {}, demo) : null, this.age),
        h("div.mid", {}, wing(false), this.heading, wing(true)),
        h("div.r", {}, this.day, this.time)),
      this.main, this.told.amiss ? h("p.amiss", { role: "status" }, this.told.amiss) : null, this.alarm);
    document.body.append(this.canvas);
    this.hold(false);
  }

  /** The canvas has one size and is scaled to the screen, so that no screen ever scrolls. */
  fit() {
    const scale = Math.min(innerWidth / WIDTH, innerHeight / HEIGHT);
    this.canvas.style.transform = `translate(${(innerWidth - WIDTH * scale) / 2}px, ${(innerHeight - HEIGHT * scale) / 2}px) scale(${scale})`;
  }

  // ── data ───────────────────────────────────────────────────────────────────

  listen() {
    const asked = new URLSearchParams({ ...this.told.asked, lang: this.told.lang });
    this.feed = follow(() => `/feeds/wall?${asked}`, { message: (told) => this.take(told), state: (name) => this.line(name) });
  }

  take(told) {
    this.heard = Date.now();
    if (told.view) {
      this.views.set(told.view, told);
      if (told.view === this.slug) this.show(told);
      return;
    }
    if (told.version !== this.told.version) { location.reload(); return; }
    this.ahead = new Date(told.at) - Date.now();
    this.asOf = told.as_of;
    this.still = told.stale;
    this.age.textContent = say(this.words.asOf, { time: told.as_of });
  }

  /** Sent away (the token revoked, the session over): nothing stays on the wall, and it asks again now and then. */
  line(state) {
    if (state === "open") this.connected = true;
    if (state === "lost") this.connected = false;
    if (state !== "refused") return;
    this.out = true;
    this.views.clear();
    this.clear();
    this.main.replaceChildren(h("section.p.out", {}, h("h2", {}, this.words.outTitle), h("p", {}, this.words.outWhat)));
    this.again = setTimeout(() => location.reload(), ASK_AGAIN * 1000);
  }

  // ── screens one after the other ────────────────────────────────────────────

  get slug() { return this.told.screens[this.at].slug; }

  enter(at) {
    const { screens } = this.told;
    this.at = (at + screens.length) % screens.length;
    this.left = this.told.seconds * 1000;
    this.ticked = performance.now();
    this.heading.textContent = screens[this.at].name;
    document.title = `${screens[this.at].name} · ${document.body.dataset.product}`;
    const after = screens[(this.at + 1) % screens.length];
    this.next.textContent = after.name;
    this.place.textContent = say(this.words.place, { n: this.at + 1, of: screens.length });
    this.turner.hidden = screens.length < 2;
    history.replaceState(null, "", `/${this.slug}${location.search}`);
    this.clear();
    const known = this.views.get(this.slug);
    if (known) this.show(known);
    else if (!this.out) this.main.replaceChildren(skeleton("left"), skeleton("centre"), skeleton("right"));
  }

  turn(by) { if (!this.out) this.enter(this.at + by); }

  clear() {
    for (const panel of this.panels) panel.close();
    this.panels = [];
  }

  show(view) {
    const ids = view.panels.map((panel) => panel.id).join();
    if (this.shown !== ids || !this.panels.length) this.lay(view, ids);
    view.panels.forEach((panel, place) => this.panels[place].update(panel));
    for (const panel of this.panels) panel.fill();
  }

  lay(view, ids) {
    this.clear();
    this.shown = ids;
    const columns = {};
    for (const told of view.panels) {
      const panel = new Panel(told, this.told.pictures);
      this.panels.push(panel);
      (columns[told.slot] ??= []).push(panel.box);
    }
    (columns.right ??= []).push(this.turner);
    const order = columns.wide ? ["wide", "right"] : ["left", "centre", "right"];
    this.main.className = columns.wide ? "broad" : "";
    this.main.replaceChildren(...order.map((slot) => h(`div.col.${slot}`, {}, columns[slot] ?? [])));
  }

  hold(paused) {
    this.paused = paused;
    this.ticked = performance.now();
    this.holder.replaceChildren(icon(paused ? "next" : "pause"), paused ? this.words.resume : this.words.pause);
    this.holder.setAttribute("aria-pressed", String(paused));
  }

  key(event) {
    if (event.target.closest("button") && event.key === " ") return;
    const does = { " ": () => this.hold(!this.paused), ArrowRight: () => this.turn(1), ArrowLeft: () => this.turn(-1) }[event.key];
    if (does) { event.preventDefault(); does(); }
  }

  tick() {
    const now = performance.now(), { told } = this;
    if (!this.paused && told.screens.length > 1 && !this.out) this.left -= now - this.ticked;
    this.ticked = now;
    this.watch();
    const moment = new Date(Date.now() + this.ahead);
    write(this.time, clock(moment));
    write(this.day, this.dates.map((format) => format.format(moment)).join("\n"));
    write(this.seconds, String(Math.max(Math.ceil(this.left / 1000), 0)));
    this.ring.setAttribute("stroke-dashoffset", String(RING * (1 - Math.max(this.left, 0) / (told.seconds * 1000))));
    if (this.left <= 0) this.turn(1);
  }

  /** Says so where what stands here is no longer news: the desk is silent, or its figures stand still. */
  watch() {
    const silent = this.heard && Date.now() - this.heard > SILENCE;
    const words = this.out ? "" : silent ? say(this.words.silent, { time: clock(this.heard + this.ahead) }) : this.still ? say(this.words.still, { time: this.asOf, how: this.still }) : "";
    write(this.alarm, words);
    this.alarm.hidden = !words;
    this.canvas.classList.toggle("stale", Boolean(words));
  }
}

/** Text that is written anew only when it changes: a clock that writes all day makes work for nobody. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function skeleton(slot) {
  return h(`div.col.${slot}`, {}, h("section.p.ghost"), h("section.p.ghost"));
}

/** The ornament on either side of the title. */
function wing(right) {
  const d = "M0 20H116l16 16H236l10-10h14";
  return svg("svg", { class: right ? "wing right" : "wing", viewBox: "0 0 260 48", width: 260, height: 48, "aria-hidden": "true" },
    svg("path", { d }), svg("path", { class: "thin", d: "M60 12h60l16 16h84" }), svg("circle", { cx: 252, cy: 26, r: 4 }));
}

new Wall(JSON.parse(document.getElementById("told").textContent));
