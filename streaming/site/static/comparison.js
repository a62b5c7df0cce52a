// Whether what a player shows is what is being recorded: "recorded", "differs", or "" where nothing can be said. A worker
// hashes the coded pictures as they pass and compares them with the hub's signed list.
import { serverNow } from "./site.js";

const FIRST = 3500, SOON = 3000, LATER = 10_000; // ms before the first look, between the hurried ones, between others
const HURRIED = 5; // looks without a verdict after which there is no hurry
let key = null;

/** The hub's own key, the first of those it publishes; asked for once. */
const hubKey = () => (key ??= fetch("/log/keys").then((answer) => (answer.ok ? answer.text() : "")).then((lines) => lines.split("\n")[0]));

export class Comparison {
  #worker; #ready; #timer = 0; #looks = 0; #receiver = null; #closed = false;

  /** `tell()` is called when `state` has changed. */
  constructor(room) {
    Object.assign(this, { room, state: "", at: null, tell: () => {} });
    this.#worker = new Worker(new URL("./comparison.worker.js", import.meta.url), { type: "module" });
    this.#ready = new Promise((done) => {
      this.#worker.onmessage = ({ data }) => { if (data.ready) done(); else this.#told(data.state); };
    });
    this.#worker.onerror = () => { this.close(); this.tell(); };
    this.#later(FIRST);
  }

  /** Null where this browser cannot: no worker, or no secure connection. */
  static of(room) {
    return globalThis.Worker && globalThis.crypto?.subtle ? new Comparison(room) : null;
  }

  /** The pictures of a WebRTC receiver; where its frames cannot be had nothing is ever said. */
  async receive(receiver) {
    if (receiver.track.kind !== "video" || !globalThis.RTCRtpScriptTransform) return;
    await this.#ready; // frames that wait for a worker would be missing from the picture
    if (this.#closed) return;
    this.#receiver = receiver;
    receiver.transform = new RTCRtpScriptTransform(this.#worker);
  }

  /** A part or segment of HLS. */
  fragment(payload) {
    const copy = payload.slice(0);
    this.#worker.postMessage({ fragment: copy }, [copy]);
  }

  #later(wait) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), wait * (0.8 + 0.4 * Math.random()));
  }

  async #look() {
    if (this.#closed) return;
    if (document.hidden) { this.#later(SOON); return; }
    const own = await hubKey().catch(() => "");
    if (own) this.#worker.postMessage({ room: this.room, key: own, ahead: serverNow() - Date.now() });
    else { key = null; this.#later(LATER); }
  }

  #told(state) {
    if (this.#closed) return;
    const changed = state !== this.state;
    [this.state, this.at] = [state, serverNow()];
    this.#later(state === "recorded" || ++this.#looks > HURRIED ? LATER : SOON);
    if (changed || state) this.tell();
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    if (this.#receiver) this.#receiver.transform = null;
    this.#worker.terminate();
    this.state = "";
  }
}
