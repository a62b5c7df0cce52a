// Low-latency HLS into a <video>: hls.js where it is installed and the browser takes media from scripts, else the
// browser's own player (Safari's is quick, Chromium's waits for whole segments and stays some seconds behind).
import { trouble } from "./whep.js";

const APPLE = "application/vnd.apple.mpegurl";

export class HlsPlayer {
  #hls = null; #video = null; #closed = false; #recovered = false;

  /** @param place {hub, room, calm: whole segments only, comparison: given what is loaded}; `ended(why)` is called at most once */
  constructor(place, ended = () => {}) {
    this.place = place;
    this.ended = ended;
    this.kind = "";
  }

  /** Whether this browser could play HLS in any way. */
  static possible(video) {
    return Boolean(window.ManagedMediaSource ?? window.MediaSource) || video.canPlayType(APPLE) !== "";
  }

  /** Begin to load; frames come when they come. Throws a trouble where nothing here can play HLS. */
  async open(video) {
    this.#video = video;
    const Hls = await this.#library();
    if (this.#closed) return;
    video.srcObject = null;
    if (Hls?.isSupported()) this.#script(Hls, video);
    else if (video.canPlayType(APPLE)) this.#native(video);
    else throw trouble("noplay");
  }

  async #library() {
    try {
      return (await import("./hls.js")).default;
    } catch {
      return null; // not installed: the browser's own player
    }
  }

  #address(aac) {
    return `${this.place.hub}/hls/${encodeURIComponent(this.place.room)}/index.m3u8${aac ? "?audio=aac" : ""}`;
  }

  #script(Hls, video) {
    this.kind = "hls.js";
    const source = window.ManagedMediaSource ?? window.MediaSource;
    const hls = (this.#hls = new Hls({
      enableWorker: false, // fMP4 needs no remuxing, and the page's policy allows no blob: workers
      lowLatencyMode: !this.place.calm,
      maxLiveSyncPlaybackRate: 1.2,
      backBufferLength: 8,
    }));
    hls.on(Hls.Events.ERROR, (_event, data) => {
      if (!data.fatal) return;
      if (data.type === Hls.ErrorTypes.MEDIA_ERROR && !this.#recovered) {
        this.#recovered = true;
        hls.recoverMediaError();
        video.play().catch(() => {}); // taking the source anew has paused it
        return;
      }
      this.#end({ 404: "gone", 406: "codec" }[data.response?.code] ?? "hls");
    });
    hls.on(Hls.Events.FRAG_LOADED, (_event, { payload }) => this.place.comparison?.fragment(payload));
    hls.loadSource(this.#address(!source.isTypeSupported('audio/mp4; codecs="opus"')));
    hls.attachMedia(video);
  }

  #native(video) {
    this.kind = "native";
    video.onerror = () => this.#end("hls");
    video.src = this.#address(video.canPlayType('audio/mp4; codecs="mp4a.40.2"') !== "");
  }

  /** Seconds from a picture's arrival at the hub to its showing here, with the hub's clock at `now` (ms); null where the browser's
   *  own player does not tell. */
  late(now) {
    const shown = this.#hls?.playingDate;
    return shown ? (now - shown.getTime()) / 1000 : null;
  }

  #end(why) {
    if (this.#closed) return;
    this.close();
    this.ended(why);
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#hls?.destroy();
    this.place.comparison?.close();
    if (this.kind === "native") {
      this.#video.onerror = null;
      this.#video.removeAttribute("src");
      this.#video.load();
    }
  }
}
