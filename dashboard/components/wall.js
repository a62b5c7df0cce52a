// Four, nine or sixteen rooms at once; rooms without a picture show a slate and cost nothing.
import { minute } from "./clock.js";
import { ask, h, icon, mount, say } from "./common.js";
import { Player, Rooms, countdown, reasonText } from "./player.js";

class Tile {
  constructor(wall, seat) {
    Object.assign(this, { wall, seat });
    const { words } = wall;
    this.holder = h("div.holder");
    this.title = h("h3.cut");
    this.place = h("span.osd.cut");
    this.chip = h("span.chip");
    this.slateTitle = h("b");
    this.slateDetail = h("small");
    this.slateIcon = h("span");
    this.slate = h("div.pic", {}, h("div.slate", { role: "status" }, this.slateIcon, this.slateTitle, this.slateDetail));
    this.link = h("a.tx", { target: "_top", title: words.openRoom }, this.title, this.chip);
    this.health = h("span.dot", { role: "img" });
    this.holder.append(this.slate, this.place, this.health);
    this.box = h("article.card.tile", {}, this.holder, this.link);
  }

  update(seat, room, reachable) {
    this.seat = seat;
    const { words } = this.wall;
    const state = room?.state ?? (reachable ? "idle" : "unreachable");
    this.title.textContent = seat.title || words.noOpening;
    this.place.textContent = seat.name;
    this.chip.textContent = seat.stage || words.idle;
    this.chip.className = seat.now ? "chip now" : seat.stage ? "chip on" : "chip line";
    this.link.setAttribute("href", seat.opening ? `/room?opening=${encodeURIComponent(seat.opening)}` : `/room?room=${encodeURIComponent(seat.room)}`);
    const paused = seat.state === "paused" || state === "paused";
    const wants = !paused && !room?.off_air && (state === "live" || (state === "standby" && seat.state !== "scheduled"));
    if (wants && !this.player) this.player = new Player(this.holder, { hub: this.wall.data.hub, room: seat.room, name: seat.name, words, quiet: true });
    if (!wants && this.player) { this.player.close(); this.player = null; }
    this.slate.hidden = wants;
    this.player?.tellRoom({ state, muted: room?.muted, cameras: room?.cameras, off_air: room?.off_air });
    this.drawHealth(seat);
    const key = paused ? "paused" : state === "unreachable" ? "unreachable" : seat.state === "scheduled" ? "scheduled" : state === "ended" || seat.state === "ended" ? "ended" : room?.off_air ? "offAir" : "nosignal";
    this.slateIcon.replaceChildren(icon(paused ? "pause" : "clock"));
    const covered = paused && seat.state !== "paused";
    this.slateTitle.textContent = say(covered ? words.coveredTitle : words[`${key}Title`], { time: seat.scheduled_at ? minute(seat.scheduled_at) : "" });
    this.slateDetail.textContent = (paused && reasonText(seat.reason ?? room?.reason, words)) || (key === "scheduled" ? countdown(seat.scheduled_at, words) : words[`${key}Detail`] ?? "");
  }

  /** The stream's grade as shape and colour; its figures in the tooltip. */
  drawHealth(seat) {
    if (this.told === seat.tip) return;
    this.told = seat.tip;
    this.health.className = `dot ${seat.grade}`;
    this.health.title = seat.tip;
    this.health.setAttribute("aria-label", seat.tip);
  }

  close() {
    this.player?.close();
    this.box.remove();
  }
}

export class Wall {
  /** `polls`: whether it asks the desk for the seats itself; otherwise whoever made it tells them by `take`. */
  constructor(root, data, { polls = true } = {}) {
    Object.assign(this, { root, data, words: data.words, tiles: new Map(), rooms: null });
    this.note = h("p.muted.note", { hidden: true });
    this.grid = h("div.wall");
    root.append(this.note, this.grid);
    this.hub = new Rooms(data.hub, (rooms) => { this.rooms = rooms; this.draw(); });
    this.poll = this.poll.bind(this);
    if (polls) this.poll();
    this.ticking = setInterval(() => this.draw(), 1000);
  }

  /** The desk knows which opening stands at which stage; the hub knows where there is a picture. */
  async poll() {
    if (this.data.paused) return;
    try {
      const query = new URLSearchParams(Object.entries(this.data.filters).filter(([, v]) => v));
      this.seats = (await ask(`/api/hall?${query}`)).seats;
      this.trouble = null;
    } catch (error) {
      this.trouble = error.message;
    }
    this.draw();
    if (!this.closed) this.timer = setTimeout(this.poll, document.hidden ? 15000 : 2000);
  }

  take(seats) {
    this.seats = seats;
    this.draw();
  }

  draw() {
    if (this.closed || this.data.paused || !this.seats) return;
    const byId = new Map((this.rooms ?? []).map((room) => [room.id, room]));
    const rank = (seat) => (byId.get(seat.room)?.state === "live" ? 0 : 4) + ({ in_progress: 0, paused: 1, scheduled: 2 }[seat.state] ?? 3);
    const shown = [...this.seats].sort((a, b) => rank(a) - rank(b) || Date.parse(a.scheduled_at ?? 0) - Date.parse(b.scheduled_at ?? 0) || a.name.localeCompare(b.name, "zh")).slice(0, this.data.count);
    this.note.hidden = shown.length > 0 && !this.trouble;
    this.note.textContent = this.trouble ? say(this.words.trouble, { why: this.trouble }) : this.words.noRooms;
    const columns = Math.sqrt(this.data.count);
    this.grid.style.setProperty("--columns", columns);
    this.grid.style.setProperty("--gap", columns > 3 ? "8px" : "16px");
    const keep = new Set(shown.map((seat) => seat.room));
    for (const [room, tile] of this.tiles) if (!keep.has(room)) { tile.close(); this.tiles.delete(room); }
    shown.forEach((seat, index) => {
      let tile = this.tiles.get(seat.room);
      if (!tile) this.tiles.set(seat.room, (tile = new Tile(this, seat)));
      tile.update(seat, byId.get(seat.room), this.rooms !== null);
      tile.box.style.order = index;
      if (tile.box.parentNode !== this.grid) this.grid.append(tile.box);
    });
  }

  update(data) {
    const moved = JSON.stringify(data.filters) !== JSON.stringify(this.data.filters);
    const held = Boolean(data.paused) !== Boolean(this.data.paused);
    this.data = data;
    if (held) for (const tile of this.tiles.values()) tile.player?.hold(data.paused);
    if (moved || held) { clearTimeout(this.timer); this.poll(); } else this.draw();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    clearInterval(this.ticking);
    this.hub.close();
    for (const tile of this.tiles.values()) tile.close();
    this.note.remove();
    this.grid.remove();
  }
}

/** What Streamlit mounts. */
export default function (component) {
  return mount(component, (parent, data) => {
    const root = h("div.sunbid");
    parent.append(root);
    const wall = new Wall(root, data);
    return {
      update: (next) => wall.update(next),
      close() { wall.close(); root.remove(); },
    };
  });
}
