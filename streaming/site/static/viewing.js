// Tells the hub that somebody watches, for how long, how soon the picture came and how late it is. Not who: the page calls
// itself by a chance number that ends with it.
import { serverNow } from "./site.js";

const BEAT = 15_000; // ms between two words; the hub counts a page that is silent for three of them as gone
const LONGEST = 60; // s: a picture later than that is a clock that is wrong

export class Viewing {
  #player; #opening; #viewer; #known = false; #played = 0; #since = 0; #firstFrame = null; #timed; #beat = 0;

  /** @param timed whether a picture is there to be had from the page's first moment on: its coming is then worth measuring */
  constructor(player, opening, timed) {
    this.#player = player;
    this.#opening = opening;
    this.#timed = timed && !document.hidden;
    this.#viewer = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    document.addEventListener("visibilitychange", () => { this.#timed = false; });
    addEventListener("pagehide", () => this.#leave());
  }

  /** Hears of every state of the player. */
  tell(state) {
    const plays = state === "live" || state === "still";
    if (plays && !this.#since) this.#begin();
    if (!plays && this.#since) { this.#played += performance.now() - this.#since; this.#since = 0; }
    if (state === "off" && this.#known) this.#say();
  }

  #begin() {
    this.#since = performance.now();
    if (this.#timed) this.#firstFrame = this.#since / 1000; // counted from the page's navigation
    this.#timed = false;
    if (this.#beat) return;
    this.#say();
    this.#beat = setInterval(() => { if (this.#since) this.#say(); }, BEAT);
  }

  /** How late the picture is, in seconds; null where nobody can tell. */
  async #delay() {
    const late = await this.#player.late(serverNow());
    return late !== null && late >= 0 && late < LONGEST ? late : null;
  }

  /** What is to be told; the seconds are told once. */
  #word(more) {
    const now = performance.now();
    const seconds = (this.#played + (this.#since ? now - this.#since : 0)) / 1000;
    this.#played = 0;
    if (this.#since) this.#since = now;
    return { viewer: this.#viewer, opening: this.#opening, known: this.#known, seconds, first_frame: this.#firstFrame, ...more };
  }

  async #say() {
    const word = this.#word({ delay: await this.#delay().catch(() => null) }); // the session may be closing
    try {
      const answer = await fetch("/api/viewings", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(word) });
      if (answer.ok) this.#known = true;
    } catch {
      this.#played += word.seconds * 1000; // the hub is away: said with the next word
    }
  }

  #leave() {
    if (this.#known) navigator.sendBeacon("/api/viewings", JSON.stringify(this.#word({ left: true })));
  }
}
