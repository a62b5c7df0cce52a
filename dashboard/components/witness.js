// The witnesses' board: figures, tasks, the chosen task, and what only those who manage see. It asks the desk every two
// seconds with the tag of what it has, so that nothing is sent and nothing moves while nothing has changed.
import { minute } from "./clock.js";
import { h, icon, mark, mount, reach, say } from "./common.js";
import { Rooms } from "./player.js";
import { DrawCard, DrawForm } from "./witness-draw.js";
import { WitnessForms } from "./witness-forms.js";
import { AlarmCard, LookCard, ReportCard } from "./witness-side.js";
import { TaskPane } from "./witness-task.js";

const LOOK = 2000; // ms
const GROUPS = ["open", "running", "ended"];

class WitnessBoard {
  constructor(root, data) {
    Object.assign(this, { root, data, words: data.words, board: null, held: new Map() });
    this.post = (address, body) => this.send(address, JSON.stringify(body), "application/json");
    this.chosen = new URLSearchParams(location.search).get("task");
    this.forms = new WitnessForms(this);
    this.build();
    this.listen = new Rooms(data.hub, (rooms) => { this.rooms = rooms; this.pane.heardOfRooms(); });
    this.onkey = (event) => this.key(event);
    document.addEventListener("keydown", this.onkey);
    this.looking = setInterval(() => { if (!this.data.paused && !document.hidden) this.load(); }, LOOK);
    this.load();
  }

  build() {
    const { words, data } = this;
    this.figures = h("div.kp", { role: "group", "aria-label": words.figures });
    this.said = h("p.said", { role: "status", hidden: true });
    this.total = h("small");
    this.list = h("div.groups", { tabindex: 0, "aria-label": words.tasks });
    const tasks = h("section.card.board", { "aria-label": words.tasks }, h("div.hd", {}, h("h2", {}, words.tasks), this.total), this.list);
    this.pane = new TaskPane(this);
    this.report = new ReportCard(this);
    this.draw = new DrawCard(words);
    this.alarms = new AlarmCard(this);
    this.looks = new LookCard(words);
    this.drawForm = new DrawForm(this);
    this.drawButton = h("button.btn.main.draw-now", { type: "button", hidden: true, onclick: () => this.drawForm.open(this.open()).catch((error) => this.tell(error.message, "refused")) });
    const wall = data.manages ? h("a.btn", { href: `/hall${words.lang === "zh" ? "" : `?lang=${words.lang}`}`, target: "_self", title: words.monitorHint }, icon("grid"), words.monitor) : null;
    const right = data.manages ? [this.report.box, this.alarms.box, this.looks.box] : [this.report.box];
    this.grid = h("div.g3", {}, h("div.col.left", {}, tasks, this.draw.box), this.pane.box, h("div.col.right", {}, right));
    this.root.append(h("div.wit", {}, h("div.above", {}, wall, this.drawButton), this.figures, this.said, this.grid), this.forms.box, this.drawForm.box);
    this.list.replaceChildren(h("p.muted.none", {}, words.loading));
  }

  // ── asking ─────────────────────────────────────────────────────────────

  /** What an address holds; what is held already where it has not changed. */
  async fresh(address) {
    const held = this.held.get(address);
    const headers = { Accept: "application/json", "Accept-Language": this.words.lang, ...(held ? { "If-None-Match": held.tag } : {}) };
    const answer = await reach(address, { headers });
    if (answer.status === 304) return held.body;
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok) throw Object.assign(new Error(body.detail || `HTTP ${answer.status}`), { status: answer.status });
    this.held.set(address, { tag: answer.headers.get("etag"), body });
    return body;
  }

  async load() {
    const round = (this.round = (this.round ?? 0) + 1);
    const query = new URLSearchParams({ ...this.data.filters, lang: this.words.lang });
    try {
      const board = await this.fresh(`/api/witness?${query}`);
      if (round !== this.round) return;
      if (board !== this.board) this.take(board);
      await this.loadTask(round);
      if (this.broken) { this.broken = false; this.said.hidden = true; }
    } catch (error) {
      if (round !== this.round) return;
      this.broken = true;
      this.tell(say(this.words.lost, { why: error.message }), "refused", true);
    }
  }

  async loadTask(round) {
    if (!this.chosen) { this.pane.show(null); this.report.show(null); return; }
    try {
      const task = await this.fresh(`/api/witness/tasks/${encodeURIComponent(this.chosen)}?lang=${this.words.lang}`);
      if (round !== this.round || task === this.shown) return;
      this.shown = task;
      this.pane.show(task);
      this.report.show(task);
      this.draw.show(task.draw ?? this.board.draws?.[0] ?? null, task.id, this.manages);
    } catch (error) {
      if (error.status !== 404) throw error;
      this.tell(this.words.gone, "refused");
      this.select(null);
    }
  }

  async send(address, body, type = "image/jpeg") {
    const answer = await reach(address, { method: "POST", body, headers: { "Content-Type": type, Accept: "application/json", "Accept-Language": this.words.lang } });
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw Object.assign(new Error(told.detail || `HTTP ${answer.status}`), { status: answer.status });
    return told;
  }

  act(task, act, more = {}) {
    return this.post(`/api/witness/tasks/${encodeURIComponent(task.id)}/acts`, { act, seen: this.seen(task), ...more });
  }

  /** Which version of a task the page shows: after a refusal it has been read anew, though the dialog still stands. */
  seen(task) { return Math.max(task.version, this.shown?.id === task.id ? this.shown.version : 0, this.board?.tasks.find((one) => one.id === task.id)?.version ?? 0); }

  async actAndTell(task, act) {
    try {
      await this.act(task, act);
      if (act === "join") this.select(task.id);
    } catch (error) {
      this.tell(error.message, "refused");
    }
    this.load();
  }

  picture(task, id) {
    return `/api/witness/tasks/${encodeURIComponent(task)}/snapshots/${id}`;
  }

  get manages() { return this.data.manages; }

  open() { return this.board?.tasks.filter((one) => one.state === "open") ?? []; }

  // ── showing ────────────────────────────────────────────────────────────

  take(board) {
    this.board = board;
    const { words } = this, { counts, tasks } = board;
    this.figures.replaceChildren(...this.kpis(board));
    this.total.textContent = say(words.total, { n: tasks.length });
    const fit = tasks.length ? GROUPS.flatMap((name) => this.group(name, tasks.filter((one) => one.group === name))) : [h("p.muted.none", {}, board.manages ? words.noTasks : words.noTasksMine)];
    this.list.replaceChildren(...fit);
    this.drawButton.hidden = !board.manages || !counts.open;
    this.drawButton.replaceChildren(icon("dice"), say(words.drawSome, { n: counts.open }));
    if (!this.chosen && tasks.length) this.select(this.first(tasks).id, false);
    if (board.manages) {
      this.alarms.show(board.alarms);
      this.looks.show(board.looks);
    }
    if (!this.shown?.draw) this.draw.show(board.draws?.[0] ?? null, this.chosen);
  }

  /** What is shown where nothing was chosen: one's own task, one that somebody witnesses, the next open one, else the first. */
  first(tasks) {
    const find = (fits) => tasks.find(fits);
    return find((one) => one.mine && one.state !== "ended") ?? find((one) => one.state === "joined") ?? find((one) => one.state === "open") ?? tasks[0];
  }

  kpis({ counts, coverage, manages }) {
    const { words } = this;
    const one = (name, value, unit, tip) => h("section", {}, h("h2", { title: tip ?? null }, name), h("strong", {}, value, h("small", {}, unit)));
    const all = [
      manages && one(words.coverage, coverage?.share ?? "—", coverage ? say(words.coverageOf, coverage) : "", words.coverageHow),
      manages && one(words.state.open, String(counts.open), words.unit),
      one(words.running, String(counts.running), manages ? say(words.mine, { n: counts.mine }) : words.unit),
      one(words.state.ended, String(counts.ended), words.unit),
      one(words.reports, String(counts.reports), counts.drafts ? say(words.drafts, { n: counts.drafts }) : words.reportUnit),
      manages && one(words.alarms, String(counts.alarms), words.alarmUnit),
    ];
    return all.filter(Boolean);
  }

  group(name, tasks) {
    const { words } = this;
    if (!tasks.length) return [];
    return [h("h3", {}, words.group[name], h("span", {}, say(words.groupCount, { n: tasks.length }))), h("ul", {}, tasks.map((task) => h("li", {}, this.line(task))))];
  }

  line(task) {
    const { words } = this, chosen = task.id === this.chosen;
    const who = task.mine ? words.me : task.witness;
    const place = task.step === "opening" ? task.room : task.room || words.notPublic;
    const when = task.state === "ended" ? say(words.endedAt, { time: minute(task.ended_at) }) : `${minute(task.due_at)} ${words.step[task.step]}`;
    const about = h("small.cut", { title: place }, [when, place].filter(Boolean).join(" · "));
    const link = h("button.tk", { type: "button", "data-task": task.id, "aria-current": chosen ? "true" : null, onclick: () => this.select(task.id) }, h("b", { title: task.title }, task.title), who ? h("small.r", { title: who }, `${task.done}/${task.of} · ${who}`) : h("small.r"), about, this.sign(task));
    if (task.state === "open" && this.manages) return [link, h("button.btn.join", { type: "button", onclick: () => this.actAndTell(task, "join") }, words.act.join)];
    return [link];
  }

  sign(task) {
    const { words } = this;
    if (task.abnormal) return h("small.r.lv", {}, mark("orange"), say(words.abnormal, { n: task.abnormal }));
    if (task.alarm && task.state !== "ended") return h("small.r.lv", {}, mark("yellow"), words.equipment);
    if (task.state === "ended") return h("small.r", {}, words.nothingAbnormal);
    return h("small.r", {}, ["paused", "assigned", "handed_over"].includes(task.state) ? words.state[task.state] : "");
  }

  /** The address follows what is chosen, so that it can be passed on and survives a reload. */
  select(id, load = true) {
    this.chosen = id;
    const url = new URL(location.href);
    if (id) url.searchParams.set("task", id); else url.searchParams.delete("task");
    history.replaceState(history.state, "", url);
    for (const one of this.list.querySelectorAll("[data-task]")) one.toggleAttribute("aria-current", false);
    this.list.querySelector(`[data-task="${CSS.escape(id ?? "")}"]`)?.setAttribute("aria-current", "true");
    if (load) this.load();
  }

  tell(words, outcome, stays = false) {
    clearTimeout(this.hiding);
    this.said.hidden = false;
    this.said.dataset.outcome = outcome;
    this.said.textContent = words;
    if (!stays) this.hiding = setTimeout(() => { this.said.hidden = true; }, 8000);
  }

  key(event) {
    const target = event.composedPath()[0];
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest?.("input, textarea, select, [contenteditable=true], dialog")) return;
    if (document.querySelector('[role="dialog"]')) return;
    if (event.key.toLowerCase() === "s" && !this.pane.snap.hidden) this.pane.snapNow();
    else if (event.key.toLowerCase() === "n" && this.shown?.allowed.includes("remark")) this.pane.remark.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  close() {
    clearInterval(this.looking);
    document.removeEventListener("keydown", this.onkey);
    this.listen.close();
    this.pane.stop();
  }
}

/** What Streamlit mounts. */
export default function (component) {
  return mount(component, (parent, data) => {
    const root = h("div.sunbid");
    parent.append(root);
    const board = new WitnessBoard(root, data);
    return {
      update(next) { board.data = next; board.load(); },
      close() { board.close(); root.remove(); },
    };
  });
}
