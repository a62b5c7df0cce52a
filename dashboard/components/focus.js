// The keyboard on a screen that is drawn anew each time something happens: it stays where it was.
const keyOf = (control) => control.dataset.step || control.dataset.key || control.name || control.getAttribute("aria-label") || control.textContent;

export class Focus {
  constructor(root) { Object.assign(this, { root, lost: null }); }

  /** The control of the desk that has the keyboard; null where it is elsewhere. */
  get own() {
    const at = this.root.getRootNode().activeElement;
    return at && this.root.contains(at) ? at : null;
  }

  /** Draw, then give the keyboard to the control that has taken the place of the one that had it, at once or when it comes back. */
  keep(draw) {
    const had = this.own, elsewhere = !had && document.activeElement !== document.body;
    if (had || elsewhere) this.lost = null;
    draw();
    if (had?.isConnected) return;
    const key = had ? keyOf(had) : this.lost;
    this.lost = key !== null && !this.give((one) => keyOf(one) === key) ? key : null;
  }

  /** Give it to the first control that is wanted and can be pressed. */
  give(wanted) {
    const found = [...this.root.querySelectorAll("button, a, select, input")].find((one) => !one.disabled && wanted(one));
    found?.focus({ preventScroll: true });
    return found !== undefined;
  }

  /** After a step of the host: the next bid, since the key that reads it does so from everywhere else, the next step, or going on. */
  goOn() {
    const next = [(one) => one.dataset.step === "bid_read", (one) => one.dataset.step && one.dataset.step !== "objection" && one.closest("ol.law"), (one) => one.dataset.step === "resumed"];
    next.some((wanted) => this.give(wanted));
  }
}
