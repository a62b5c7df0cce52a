// One room's picture on the ladder (ladder.js): badges, slate, sound, picture-in-picture, full screen.
import { clock, minute } from "./clock.js";
import { ask, h, icon, say, set } from "./common.js";
import { follow } from "./feed.js";
import { Ladder } from "./ladder.js";
import { CHOICES, keepChoice, keptChoice } from "./picture-choice.js";

const SHOWN = { live: "live", still: "live", held: "live", joining: "connecting", lost: "nosignal", off: "nosignal" };

export class Player {
  /** @param options hub, room, name, inside (as the desk sees it, also while the public sees nothing), home (the room that a second camera belongs to), secret (of a room that is not public: there is only that), token (who gives the view token, where not the desk), due (moment of the opening: before it the slate says when), words, quiet (a tile: the small picture will do) */
  constructor(root, options) {
    this.options = options;
    this.words = options.words;
    this.video = h("video", { playsinline: true, autoplay: true, "aria-label": options.name || options.room });
    this.video.muted = true;
    this.live = h("span.tag.live", { hidden: true }, this.words.live);
    this.badge = h("summary.tag.real", { "aria-live": "polite" });
    this.only = h("span.tag.only", { hidden: true }, icon("lock"), this.words.insideOnly);
    this.silent = h("span.tag.silent", { hidden: true }, icon("mute"), this.words.silent);
    this.title = h("b", {}, "");
    this.detail = h("small", {}, "");
    this.slateIcon = h("span", {}, icon("clock"));
    this.slate = h("div.slate", { role: "status" }, this.slateIcon, this.title, this.detail);
    this.time = h("time", {}, "");
    this.sound = h("button", { type: "button", onclick: () => this.mute(!this.video.muted) }, icon("mute"));
    this.box = h("div.pic" + (options.quiet ? ".quiet" : ""), {},
      this.video, this.slate, h("div.tl", {}, this.live, this.only, this.menu(), this.silent), this.bar());
    root.append(this.box);
    this.room = null;
    this.mute(true);
    this.ladder = new Ladder(this.video, {
      hub: options.hub, room: options.room, token: options.token ?? (options.inside ? () => this.viewToken() : null),
      near: !options.secret, hears: !options.secret, calm: Boolean(options.quiet), layer: this.layer(),
      choice: keptChoice(), tell: () => this.show(), onmuted: () => this.mute(true),
    });
    this.ladder.start();
    for (const kind of ["fullscreenchange", "enterpictureinpicture", "leavepictureinpicture"]) this.box.addEventListener(kind, (event) => this.resized(event), true);
    this.show();
    this.ticking = setInterval(() => { this.time.textContent = clock(Date.now()); if (options.due) this.show(); }, 1000);
  }

  bar() {
    const { words } = this;
    const pip = document.pictureInPictureEnabled
      ? h("button", { type: "button", "aria-label": words.pip, title: words.pip, onclick: () => this.pip() }, icon("pip")) : null;
    const full = h("button", { type: "button", "aria-label": words.fullscreen, title: words.fullscreen, onclick: () => this.full() }, icon("full"));
    return h("div.ctl", {}, this.sound, h("span.room.cut", {}, this.options.name || this.options.room), this.time, pip, full);
  }

  /** The badge: which rung plays and why; under it the viewer may choose one. */
  menu() {
    const { rung } = this.words;
    const names = { auto: rung.auto, realtime: this.words.realTime, near: this.words.nearRealTime, text: rung.text };
    this.choices = CHOICES.map((choice) => h("button", { type: "button", "data-rung": choice, onclick: () => this.choose(choice) }, names[choice]));
    this.reason = h("p", {}, "");
    this.rung = h("details.rung", {}, this.badge, h("div.panel", {}, h("div", { role: "group", "aria-label": rung.label }, this.choices), this.reason));
    this.names = names;
    return this.rung;
  }

  /** The picture stands still, or goes on where it is now. */
  hold(paused) {
    if (paused) this.video.pause();
    else this.video.play().catch(() => {}); // without a source yet: it plays once there is one
  }

  choose(choice) {
    this.ladder.choose(choice);
    this.rung.open = false;
    if (!keepChoice(choice)) this.rung.dataset.storage = "none"; // kept for this picture only
    this.show();
  }

  showRung() {
    const { rung, why, choice } = this.ladder, texts = this.words.rung;
    const text = this.names[rung], reason = why ? texts.why[why] : texts.note[rung];
    if (this.badge.textContent !== text) this.badge.textContent = text;
    this.badge.title = this.reason.textContent = reason;
    this.badge.dataset.rung = rung;
    for (const button of this.choices) button.setAttribute("aria-pressed", String(button.dataset.rung === choice));
  }

  async viewToken() {
    const answer = await ask(`/api/rooms/${encodeURIComponent(this.options.home ?? this.options.room)}/view-token`, { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
    return answer.token;
  }

  mute(muted) {
    this.video.muted = muted;
    const label = muted ? this.words.unmute : this.words.mute;
    this.sound.replaceChildren(icon(muted ? "mute" : "sound"));
    set(this.sound, { "aria-label": label, title: label });
  }

  pip() {
    if (document.pictureInPictureElement) document.exitPictureInPicture();
    else if (this.video.readyState > 0) this.video.requestPictureInPicture().catch(() => null);
  }

  /** The small picture for a tile, the full one for everything larger. */
  layer() {
    return this.options.quiet && !this.floating && !this.box.matches(":fullscreen") ? "low" : null;
  }

  resized(event) {
    if (event.type !== "fullscreenchange") this.floating = event.type === "enterpictureinpicture";
    this.ladder.move(this.options.room, this.layer());
  }

  full() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.box.requestFullscreen().catch(() => null);
  }

  /** What the hub says of the room: {state: idle|standby|live|paused|ended, muted?, reason?, off_air?: the public gets no
   *  picture, cameras?: those that send one}. */
  tellRoom(room) {
    const before = this.room?.state;
    this.room = room;
    this.silent.hidden = !room.muted;
    this.ladder.hold(room.state === "paused");
    this.ladder.air(room.cameras?.includes(this.options.room));
    if (before && before !== room.state && ["live", "standby"].includes(room.state)) this.ladder.nudge();
    this.show();
  }

  show() {
    if (!this.ladder) return; // it speaks while it is being made
    const { words } = this, state = SHOWN[this.ladder.state];
    this.showRung();
    const paused = this.room?.state === "paused";
    const live = state === "live" && !paused;
    this.box.dataset.state = paused ? "paused" : state;
    this.slate.hidden = live;
    this.live.hidden = !live || !this.onAir();
    this.only.hidden = !live || !this.room?.off_air;
    if (live) return;
    const key = paused ? "paused" : this.slateKey(state), { due } = this.options;
    if (this.slateIcon.dataset.key !== key) { this.slateIcon.dataset.key = key; this.slateIcon.replaceChildren(icon(key === "paused" ? "pause" : "clock")); }
    this.title.textContent = paused && this.room.covered ? words.coveredTitle : say(words[`${key}Title`], { time: due ? minute(due) : "" });
    this.detail.textContent = (paused && reasonText(this.room.reason, words)) || (key === "scheduled" ? countdown(due, words) : words[`${key}Detail`] ?? "");
  }

  /** Whether an opening is going on before the camera; of a room that is not public nobody says so. */
  onAir() {
    return this.room ? this.room.state === "live" : Boolean(this.options.secret);
  }

  /** Why there is no picture: its opening is still to come, it is over, the picture is on its way, or there is none. */
  slateKey(state) {
    if (Date.parse(this.options.due) > Date.now()) return "scheduled";
    if (this.room?.state === "ended" && state !== "live") return "ended";
    return state === "connecting" ? "connecting" : "nosignal";
  }

  close() {
    clearInterval(this.ticking);
    this.ladder.stop();
    this.box.remove();
  }
}

/** What a player of one opening is told: the opening's own state, and what the hub says of its room; either may change first. */
export function roomOf(story, room) {
  const state = { in_progress: "live", paused: "paused", ended: "ended", sealed: "ended" }[story.state] ?? "standby";
  const slated = state === "live" && room?.state === "paused";
  return { state: slated ? "paused" : state, covered: slated, reason: slated ? room.reason : story.pauseReason, muted: room?.muted, cameras: room?.cameras, off_air: room?.off_air };
}

/** A usual value of a free field in the reader's language, any other as it was written. */
export function term(text, words) {
  return text && words.terms[text] !== undefined ? words.terms[text] : text ?? "";
}

/** A known reason in the reader's language, any other as it was written. */
export function reasonText(reason, words) {
  return reason ? words.whyCovered?.[reason] ?? term(reason, words) : "";
}

/** How long it is until a moment. */
export function countdown(moment, words) {
  const left = Math.round((new Date(moment) - Date.now()) / 1000);
  if (left <= 0) return words.startsSoon;
  const [hours, minutes, seconds] = [Math.floor(left / 3600), Math.floor((left % 3600) / 60), left % 60];
  return hours ? say(words.startsInHours, { hours, minutes }) : say(words.startsIn, { minutes, seconds });
}

/** What the hub's public rooms do, pushed by its hall feed; `onrooms(null)` while the hub does not answer. */
export class Rooms {
  constructor(hub, onrooms) {
    this.feed = follow(() => new URL("/feeds/hall", hub).href, {
      message: (told) => { if (told.rooms) onrooms(told.rooms); },
      state: (now) => { if (now !== "open") onrooms(null); },
    });
  }

  close() {
    this.feed.close();
  }
}
