// One room's picture: badges, slate, sound, picture-in-picture, full screen.

class Player {
  /** @param options hub, room, name, secret (non-public: the desk signs a view token), words, quiet, desk */
  constructor(root, options) {
    this.options = options;
    this.words = options.words;
    this.video = h("video", { playsinline: true, autoplay: true, "aria-label": options.name || options.room });
    this.video.muted = true;
    this.live = h("span.tag.live", { hidden: true }, this.words.live);
    this.badge = h("span.tag.real", { hidden: true });
    this.title = h("b", {}, "");
    this.detail = h("small", {}, "");
    this.slateIcon = h("span", {}, icon("clock"));
    this.slate = h("div.slate", { role: "status" }, this.slateIcon, this.title, this.detail);
    this.time = h("time", {}, "");
    this.sound = h("button", { type: "button", onclick: () => this.mute(!this.video.muted) }, icon("mute"));
    this.box = h("div.pic" + (options.quiet ? ".quiet" : ""), {},
      this.video, this.slate, h("div.tl", {}, this.live, this.badge), this.bar());
    root.append(this.box);
    this.room = null;
    this.mute(true);
    this.whep = new Whep(this.video, {
      hub: options.hub, room: options.room, token: options.secret ? () => this.viewToken() : null,
      onstate: (state, transport) => this.show(state, transport), onmuted: () => this.mute(true),
    });
    this.show("connecting", "none");
    this.ticking = setInterval(() => { this.time.textContent = clock(Date.now()); }, 1000);
  }

  bar() {
    const { words } = this;
    const pip = document.pictureInPictureEnabled
      ? h("button", { type: "button", "aria-label": words.pip, title: words.pip, onclick: () => this.pip() }, icon("pip")) : null;
    const full = h("button", { type: "button", "aria-label": words.fullscreen, title: words.fullscreen, onclick: () => this.full() }, icon("full"));
    return h("div.ctl", {}, this.sound, h("span.room.cut", {}, this.options.name || this.options.room), this.time, pip, full);
  }

  async viewToken() {
    const answer = await ask(`/api/rooms/${encodeURIComponent(this.options.room)}/view-token`, { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
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

  full() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.box.requestFullscreen().catch(() => null);
  }

  /** What the hub says of the room: {state: idle|standby|live|paused|ended, reason?}. */
  tellRoom(room) {
    const before = this.room?.state;
    this.room = room;
    if (before && before !== room.state && ["live", "standby"].includes(room.state)) this.whep.kick();
    this.show(this.whep.state, this.whep.transport);
  }

  show(state, transport) {
    const { words } = this;
    const paused = this.room?.state === "paused";
    const live = state === "live" && !paused;
    this.box.dataset.state = paused ? "paused" : state;
    this.slate.hidden = live;
    this.live.hidden = !live || this.room?.state === "standby";
    this.badge.hidden = !live;
    this.badge.textContent = transport === "hls" ? words.nearRealTime : words.realTime;
    if (live) return;
    const key = paused ? "paused" : this.room?.state === "ended" && state !== "live" ? "ended" : state === "connecting" ? "connecting" : "nosignal";
    this.slateIcon.replaceChildren(icon(key === "paused" ? "pause" : "clock"));
    this.title.textContent = words[`${key}Title`];
    this.detail.textContent = (paused && this.room.reason) || words[`${key}Detail`] || "";
  }

  close() {
    clearInterval(this.ticking);
    this.whep.close();
    this.box.remove();
  }
}

/** What the hub's public rooms do, pushed by its hall feed; `onrooms(null)` while the hub does not answer. */
class Rooms {
  constructor(hub, onrooms) {
    this.feed = new Feed(() => socketAddress(hub, "/feeds/hall"), {
      onmessage: (message) => { if (message.rooms) onrooms(message.rooms); },
      onstate: (state) => { if (state !== "open") onrooms(null); },
    });
  }

  close() {
    this.feed.close();
  }
}
