// A WHEP session that looks after itself: it returns after restarts of the hub, of the publisher and of the network.

const STALL_MS = 4000;
const ANSWER_MS = 8000;
const FALLBACK_AFTER = 3;

class Whep {
  /**
   * @param video the <video> element
   * @param options hub (origin), room, token() → bearer token or null, onstate(state, transport)
   * States: connecting, live, nosignal, closed. Transports: webrtc, hls, none.
   */
  constructor(video, options) {
    Object.assign(this, options, { video, attempt: 0, closed: false, failures: 0, state: "", transport: "none" });
    video.requestVideoFrameCallback?.(this.frame);
    this.watch = setInterval(() => this.look(), 1000);
    document.addEventListener("visibilitychange", this.shown);
    this.connect();
  }

  /** Browsers draw no frames in a hidden page: that is no stall. */
  shown = () => { this.started = performance.now(); };

  /** Try at once: something outside says that there is a picture now. */
  kick() {
    if (this.closed || this.state === "live") return;
    clearTimeout(this.pending);
    this.pending = null;
    this.attempt = 0;
    this.connect();
  }

  frame = () => {
    if (this.closed) return;
    this.seen = performance.now();
    if (this.state !== "live") {
      this.attempt = this.failures = 0;
      this.tell("live");
    }
    this.video.requestVideoFrameCallback(this.frame);
  };

  tell(state) {
    if (state === this.state) return;
    this.state = state;
    this.onstate?.(state, state === "live" ? this.transport : "none");
  }

  async connect() {
    if (this.closed) return;
    this.drop();
    this.started = performance.now();
    const round = (this.round = (this.round ?? 0) + 1);
    if (!this.state || this.state === "live") this.tell("connecting");
    try {
      await this.offer(round);
    } catch (error) {
      if (round === this.round) this.retry(error);
    }
  }

  async offer(round) {
    const peer = new RTCPeerConnection();
    this.peer = peer;
    this.transport = "webrtc";
    const stream = new MediaStream();
    peer.ontrack = (event) => stream.addTrack(event.track);
    peer.oniceconnectionstatechange = () => this.iceChanged(peer);
    peer.addTransceiver("video", { direction: "recvonly" });
    peer.addTransceiver("audio", { direction: "recvonly" });
    await peer.setLocalDescription();
    const token = await this.token?.();
    const headers = { "Content-Type": "application/sdp", ...(token ? { Authorization: `Bearer ${token}` } : {}) };
    const address = `${this.hub}/whep/${encodeURIComponent(this.room)}`;
    const answer = await fetch(address, {
      method: "POST", headers, body: peer.localDescription.sdp, signal: AbortSignal.timeout(ANSWER_MS),
    });
    if (answer.status !== 201) throw Object.assign(new Error(`WHEP ${answer.status}`), { status: answer.status });
    const place = answer.headers.get("Location");
    const sdp = await answer.text();
    const session = place ? new URL(place, answer.url).href : null;
    if (round !== this.round || this.closed) {
      if (session) fetch(session, { method: "DELETE", keepalive: true }).catch(() => null);
      return;
    }
    this.session = session;
    await peer.setRemoteDescription({ type: "answer", sdp });
    this.video.srcObject = stream;
    this.play();
  }

  play() {
    this.video.play().catch(() => {
      this.video.muted = true;
      this.onmuted?.();
      this.video.play().catch(() => this.tell("nosignal"));
    });
  }

  iceChanged(peer) {
    if (peer !== this.peer || this.closed) return;
    if (peer.iceConnectionState === "failed") this.retry(new Error("ICE failed"));
  }

  /** Once a second: a picture that stood still is asked for anew; a lost hub shows as a stall first. */
  look() {
    const now = performance.now();
    if (this.closed || this.pending || document.hidden) return;
    const last = Math.max(this.seen ?? 0, this.started ?? 0);
    if (now - last < STALL_MS || this.video.paused) return;
    const fresh = this.state === "live";
    this.tell("nosignal");
    const patience = fresh ? 0 : Math.min(30000, STALL_MS * 2 ** Math.min(this.attempt, 3));
    if (now - last >= STALL_MS + patience) this.retry(new Error("no frames"));
  }

  retry(error) {
    if (this.closed || this.pending) return;
    this.tell(error.status === undefined && this.state === "connecting" && this.attempt < 1 ? "connecting" : "nosignal");
    if (error.status === undefined && ++this.failures >= FALLBACK_AFTER && this.hls()) return;
    this.drop();
    this.pending = setTimeout(() => {
      this.pending = null;
      this.connect();
    }, backoff(this.attempt++));
  }

  /** Where UDP is shut the browser's own HLS player takes over; the badge says 准实时. */
  hls() {
    if (this.token || !this.video.canPlayType("application/vnd.apple.mpegurl")) return false;
    this.drop();
    this.failures = 0;
    this.transport = "hls";
    this.started = performance.now();
    this.attempt += 1;
    this.video.src = `${this.hub}/hls/${encodeURIComponent(this.room)}/index.m3u8`;
    this.play();
    return true;
  }

  drop() {
    if (this.session) fetch(this.session, { method: "DELETE", keepalive: true }).catch(() => null);
    this.session = null;
    this.peer?.close();
    this.peer = null;
    this.video.srcObject = null;
    this.video.removeAttribute("src");
  }

  close() {
    this.closed = true;
    clearInterval(this.watch);
    clearTimeout(this.pending);
    document.removeEventListener("visibilitychange", this.shown);
    this.drop();
    this.tell("closed");
  }
}
