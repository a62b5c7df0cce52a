// What cannot be undone is confirmed by holding its button down for two seconds, with the pointer, Enter or the space bar.
// Whoever asks for less motion, and whatever presses a button without a pointer (a screen reader), confirms by pressing twice.
import { h, say } from "./common.js";

/** Steps that nothing takes back. */
export const HELD = new Set(["bidders_published", "ended"]);
const HOLD = 2000;
/** The second press of two comes after this, in ms: a double click is one decision. */
const APART = 700;

class Hold {
  constructor(button, hint, words) {
    Object.assign(this, { button, hint, words, timer: 0, asked: 0, pointed: false, began: null });
    button.classList.add("hold");
    button.dataset.hold = "";
    button.style.setProperty("--hold", `${HOLD}ms`);
    const on = (kinds, act) => kinds.forEach((kind) => button.addEventListener(kind, act));
    on(["pointerdown"], (event) => { this.pointed = true; if (event.button === 0) this.begin(event); });
    on(["pointerup", "pointerleave", "pointercancel", "blur"], (event) => this.stop(event));
    on(["keydown"], (event) => this.key(event));
    on(["keyup"], (event) => { if (isPress(event)) { event.preventDefault(); this.stop(event); } });
    on(["click"], (event) => this.click(event));
    on(["contextmenu"], (event) => event.preventDefault()); // a long touch
  }

  get calm() { return matchMedia("(prefers-reduced-motion: reduce)").matches; }

  key(event) {
    if (!isPress(event) || this.calm) return;
    event.preventDefault(); // no click: it is held
    if (!event.repeat) this.begin(event);
  }

  begin(event) {
    if (this.calm || this.button.disabled) return;
    this.button.classList.add("holding");
    clearTimeout(this.timer);
    this.began = event.timeStamp;
    this.timer = setTimeout(() => this.finish(), HOLD);
  }

  /** Let go: by the times of the events it may have been held long enough though this page was too busy to notice. */
  stop(event) {
    if (this.began !== null && event.timeStamp - this.began >= HOLD) this.finish();
    else this.cease();
  }

  finish() {
    this.cease();
    this.done();
  }

  cease() {
    clearTimeout(this.timer);
    this.began = null;
    this.button.classList.remove("holding");
  }

  click(event) {
    event.preventDefault(); // the form is sent once it is held, or pressed twice
    const short = this.pointed && !this.calm;
    this.pointed = false;
    if (short && this.sent) { this.sent = false; return; }
    if (short) { this.hint.textContent = this.words.holdOn; return; }
    const since = performance.now() - this.asked;
    if (this.asked && since > APART) { this.done(); return; }
    this.asked ||= performance.now();
    this.hint.textContent = say(this.words.pressAgain, { step: this.button.textContent });
  }

  done() {
    this.asked = 0;
    this.sent = this.pointed; // the click of the same press says no more
    this.button.form.requestSubmit();
  }
}

const isPress = (event) => event.key === "Enter" || event.key === " ";

/** Make a form's button one that is held; gives the line that says how. */
export function held(button, words) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const hint = h("p.muted.small", { role: "status", id: "hold-hint" }, calm ? words.pressTwice : words.holdHint);
  button.setAttribute("aria-describedby", hint.id);
  new Hold(button, hint, words);
  return hint;
}
