// The ladder of pictures: WebRTC (实时), low-latency HLS (准实时), the text log (文字). It goes down by itself when a
// rung does not hold, and climbs back without disturbing what plays.
import { HlsPlayer } from "./hls-player.js";
import { Whep, trouble } from "./whep.js";

const LADDER = {
  tries: 3, // joins over WebRTC that may fail before the next rung is taken
  connect: 3000, // ms each of them has for ICE and DTLS: with three, ten seconds
  first: { realtime: 8000, near: 14_000 }, // ms until the first frame; the hub may wait for a keyframe
  stall: { realtime: 5000, near: 8000 }, // ms without frames after which a rung no longer holds
  silent: 2000, // the same on a connection whose other side has fallen silent: an edge or the hub is gone
  still: 900, // ms without frames after which a picture counts as still
  soon: 250, pause: 1000, longest: 10_000, // ms between joins
  hurry: 20_000, short: 1500, // for so long after a picture was lost the pauses stay short: a hub is restarted in seconds
  climb: 30_000, longestClimb: 240_000, // ms, up to twice as long by chance
  word: 1500, // ms that the hub's word on the room is waited for before HLS is asked for
  crowd: 3, // HLS pictures of one page: each holds a connection, and browsers open six to a server
  blocked: 300_000, // ms for which other pictures of this tab profit from one that found UDP shut
};

let crowd = 0;

/** That UDP is shut, told from page to page of a tab so that not every one spends ten seconds on finding out. */
const shut = {
  at: 0,
  get now() {
    try {
      return Date.now() - Number(sessionStorage.getItem("udpShut") ?? 0) < LADDER.blocked;
    } catch {
      return Date.now() - this.at < LADDER.blocked; // storage may be forbidden
    }
  },
  set now(yes) {
    this.at = yes ? Date.now() : 0;
    try {
      sessionStorage.setItem("udpShut", String(this.at));
    } catch {
      return; // kept for this page only
    }
  },
};

/**
 * Keeps a picture in `video` for as long as it is wanted.
 * `tell(state, ladder)` hears joining, live, still, held, lost and off; `ladder.rung` is what shows now, `ladder.why`
 * the reason where that is not the first rung. Frames are what counts: a connection that stands but brings none is
 * made anew. While the room's slate is up (`hold`) none are expected and the connection is kept.
 */
export class Ladder {
  #session = null; #probe = null; #on = ""; #timer = 0; #watch = 0; #climb = 0; #run = 0; #crowding = false;
  #tries = 0; #patience = LADDER.tries; #pause = LADDER.pause; #grace = LADDER.climb;
  #frames = 0; #framesAt = 0; #clock = 0; #liveAt = 0; #held = false; #aired; #looks = 0; #lostAt = -LADDER.hurry;

  /** @param options {hub, room, token(), near, layer, calm, choice, tell, onmuted, hears, compare}; `near`: there is HLS, as
   *  of every room the public may watch; with `hears` somebody calls `air`; `layer` "low": the small picture over WebRTC, where the room has one;
   *  `compare(room)` makes what compares the pictures with those recorded (null: cannot be), which hears of them and has a `state` */
  constructor(video, options) {
    Object.assign(this, { hub: "", token: null, near: true, layer: null, hears: false, calm: false, choice: "auto", tell: () => {}, onmuted: () => {}, compare: null }, options);
    this.video = video;
    this.wanted = false;
    this.state = "off";
    this.why = "";
    this.wake = this.wake.bind(this);
  }

  /** realtime, near or text: what the badge says. */
  get rung() { return this.state === "live" || this.state === "still" ? this.#on : "text"; }

  /** How the present rung plays: webrtc, hls.js or native. */
  get kind() { return this.#on === "near" ? this.#session?.kind : this.#on && "webrtc"; }

  /** What compares the pictures that show now with those recorded; null where nothing does. */
  get comparison() { return (this.state === "live" && this.#session?.place.comparison) || null; }

  /** Seconds from a picture's arrival at the hub to its showing here, with the hub's clock at `now` (ms); null where nobody can tell. */
  async late(now) { return this.state === "live" ? await this.#session.late(now) : null; }

  start() {
    if (this.wanted) return;
    this.wanted = true;
    this.#afresh();
    addEventListener("online", this.wake);
    this.#join();
  }

  stop() {
    if (this.wanted) removeEventListener("online", this.wake);
    this.wanted = false;
    this.#drop();
    this.#set("off");
  }

  /** The room withholds its picture, or gives it back. */
  hold(on) {
    if (on === this.#held) return;
    this.#held = on;
    this.#framesAt = performance.now();
    if (on && (this.state === "live" || this.state === "still")) this.#set("held");
  }

  /** Whether pictures arrive in the room, as the hub tells (undefined: not told): while none do there is no HLS to ask for. */
  air(on) {
    const back = on && this.#aired === false;
    this.#aired = on;
    if (back) this.nudge();
  }

  /** Something changed for the better (hub back, publisher back): don't wait the pause out. */
  nudge() {
    if (!this.wanted || this.state !== "lost") return;
    this.#pause = LADDER.pause;
    this.#join();
  }

  /** Another network: what was shut may be open. */
  wake() {
    shut.now = false;
    if (this.state === "lost") this.nudge();
    else if (this.#on === "near") this.#try();
  }

  /** The viewer's own choice, one of CHOICES (picture-choice.js). */
  choose(choice) {
    if (choice === this.choice) return;
    this.choice = choice;
    this.why = choice === "near" && this.#on === "near" ? "chosen" : "";
    if (!this.wanted) return;
    this.#afresh();
    if (this.#on === "near" && (choice === "auto" || choice === "realtime")) this.#try();
    else if (this.#on && (choice === "auto" || choice === this.#on)) this.#schedule();
    else this.#join();
    this.tell(this.state, this);
  }

  /** Another camera or size, on the rung that plays now; over WebRTC the old picture stays until the new one is there. */
  async move(room, layer = this.layer) {
    if (room === this.room && layer === this.layer) return;
    const only = room === this.room; // HLS has one size
    if (!only) this.#aired = undefined;
    [this.room, this.layer] = [room, layer];
    if (only && this.#on !== "realtime") return;
    if (!this.wanted) return;
    if (this.#on !== "realtime" || this.state === "lost" || !(await this.#try())) {
      if (room === this.room && this.wanted) this.#join();
    }
  }

  #afresh() {
    this.#patience = LADDER.tries;
    this.#tries = shut.now ? LADDER.tries : 0;
    this.#pause = LADDER.pause;
    this.#grace = LADDER.climb;
  }

  #set(state) {
    if (this.state === state) return;
    this.state = state;
    this.tell(state, this);
  }

  /** The rung to try next: "" where the viewer wants text alone. */
  #next() {
    const near = this.near && HlsPlayer.possible(this.video);
    if (this.choice === "text") return "";
    if (this.choice === "near") return near ? "near" : "";
    return this.choice === "auto" && near && this.#tries >= this.#patience ? "near" : "realtime";
  }

  async #join() {
    this.#drop();
    const run = this.#run, rung = this.#next();
    if (!rung) { this.why = this.choice === "text" ? "chosen" : "noplay"; this.#set("off"); this.tell(this.state, this); return; }
    if (rung === "near" && this.choice === "auto") this.why ||= "udp"; // another picture of this tab found out
    if (this.state !== "lost") this.#set("joining");
    try {
      await this.#open(rung, run);
    } catch (error) {
      this.#failed(run, rung, error.why ?? "hub");
      return;
    }
    if (run !== this.#run) return;
    this.#on = rung;
    this.#look(run, rung);
  }

  /** Where a session gets its pictures from. The small ones are not those recorded: nothing compares them. */
  #place() {
    const { hub, room, token, layer, calm } = this;
    const comparison = layer ? null : (this.compare?.(room) ?? null);
    if (comparison) comparison.tell = () => this.tell(this.state, this);
    return { hub, room, token, layer, calm, comparison };
  }

  async #open(rung, run) {
    if (rung === "near") await this.#word();
    if (run !== this.#run) return;
    if (rung === "near" && this.#aired === false) throw trouble("source");
    if (rung === "near" && crowd >= LADDER.crowd) throw trouble("crowded");
    const session = (this.#session = new (rung === "near" ? HlsPlayer : Whep)(this.#place()));
    session.ended = (why) => this.#failed(run, rung, why);
    if (rung === "near") { this.#crowding = true; crowd++; }
    await session.open(this.video, this.#patience === LADDER.tries ? LADDER.connect : 2 * LADDER.connect);
    if (run === this.#run) this.#play();
  }

  /** Until the hub has told whether pictures arrive here, where somebody hears it; a moment at most. */
  async #word() {
    const limit = performance.now() + LADDER.word;
    while (this.hears && this.#aired === undefined && performance.now() < limit) await new Promise((done) => setTimeout(done, 50));
  }

  #play() {
    const { video } = this;
    video.play().catch((error) => {
      if (error.name !== "NotAllowedError" || video.muted) return; // a new source interrupts, that is no refusal
      video.muted = true;
      this.onmuted();
      video.play().catch(() => {}); // refused even so: the viewer's own press starts it
    });
  }

  // ── watching what plays ──

  #look(run, rung) {
    clearInterval(this.#watch);
    this.#frames = this.#count();
    this.#clock = this.video.currentTime;
    this.#framesAt = performance.now() + LADDER.first[rung] - LADDER.stall[rung];
    this.#watch = setInterval(() => this.#check(run, rung), 500);
  }

  #count() { return this.video.getVideoPlaybackQuality().totalVideoFrames; }

  /** Whether a picture has come since the last look. Some browsers count no frames of their own HLS player. */
  #moved(rung) {
    const frames = this.#count(), clock = this.video.currentTime;
    const moved = frames > this.#frames || (rung === "near" && frames === 0 && clock > this.#clock + 0.2);
    [this.#frames, this.#clock] = [frames, clock];
    return moved;
  }

  #check(run, rung) {
    const now = performance.now();
    if (document.hidden || this.video.paused) { this.#framesAt = Math.max(this.#framesAt, now); return; }
    if (rung === "realtime" && ++this.#looks % 4 === 0) this.#session.measure().catch(() => {}); // it may be closing
    if (this.#moved(rung)) {
      this.#framesAt = now;
      this.#plays(rung, now);
    } else if (this.#held) {
      this.#framesAt = Math.max(this.#framesAt, now);
    } else if (now - this.#framesAt > (this.#session.silent ? LADDER.silent : LADDER.stall[rung])) {
      this.#failed(run, rung, this.state === "live" || this.state === "still" ? "stall" : "source");
    } else if (now - this.#framesAt > LADDER.still) {
      if (this.state === "live") this.#set("still");
      if (rung === "realtime") this.#session.listen().catch(() => {}); // it may be closing
    }
  }

  #plays(rung, now) {
    if (this.state === "live") return;
    this.#pause = LADDER.pause;
    if (this.state !== "still" && this.state !== "held") this.#liveAt = now;
    if (rung === "realtime") {
      [this.#tries, this.#patience, this.why] = [0, LADDER.tries, ""];
      shut.now = false;
    } else if (this.choice === "near") this.why = "chosen";
    this.#set("live");
    this.#schedule();
  }

  // ── down ──

  #failed(run, rung, why) {
    if (run !== this.#run || !this.wanted) return;
    const played = ["live", "still", "held"].includes(this.state);
    if (played) this.#lostAt = performance.now();
    this.#drop();
    if (rung === "realtime") this.#note(why, played);
    else { this.why = why; this.#tries = this.#patience - 1; }
    const falls = rung === "realtime" && this.#next() === "near";
    const trying = rung === "realtime" && why === "udp" && this.#tries < this.#patience;
    if (played || !(falls || trying)) this.#set("lost");
    const wait = falls || (rung === "realtime" && played) ? 0 : trying ? LADDER.soon : this.#backOff();
    this.#timer = setTimeout(() => this.#join(), wait);
  }

  /** A full room, a lossy line: the next rung at once. No such room: no rung helps. Anything else: after some tries. */
  #note(why, played) {
    this.why = why;
    if (why === "full" || why === "loss") this.#tries = this.#patience;
    else if (why !== "gone" && !(played && why === "ended") && !(why === "hub" && this.#hurried)) this.#tries++;
    if (why === "loss") {
      const short = performance.now() - this.#liveAt < 2 * LADDER.longest;
      this.#grace = Math.min(this.#grace * (short ? 2 : 1), LADDER.longestClimb);
    }
    if (this.#tries < this.#patience) return;
    this.#patience = 1; // next time one try will do
    if (why === "udp") shut.now = true;
  }

  /** Whether a picture was lost just now: a hub that does not answer is being restarted, and HLS would come from it too. */
  get #hurried() { return performance.now() - this.#lostAt < LADDER.hurry; }

  #backOff() {
    const wait = this.#pause * (0.5 + Math.random());
    this.#pause = Math.min(this.#pause * 2, this.#hurried ? LADDER.short : LADDER.longest);
    return wait;
  }

  // ── up ──

  #schedule() {
    clearTimeout(this.#climb);
    if (this.#on === "near" && this.choice === "auto") this.#climb = setTimeout(() => this.#try(), this.#grace * (1 + Math.random()));
  }

  /** Join over WebRTC beside what plays; take it over when its first frame is there. Whether that came to be. */
  async #try() {
    clearTimeout(this.#climb);
    this.#probe?.close();
    if (document.hidden || this.video.paused || this.#held) { this.#schedule(); return false; }
    const run = this.#run, beside = document.createElement("video");
    beside.muted = beside.playsInline = true;
    const session = (this.#probe = new Whep(this.#place()));
    let came = false;
    try {
      await session.open(beside, 2 * LADDER.connect);
      came = await this.#firstFrame(beside, session);
    } catch (error) {
      this.why ||= error.why ?? "hub";
    }
    if (came && run === this.#run && session === this.#probe) { this.#takeOver(session, beside); return true; }
    session.close();
    if (run === this.#run && session === this.#probe) {
      this.#probe = null;
      if (this.choice === "realtime" && this.#on === "near") this.#join();
      else this.#schedule();
    }
    return false;
  }

  async #firstFrame(beside, session) {
    beside.play().catch(() => {}); // the frames are looked at, not the promise
    const limit = performance.now() + LADDER.first.realtime;
    while (performance.now() < limit && session === this.#probe) {
      if (beside.getVideoPlaybackQuality().totalVideoFrames > 0) return true;
      await new Promise((done) => setTimeout(done, 50));
    }
    return false;
  }

  #takeOver(session, beside) {
    const stream = beside.srcObject;
    beside.srcObject = null;
    this.#probe = null;
    this.#drop(stream);
    const run = this.#run;
    this.#session = session;
    session.ended = (why) => this.#failed(run, "realtime", why);
    this.#on = "realtime";
    this.#play();
    this.#look(run, "realtime");
    [this.#tries, this.#patience, this.why, this.#liveAt] = [0, LADDER.tries, "", performance.now()];
    shut.now = false;
    this.state = "live";
    this.tell(this.state, this);
  }

  /** Let go of what plays; `next` takes its place in the same moment. */
  #drop(next = null) {
    this.#run++;
    clearTimeout(this.#timer);
    clearTimeout(this.#climb);
    clearInterval(this.#watch);
    this.#probe?.close();
    this.#session?.close();
    if (this.#crowding) { this.#crowding = false; crowd--; }
    this.#probe = this.#session = null;
    this.#on = "";
    if (this.video.srcObject !== next) this.video.srcObject = next;
  }
}
