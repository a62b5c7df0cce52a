// What moves on the wall: digits that flip to a new figure, a board that scrolls where there are more lines than fit.
import { h } from "./common.js";

/** Milliseconds a line stands before the board moves on by one. */
const STAND = 4000, MOVE = 600;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** A figure as a row of digits; only those that change turn over. */
export class Flip {
  constructor() {
    this.spoken = h("span.vh");
    this.row = h("span.digits", { "aria-hidden": "true" });
    this.box = h("span.flip", {}, this.spoken, this.row);
    this.shown = "";
  }

  show(text) {
    if (text === this.shown) return;
    const before = this.shown.padStart(text.length, " "), first = !this.shown;
    this.spoken.textContent = text;
    const cells = [...text].map((sign) => h(/\d/.test(sign) ? "i" : "u", {}, sign));
    cells.forEach((cell, place) => {
      if (!first && !calm.matches && before[before.length - text.length + place] !== text[place]) cell.classList.add("turn");
    });
    this.row.replaceChildren(...cells);
    this.shown = text;
  }
}

/** A list of which `most` lines are seen; where there are more it moves up by one line at a time, round and round. */
export class Scroll {
  constructor(body, draw, most) {
    Object.assign(this, { draw, most });
    this.list = h("ol.scroll", { style: `--rows:${most}` });
    body.append(this.list);
  }

  update(told) {
    clearInterval(this.timer);
    this.moving?.cancel();
    this.list.replaceChildren(...told.rows.map(this.draw));
    this.list.classList.toggle("few", told.rows.length <= this.most);
    if (told.rows.length > this.most) this.timer = setInterval(() => this.step(), STAND);
  }

  step() {
    const first = this.list.firstElementChild;
    if (!first || !this.list.isConnected) return;
    const settle = () => this.list.append(first);
    if (calm.matches) { settle(); return; }
    const up = [{ transform: "none" }, { transform: `translateY(-${first.offsetHeight}px)` }];
    for (const line of this.list.children) {
      const move = line.animate(up, { duration: MOVE, easing: "ease-in-out" });
      if (line === first) { this.moving = move; move.onfinish = settle; }
    }
  }

  close() {
    clearInterval(this.timer);
    this.moving?.cancel();
  }
}
