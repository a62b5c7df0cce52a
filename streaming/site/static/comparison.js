// Whether what a player shows is what is being recorded: "recorded", "differs", or "" where nothing can be said. A worker
// hashes the coded pictures as they pass and compares them with the hub's signed list.
import { serverNow } from "./site.js";

const FIRST = 3500, SOON = 3000, LATER = 10_000; // ms before the first look, between the hurried ones, between others
const HURRIED = 5; // looks without a verdict after which there is no hurry
const PATIENCE = 400; // ms that joining may wait for a worker

/** A worker and when it is ready: pictures that are given to one that is not would be missing. */
class Ready {
  loaded = false;
  constructor() {
    this.worker = new Worker(new URL("./comparison.worker.js", import.meta.url), { type: "module" });
    this.promise = new Promise((done) => {
      this.worker.onmessage = () => { this.loaded = true; done(); };
      this.worker.onerror = done; // nothing is compared then
    });
  }
}

const possible = Boolean(globalThis.Worker && globalThis.crypto?.subtle); // no secure connection: no signature to check
let spare = possible ? new Ready() : null, key = null;

/** The hub's own key, the first of those it publishes; asked for once. */
const hubKey = () => (key ??= fetch("/log/keys").then((answer) => (answer.ok ? answer.text() : "")).then((lines) => lines.split("\n")[0]));

export class Comparison {
  #ready; #timer = 0; #looks = 0; #closed = false;

  /** `tell()` is called when `state` has changed or was looked at anew; `at` is when. */
  constructor(room) {
    Object.assign(this, { room, state: "", at: null, tell: () => {} });
    this.#ready = spare ?? new Ready();
    spare = null;
    this.#later(FIRST);
  }

  /** Null where this browser cannot. */
  static of(room) {
    return possible ? new Comparison(room) : null;
  }

  /** Resolves when pictures may be given, or after a moment without. */
  prepared() {
    return Promise.race([this.#ready.promise, new Promise((done) => { setTimeout(done, PATIENCE); })]);
  }

  /** The pictures of a WebRTC receiver, to be called in the moment it is made: a moment later Chromium takes no transform.
   *  Where its frames cannot be had nothing is ever said. */
  receive(receiver) {
    if (!this.#closed && this.#ready.loaded && globalThis.RTCRtpScriptTransform) receiver.transform = new RTCRtpScriptTransform(this.#ready.worker);
  }

  /** A part or segment of HLS. */
  fragment(payload) {
    const copy = payload.slice(0);
    this.#ready.worker.postMessage({ fragment: copy }, [copy]);
  }

  #later(wait) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), wait * (0.8 + 0.4 * Math.random()));
  }

  async #look() {
    const own = document.hidden || !this.#ready.loaded ? "" : await hubKey().catch(() => "");
    if (this.#closed) return;
    if (!own) { key = null; this.#later(LATER); return; }
    this.#ready.worker.onmessage = ({ data }) => this.#told(data.state);
    this.#ready.worker.postMessage({ room: this.room, key: own, ahead: serverNow() - Date.now() });
  }

  #told(state) {
    if (this.#closed) return;
    const changed = state !== this.state;
    [this.state, this.at] = [state, serverNow()];
    this.#later(state === "recorded" || ++this.#looks > HURRIED ? LATER : SOON);
    if (changed || state) this.tell();
  }

  /** To be called when the connection is closed: its pictures pass through here. */
  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#ready.worker.terminate();
    this.state = "";
  }
}
