// The line above the host's desk: what has been done, what was refused, that the desk cannot be reached.
import { h } from "./common.js";

const SHOWN = 12_000; // ms

export class Said {
  constructor() { this.box = h("p.said", { role: "status" }); }

  /** @param line that the line is down: it is taken back once the desk answers again */
  tell(words, outcome, line = false) {
    this.ofLine = Boolean(line);
    this.box.className = `said ${outcome}`;
    this.box.textContent = words;
    clearTimeout(this.hiding);
    if (outcome !== "refused") this.hiding = setTimeout(() => this.hush(), SHOWN);
  }

  /** The desk has answered: nothing says any more that it cannot be reached. */
  reached() { if (this.ofLine) this.hush(); }

  hush() {
    clearTimeout(this.hiding);
    this.ofLine = false;
    this.box.className = "said";
    this.box.textContent = "";
  }
}
