// One WHEP session: a picture over WebRTC into a <video>, and why it ended.
const WHEP = {
  answer: 8000, // ms the hub may take for its answer
  lossy: 0.3, // lost share of the packets from which on a line counts as too bad; the hub's own limit
  patience: 8000, // ms of that before the session is given up; the hub ends it after 12 s
  unanswered: 3, // checks in a row without an answer after which the other side counts as gone
  thin: 0.01, // lost share from which on a line gets a buffer that waits for repeats
  buffer: 250, // ms of it: a repeat takes a round trip or two; on a clean line it would only be delay
  calm: 30_000, // ms without loss after which the buffer goes again
};

/** A failure that says where it came from: gone, full, refused, hub, udp, loss, ended, source, noplay, crowded. */
export function trouble(why) {
  return Object.assign(new Error(why), { why });
}

export class Whep {
  #pc = null; #address = null; #closed = false; #counted = null; #lossySince = 0; #lostAt = 0; #checks = null; #silent = false; #decoded = { seconds: 0, frames: 0 };

  /** @param place {hub, room, token(), layer, comparison}; `layer` "low" asks for the small picture, `comparison` is given
   *  the pictures as they come; `ended(why)` is called at most once, after `open` has succeeded */
  constructor(place, ended = () => {}) {
    this.place = place;
    this.ended = ended;
  }

  /** Whether the other side has fallen silent: gone, or the line is cut. */
  get silent() { return this.#silent || this.#pc?.connectionState === "disconnected"; }

  /** To be called while no pictures come: the browser says "disconnected" after more than five seconds only, but its
   *  checks, which go out ever quicker when nothing arrives, stay without an answer after less than three. */
  async listen() {
    for (const { type, nominated, requestsSent, responsesReceived } of (await this.#pc.getStats()).values()) {
      if (type !== "candidate-pair" || !nominated) continue;
      if (!this.#checks || responsesReceived > this.#checks.answered) this.#checks = { sent: requestsSent, answered: responsesReceived };
      this.#silent = requestsSent - this.#checks.sent >= WHEP.unanswered;
    }
  }

  /** Join and connect within `ms`; the picture then arrives in `video`. Throws a trouble. */
  async open(video, ms) {
    await this.place.comparison?.prepared();
    if (this.#closed) throw trouble("ended");
    const pc = (this.#pc = new RTCPeerConnection()), stream = new MediaStream();
    pc.ontrack = (event) => stream.addTrack(event.track);
    const { receiver } = pc.addTransceiver("video", { direction: "recvonly" });
    this.place.comparison?.receive(receiver);
    pc.addTransceiver("audio", { direction: "recvonly" });
    try {
      await pc.setLocalDescription();
      const answer = await this.#ask(pc.localDescription.sdp);
      await pc.setRemoteDescription({ type: "answer", sdp: answer });
      video.srcObject = stream;
      await this.#connected(ms);
    } catch (error) {
      this.close();
      throw error.why ? error : trouble("refused");
    }
    this.#attend();
  }

  async #ask(offer) {
    const { hub, room, token, layer } = this.place;
    let answer, text;
    try {
      const bearer = await token?.();
      const headers = { "content-type": "application/sdp", ...(bearer ? { authorization: `Bearer ${bearer}` } : {}) };
      const address = `${hub}/whep/${encodeURIComponent(room)}${layer ? `?layer=${layer}` : ""}`;
      answer = await fetch(address, { method: "POST", headers, body: offer, signal: AbortSignal.timeout(WHEP.answer) });
      text = await answer.text();
    } catch {
      throw trouble("hub");
    }
    if (answer.status !== 201) throw trouble({ 404: "gone", 503: "full" }[answer.status] ?? "refused");
    this.#address = new URL(answer.headers.get("location"), answer.url).href;
    if (this.#closed) { this.#leave(); throw trouble("ended"); }
    return text;
  }

  /** ICE and DTLS done. Browsers themselves wait 15 s and more before they call it failed. */
  #connected(ms) {
    const pc = this.#pc;
    return new Promise((done, fail) => {
      const late = setTimeout(() => fail(trouble("udp")), ms);
      pc.onconnectionstatechange = () => {
        if (pc.connectionState === "connected") { clearTimeout(late); done(); }
        if (pc.connectionState === "failed" || pc.connectionState === "closed") { clearTimeout(late); fail(trouble("udp")); }
      };
      pc.onconnectionstatechange();
    });
  }

  /** The hub says no reason when it ends a session: on a lossy line it was the loss, else joining again helps. */
  #attend() {
    const pc = this.#pc, dtls = pc.getReceivers()[0]?.transport;
    pc.onconnectionstatechange = () => { if (pc.connectionState === "failed") this.#end("udp"); };
    if (dtls) dtls.onstatechange = () => {
      if (dtls.state === "closed" || dtls.state === "failed") this.#end(this.#lossySince ? "loss" : "ended");
    };
  }

  /** Ask the receiver's counters; to be called about once a second while the picture plays. */
  async measure() {
    for (const one of (await this.#pc.getStats()).values()) {
      if (one.type !== "inbound-rtp" || one.kind !== "video") continue;
      const now = { lost: Math.max(0, one.packetsLost), all: one.packetsReceived + Math.max(0, one.packetsLost) };
      const before = this.#counted ?? now;
      if (this.#counted && now.all - before.all < 50) continue; // too few to judge by
      this.#counted = now;
      const share = now.all > before.all ? (now.lost - before.lost) / (now.all - before.all) : 0;
      this.#cushion(share);
      if (share <= WHEP.lossy) this.#lossySince = 0;
      else this.#lossySince ||= performance.now();
      if (this.#lossySince && performance.now() - this.#lossySince > WHEP.patience) this.#end("loss");
    }
  }

  /** Seconds from a picture's arrival at the hub, which sends it on at once, to its showing here: half of a round trip, and what
   *  the pictures since the last question took from their first packet until they were decoded; null where none came. */
  async late() {
    let trip = null, took = null;
    for (const one of (await this.#pc.getStats()).values()) {
      if (one.type === "candidate-pair" && one.nominated) trip = one.currentRoundTripTime ?? trip;
      if (one.type === "inbound-rtp" && one.kind === "video") took = this.#took(one.totalProcessingDelay, one.framesDecoded);
    }
    return trip === null || took === null ? null : trip / 2 + took;
  }

  #took(seconds, frames) {
    const before = this.#decoded;
    this.#decoded = { seconds, frames };
    return frames > before.frames && seconds !== undefined ? (seconds - before.seconds) / (frames - before.frames) : null;
  }

  /** On a line that loses packets both streams wait for their repeats, alike so that lips stay in time. */
  #cushion(share) {
    const now = performance.now(), before = this.#lostAt;
    if (share >= WHEP.thin) this.#lostAt = now;
    else if (before && now - before > WHEP.calm) this.#lostAt = 0;
    if (Boolean(before) === Boolean(this.#lostAt)) return;
    for (const receiver of this.#pc.getReceivers()) receiver.jitterBufferTarget = this.#lostAt ? WHEP.buffer : null;
  }

  #end(why) {
    if (this.#closed) return;
    this.close();
    this.ended(why);
  }

  #leave() {
    if (this.#address) fetch(this.#address, { method: "DELETE", keepalive: true }).catch(() => {}); // it may be gone already
    this.#address = null;
  }

  close() {
    this.#closed = true;
    this.#pc?.close();
    this.place.comparison?.close();
    this.#leave();
  }
}
