// One witness task: its picture, the time line of the opening, the checklist, remarks.
import { clock, minute } from "./clock.js";
import { h, icon, say, svg } from "./common.js";
import { Player } from "./player.js";

const WIDEST = 1280; // pixels of a snapshot
const EARLY = 7_200_000; // ms before its time from which steps stand on the time line: it was announced long ago
const BUTTONS = ["join", "assign", "pause", "resume", "hand_over", "end"];

export class TaskPane {
  constructor(board) {
    Object.assign(this, { board, words: board.words, task: null, playing: null });
    const { words } = this;
    this.title = h("h2.cut");
    this.buttons = h("div.acts-bar");
    this.picture = h("div.picture");
    this.line = h("div.scr");
    this.snap = h("button.tag.snap", { type: "button", hidden: true, onclick: () => this.snapNow() }, icon("camera"), words.snapIt, h("kbd", {}, "S"));
    this.head = h("section.card.task", { "aria-label": words.task }, h("div.tt", {}, this.title, this.buttons), this.picture, this.line);
    this.count = h("small");
    this.rows = h("tbody");
    this.remark = h("input", { type: "text", maxlength: 1000, placeholder: words.remarkHint, "aria-label": words.remarkHint });
    this.add = h("form.addn", { onsubmit: (event) => this.remarkNow(event) }, this.remark, h("button.btn", { type: "submit" }, words.act.remark, h("kbd", {}, "N")));
    const head = [["stage", 96], ["item", 0], ["time", 68], ["snapshot", 56], ["conclusion", 124]].map(([name, width]) => h("th", { scope: "col", style: width ? `width:${width}px` : null }, words.head[name]));
    this.table = h("div.rows", { tabindex: 0, "aria-label": words.items }, h("table", {}, h("caption.vh", {}, words.items), h("thead", {}, h("tr", {}, head)), this.rows));
    this.check = h("section.card.chk", { "aria-label": words.items }, h("div.hd", {}, h("h2", {}, words.items), this.count), this.table, this.add);
    this.none = h("section.card.none-chosen", {}, h("b", {}, words.noneChosen), h("p.muted", {}, words.noneChosenWhat));
    this.box = h("div.col.mid", {}, this.none, this.head, this.check);
    this.show(null);
  }

  show(task) {
    this.task = task;
    this.none.hidden = Boolean(task);
    this.head.hidden = this.check.hidden = !task;
    if (!task) { this.stop(); return; }
    const { words } = this;
    this.title.textContent = task.title;
    this.title.title = `${task.title} · ${words.state[task.state]}${task.witness ? ` · ${task.witness}` : ""}`;
    this.drawButtons(task);
    this.drawPicture(task);
    this.drawLine(task);
    this.count.textContent = say(words.itemsDone, { done: task.done, of: task.of });
    this.rows.replaceChildren(...this.items(task), ...task.remarks.map((one) => this.remarkRow(task, one)));
    this.add.hidden = !task.allowed.includes("remark");
  }

  drawButtons(task) {
    const { words, board } = this;
    const press = { assign: () => board.forms.give(task, "assign"), hand_over: () => board.forms.give(task, "hand_over"), end: () => board.forms.end(task) };
    const shown = BUTTONS.filter((act) => task.allowed.includes(act));
    this.buttons.replaceChildren(h("span.chip" + (task.state === "joined" ? ".on" : ""), {}, words.state[task.state]),
      ...shown.map((act) => h(act === "join" ? "button.btn.main" : "button.btn", { type: "button", "data-act": act, onclick: press[act] ?? (() => board.actAndTell(task, act)) }, words.act[act])),
      h("button.btn", { type: "button", onclick: () => board.forms.history(task) }, words.history));
  }

  // ── the picture ────────────────────────────────────────────────────────

  drawPicture(task) {
    const { words } = this, here = this.isHere(task);
    const wanted = here && task.room_id ? `${task.id}/${task.room_id}` : this.lent?.of === task.id ? `${task.id}/lent` : `${task.id}/none/${task.secret}/${task.state}/${task.over}/${here}`;
    const plays = !wanted.startsWith(`${task.id}/none/`);
    this.snap.hidden = !(here && task.mine && task.allowed.includes("snapshot"));
    if (wanted === this.playing) return;
    this.stop();
    this.playing = wanted;
    if (!plays) {
      const ask = task.secret && this.board.manages && !task.mine ? h("button.btn", { type: "button", onclick: () => this.board.forms.look(task, (told) => this.lend(task, told)) }, words.look) : null;
      const over = task.opening && (task.over || task.state === "ended");
      const again = over ? h("a.btn", { href: this.address(task), target: "_blank", rel: "noopener" }, words.watch) : null;
      const [title, why] = this.without(task, here);
      this.picture.replaceChildren(h("div.dark", {}, h("b", {}, title), h("small", {}, why), ask, again));
      return;
    }
    this.picture.replaceChildren();
    this.player = new Player(this.picture, {
      hub: this.board.data.hub, room: task.room_id ?? this.lent.room, name: task.room, words: this.words, inside: true, secret: task.secret,
      token: () => this.token(task), due: task.secret ? null : task.due_at,
    });
    this.player.box.append(this.snap);
    this.tellRoom();
  }

  /** Whether the room's picture is one of this task's opening: as the desk says, unless the hub has said since that the
   *  room is at another or that this one is over. */
  isHere(task) {
    const room = task.opening && this.board.rooms?.find((one) => one.id === task.room_id);
    return task.at_hand && !(room && (room.state === "ended" || (room.opening && room.opening !== task.opening)));
  }

  /** Why no picture is shown, in two parts. */
  without(task, here) {
    const { words } = this;
    if (task.secret) return [words.secretPicture, words.secretWhat];
    if (task.over) return [words.openingOver, ""];
    if (task.state === "ended") return [words.overPicture, ""];
    return here || !task.room ? [words.noRoom, ""] : [words.elsewhere, say(words.elsewhereWhat, { time: minute(task.due_at) })];
  }

  async token(task) {
    const lent = this.lent?.of === task.id ? this.lent.token : null;
    if (lent) { this.lent.token = null; return lent; }
    return (await this.board.post("/api/witness/looks", { task: task.id, reason: this.lent?.reason })).token;
  }

  lend(task, { token, room, reason }) {
    this.lent = { of: task.id, token, room, reason };
    this.drawPicture(task);
  }

  /** The hub told of the rooms: the picture comes and goes with its opening. */
  heardOfRooms() {
    if (this.task) this.drawPicture(this.task);
    this.tellRoom();
  }

  /** The hub's word of the room, for the slate and the badge. */
  tellRoom() {
    const room = this.board.rooms?.find((one) => one.id === this.task?.room_id);
    if (room && this.player) this.player.tellRoom(room);
  }

  stop() {
    this.player?.close();
    this.player = this.playing = null;
    this.picture.replaceChildren();
  }

  /** What the player shows now as a JPEG; null where it shows nothing. */
  async frame() {
    const video = this.player?.video;
    if (!video?.videoWidth || video.readyState < 2) return null;
    const width = Math.min(WIDEST, video.videoWidth);
    const canvas = h("canvas", { width, height: Math.round((video.videoHeight * width) / video.videoWidth) });
    canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
    return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
  }

  /** Take a snapshot and note the item that is due with it. */
  async snapNow() {
    const { words, task, board } = this;
    if (this.snap.hidden) return;
    const picture = await this.frame();
    if (!picture) { board.tell(words.nothingToSnap, "refused"); return; }
    try {
      const kept = await board.send(`/api/witness/tasks/${encodeURIComponent(task.id)}/snapshots`, picture);
      const due = task.items.find((one) => one.come && !one.result);
      board.tell(say(words.snapped, { digest: kept.id.slice(0, 12) }), "done");
      board.load();
      if (due) this.note(due, kept.id);
    } catch (error) {
      board.tell(error.message, "refused");
    }
  }

  note(item, snapshot = null) {
    const { board, task } = this;
    board.forms.item(task, item, snapshot, (result, note) => { if (result === "abnormal") board.report.begin(item, note, snapshot); });
  }

  // ── the time line ──────────────────────────────────────────────────────

  drawLine(task) {
    const key = JSON.stringify([task.id, task.events.length, task.items.map((one) => one.at), Math.floor(Date.now() / 30000)]);
    if (key === this.lineKey) return;
    this.lineKey = key;
    const events = task.events.filter((one) => Date.parse(one.ts) > Date.parse(task.due_at) - EARLY);
    const moments = [...events.map((one) => one.ts), ...task.items.map((one) => one.at).filter(Boolean), task.due_at].map((at) => Date.parse(at));
    const over = task.state === "ended" || task.events.some((one) => one.type === "ended");
    const from = Math.min(...moments) - 60_000, now = Date.now(), to = Math.max(...moments, over ? 0 : now) + 300_000;
    const x = (at) => 16 + ((Date.parse(at) - from) / (to - from)) * 528;
    const at = over ? Math.max(...moments) : now;
    const ticks = Array.from({ length: 6 }, (_, i) => from + ((to - from) * i) / 5);
    const drawn = svg("svg", { viewBox: "0 0 560 40", role: "img", "aria-label": this.words.timeline },
      svg("rect", { class: "bed", x: 16, y: 8, width: 528, height: 6, rx: 3 }), svg("rect", { class: "gone", x: 16, y: 8, width: Math.max(0, ((at - from) / (to - from)) * 528), height: 6, rx: 3 }),
      ...events.filter((one) => this.board.data.events[one.type]).map((one) => svg("line", { class: "ev", x1: x(one.ts), x2: x(one.ts), y1: 5, y2: 17 }, svg("title", {}, `${clock(one.ts)} ${this.board.data.events[one.type]}`))),
      ...task.items.filter((one) => one.at).map((one) => one.result === "abnormal"
        ? svg("path", { class: "bad", d: `M${x(one.at)} 4l6 7-6 7-6-7z` }, svg("title", {}, `${clock(one.at)} ${one.text}`))
        : svg("circle", { class: "seen", cx: x(one.at), cy: 11, r: 4 }, svg("title", {}, `${clock(one.at)} ${one.text}`))),
      over ? null : svg("circle", { class: "now", cx: 16 + ((now - from) / (to - from)) * 528, cy: 11, r: 6 }),
      ...ticks.map((tick, i) => svg("text", { x: 16 + (528 * i) / 5, y: 36, "text-anchor": ["start", "middle", "middle", "middle", "middle", "end"][i] }, minute(tick))));
    this.line.replaceChildren(drawn);
  }

  // ── the checklist ──────────────────────────────────────────────────────

  items(task) {
    const due = task.items.find((one) => one.come && !one.result);
    return task.items.map((one) => this.row(task, one, one === due));
  }

  row(task, one, due) {
    const kind = one.result === "abnormal" ? "bad" : one.result ? "ok" : due ? "now" : "wait";
    const told = one.result ? this.seen(one) : this.unseen(task, one, due);
    return h(`tr.t-${kind}`, { "data-item": one.id }, h("td.cut", { title: one.stage }, one.stage), h("td.n1", {}, one.text, one.note ? h("small.muted", {}, ` · ${one.note}`) : null),
      h("td", {}, this.time(task, one.at)), h("td", {}, this.thumb(task, one.snapshot)), h("td", {}, told));
  }

  seen(one) {
    const { words } = this;
    if (one.result === "abnormal") return h("b.bad", { title: one.by }, words.result.abnormal);
    return h("span.ok", { title: one.by }, one.result === "conforms" ? icon("check") : null, words.result[one.result]);
  }

  unseen(task, one, due) {
    const { words } = this;
    if (!task.allowed.includes("tick") || !one.come) return words.notYet;
    return h(due ? "button.chip.now" : "button.chip", { type: "button", onclick: () => this.note(one) }, due ? words.noteNow : words.noteIt);
  }

  remarkRow(task, one) {
    return h("tr.t-ok", {}, h("td", {}, this.words.act.remark), h("td.n1", {}, one.note), h("td", {}, this.time(task, one.at)), h("td", {}, this.thumb(task, one.snapshot)), h("td.cut", {}, one.by));
  }

  /** When it was seen: leads to that second of the recording, once it may be watched again. */
  time(task, at) {
    if (!at) return "—";
    if (!task.opening) return clock(at);
    return h("a", { href: `${this.address(task)}#ts=${encodeURIComponent(at)}`, target: "_blank", rel: "noopener", title: this.words.watchAgain }, clock(at));
  }

  /** The opening's public page, where its recording is. */
  address(task) {
    return `${this.board.data.hub}/opening/${encodeURIComponent(task.opening)}?lang=${this.words.lang}`;
  }

  thumb(task, id) {
    const one = id && task.snapshots.find((held) => held.id === id);
    if (!one) return "—";
    return h("button.thumb", { type: "button", title: this.words.large, onclick: () => this.board.forms.snapshot(task, one) }, h("img", { src: this.board.picture(task.id, id), alt: `${this.words.snapshot} ${clock(one.at)}`, loading: "lazy" }));
  }

  async remarkNow(event) {
    event.preventDefault();
    const words = this.remark.value.trim();
    if (!words) { this.remark.focus(); return; }
    try {
      await this.board.post(`/api/witness/tasks/${encodeURIComponent(this.task.id)}/items`, { remark: words });
      this.remark.value = "";
    } catch (error) {
      this.board.tell(error.message, "refused");
    }
    this.board.load();
  }
}
