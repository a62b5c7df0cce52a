// What a player was shown beside what the hub lists as recorded: whether they are the same pictures, and where nobody knows.
const DIGEST = 16; // bytes of SHA-256 a list holds
const HELD = 90_000; // ms for which pictures seen and listed are kept
const WINDOW = 12_000; // ms of pictures that a verdict is of
const BEHIND = 10_000; // ms after which a list has what it will have, whatever the clock of the source
const AHEAD = 20_000; // ms by which a picture may be older than its coming: what a player is sent when it joins
const GAP = 200; // ms between two pieces from which on something may lie between that is not listed
const SEVERAL = 12; // pictures in a row that are on no list: not the loss of one, but another picture
const ENOUGH = 8;

export class Recorded {
  constructor() {
    this.seen = []; // {at: ms of the hub's clock, digest}, as they came
    this.unreadable = false; // a picture came that could not be looked at
    this.forgetLists();
  }

  /** Where a room has no list, what was listed before says nothing of what is shown now. */
  forgetLists() {
    this.listed = new Map(); // digest → until when it is kept
    [this.from, this.until] = [Infinity, 0]; // ms between which all that was recorded is listed
  }

  /** Add a list. Where its pieces do not follow each other (a recording begun anew), what lies between is not known. */
  add({ since, pieces }) {
    for (const { at, ms, pictures } of pieces) {
      const begins = Date.parse(at);
      if (begins > this.until + GAP) this.from = begins;
      this.until = Math.max(this.until, begins + ms);
      const raw = atob(pictures);
      for (let i = 0; i < raw.length; i += DIGEST) this.listed.set(btoa(raw.slice(i, i + DIGEST)), this.until + HELD);
    }
    this.from = Math.max(this.from, Date.parse(since));
  }

  forget(now) {
    while (this.seen.length && this.seen[0].at < now - HELD) this.seen.shift();
    for (const [digest, end] of this.listed) if (end < now) this.listed.delete(digest);
  }

  /** "recorded", "differs", or "" where nothing can be said. */
  verdict(now) {
    const found = (one) => this.listed.has(one.digest), last = this.seen.findLast(found);
    const edge = Math.max(last?.at ?? 0, this.until - BEHIND);
    if (this.unreadable || edge < now - 2 * BEHIND) return "";
    let good = 0, run = 0, longest = 0, absent = 0;
    for (const one of this.seen) {
      if (one.at > edge || one.at <= edge - WINDOW || !one.digest) continue;
      const known = one.at > this.from + AHEAD;
      if (found(one)) { good += 1; run = 0; } else if (known || good) { absent += 1; if (known) longest = Math.max(longest, ++run); }
    }
    if (longest >= SEVERAL) return "differs";
    return good >= ENOUGH && !absent ? "recorded" : "";
  }
}
