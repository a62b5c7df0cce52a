// What happened today, pushed by the desk's feed. A rerun of the page leaves the list alone.
import { clock } from "./clock.js";
import { h, lotAddress, mount, say } from "./common.js";
import { follow } from "./feed.js";

class Ticker {
  constructor(root, data, moved) {
    Object.assign(this, { root, data, words: data.words, moved, shown: new Set() });
    this.state = h("p.told", { role: "status" }, this.words.loading);
    this.list = h("ul.ticker", { "aria-label": this.words.list });
    root.append(this.state, this.list);
    this.listen();
  }

  listen() {
    this.feed?.close();
    const query = new URLSearchParams({ ...this.data.filters, lang: this.words.lang });
    this.feed = follow(() => `/feeds/ticker?${query}`, {
      message: (told) => { if (!this.data.paused) this.take(told); },
      state: (state) => this.say(state),
    });
  }

  take({ rows, today }) {
    this.at = Date.now();
    const openings = JSON.stringify(today);
    if (this.openings && openings !== this.openings) this.moved(openings);
    this.openings = openings;
    const first = this.shown.size === 0;
    this.list.replaceChildren(...rows.map((row) => this.row(row, first)));
    this.shown = new Set(rows.map(key));
    this.tell(rows.length ? "" : this.words.quiet);
  }

  row(row, first) {
    const lot = h("a", { href: lotAddress(row.lot_id), target: "_top", title: `${row.lot}\n${this.words.open}` },
      h("time", {}, row.time), h("span.chip", {}, row.event), h("span.cut", {}, row.lot));
    return h(first || this.shown.has(key(row)) ? "li" : "li.new", {}, lot);
  }

  say(state) {
    if (state === "lost" && this.at) this.tell(say(this.words.lost, { time: clock(this.at) }), true);
    if (state === "refused") this.tell(this.words.refused, true);
    if (state === "open" && this.list.childElementCount) this.tell("");
  }

  tell(words, lost = false) {
    this.state.textContent = words;
    this.state.hidden = !words;
    this.state.classList.toggle("lost", lost);
  }

  update(data) {
    const asked = JSON.stringify([data.filters, data.words.lang]) !== JSON.stringify([this.data.filters, this.words.lang]);
    const resumed = this.data.paused && !data.paused;
    Object.assign(this, { data, words: data.words });
    if (asked || resumed) this.listen();
  }

  close() {
    this.feed.close();
    this.root.remove();
  }
}

const key = (row) => `${row.time} ${row.event} ${row.lot_id}`;

/** What Streamlit mounts. */
export default function (component) {
  return mount(component, (parent, data) => {
    const root = h("div.sunbid");
    parent.append(root);
    return new Ticker(root, data, (openings) => component.setTriggerValue("moved", openings));
  });
}
