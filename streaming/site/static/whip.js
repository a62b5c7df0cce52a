// A WHIP publisher that comes back by itself until it is stopped.
const REFUSED = new Set([401, 403, 404]);
const PAUSE = 300, LONGEST = 15_000; // ms between two tries
const SMALL = { rid: "l", scaleResolutionDownBy: 4, maxBitrate: 150_000, maxFramerate: 15 }; // the picture of tiles
const RICH = { pixels: 640 * 360, cores: 2 }; // from here on it is worth its encoder: a sixteenth of the pixels

export class Publisher {
  /** `tell(state, detail)`: state is off, connecting, on, busy, failed or denied. */
  constructor(address, tell) {
    this.address = address;
    this.tell = tell;
    this.wanted = false;
    this.session = null;
    this.pause = PAUSE;
  }

  /** `firmly`: take over from a camera too. The claim is the operator's and ends with the first time on air: a
   *  page that merely comes back takes the room from nobody. */
  start(stream, token, { firmly = false } = {}) {
    Object.assign(this, { stream, token, wanted: true, pause: PAUSE, claim: firmly ? "?takeover=1" : "" });
    this.#connect();
  }

  stop(state = "off") {
    this.wanted = false;
    clearTimeout(this.timer);
    this.#drop();
    this.tell(state);
  }

  /** Another camera, microphone or screen, without a new connection. */
  async replace(stream) {
    this.stream = stream;
    for (const sender of this.pc?.getSenders() ?? []) {
      const track = stream.getTracks().find((one) => one.kind === sender.track?.kind);
      if (track) await sender.replaceTrack(track);
    }
    if (this.pc) await limit(this.pc, stream);
  }

  async #connect() {
    clearTimeout(this.timer);
    this.#drop();
    this.tell("connecting");
    const pc = (this.pc = new RTCPeerConnection());
    this.before = null;
    pc.onconnectionstatechange = () => {
      if (pc !== this.pc) return;
      if (pc.connectionState === "connected") { this.pause = PAUSE; this.claim = "?takeover=0"; this.tell("on"); }
      if (pc.connectionState === "failed" || pc.connectionState === "closed") this.#again("failed");
    };
    try {
      await this.#offer(pc);
    } catch { // no network, or an answer this browser cannot use: both may pass
      if (pc === this.pc) this.#again("failed");
    }
  }

  async #offer(pc) {
    for (const track of this.stream.getTracks()) {
      const transceiver = pc.addTransceiver(track, { direction: "sendonly", streams: [this.stream], sendEncodings: layers(track) });
      if (track.kind === "video") preferH264(transceiver);
    }
    await pc.setLocalDescription();
    const headers = { "content-type": "application/sdp", authorization: `Bearer ${this.token}` };
    const answer = await fetch(this.address + this.claim, { method: "POST", body: pc.localDescription.sdp, headers });
    if (pc !== this.pc) return;
    if (REFUSED.has(answer.status)) { this.stop("denied"); return; }
    if (answer.status !== 201) { this.#again(answer.status === 409 ? "busy" : "failed"); return; }
    this.session = new URL(answer.headers.get("location"), answer.url).href;
    await pc.setRemoteDescription({ type: "answer", sdp: await answer.text() });
    await limit(pc, this.stream);
  }

  #again(state) {
    this.#drop();
    if (!this.wanted) return;
    this.tell(state, Math.round(this.pause / 1000));
    this.timer = setTimeout(() => this.#connect(), this.pause);
    this.pause = Math.min(this.pause * 2, LONGEST);
  }

  #drop() {
    this.pc?.close();
    this.pc = null;
    if (this.session) fetch(this.session, { method: "DELETE", keepalive: true }).catch(() => {}); // the hub notices silence by itself
    this.session = null;
  }

  /** {bitrate bit/s, fps, width, height, rtt s, loss 0–1, layers}, null while off air. */
  async figures() {
    if (this.pc?.connectionState !== "connected") return null;
    const found = { fps: 0, width: 0, height: 0, rtt: null, loss: 0, layers: 0 };
    let octets = 0;
    for (const [, stat] of await this.pc.getStats()) {
      if (stat.type === "outbound-rtp") octets += stat.bytesSent;
      if (stat.type === "outbound-rtp" && stat.kind === "video" && stat.framesPerSecond) {
        found.layers += 1;
        if ((stat.frameWidth ?? 0) >= found.width) Object.assign(found, { fps: stat.framesPerSecond, width: stat.frameWidth, height: stat.frameHeight });
      }
      if (stat.type === "remote-inbound-rtp" && stat.kind === "video") found.loss = Math.max(found.loss, stat.fractionLost ?? 0);
      if (stat.type === "candidate-pair" && stat.nominated) found.rtt = stat.currentRoundTripTime ?? found.rtt;
    }
    const now = performance.now(), before = this.before;
    this.before = { octets, now };
    return { ...found, bitrate: before ? (octets - before.octets) * 8000 / (now - before.now) : null };
  }
}

/** A small second layer where the picture is large and the machine can afford it: tiles and walls show it, and
 *  when the line is short everybody does, instead of a picture that stands still. A hub that takes one layer
 *  alone gets the first, so it is made large again then (see limit). */
function layers(track) {
  if (track.kind !== "video") return [{}];
  const { width = 0, height = 0 } = track.getSettings();
  const rich = track.contentHint !== "detail" && width * height >= RICH.pixels && (navigator.hardwareConcurrency ?? 1) >= RICH.cores;
  return rich ? [{ ...SMALL }, { rid: "h" }] : [{}];
}

/** At most as many bits as the hub's viewers are planned for; small text of a shared screen gets more. */
async function limit(pc, stream) {
  const screen = stream.getVideoTracks()[0]?.contentHint === "detail";
  for (const sender of pc.getSenders()) {
    if (sender.track?.kind !== "video") continue;
    const parameters = sender.getParameters();
    const encodings = parameters.encodings ?? [];
    for (const encoding of encodings) {
      const small = encodings.length > 1 && encoding.rid === SMALL.rid;
      encoding.maxBitrate = small ? SMALL.maxBitrate : screen ? 2_500_000 : 1_500_000;
      if (!small) { encoding.scaleResolutionDownBy = 1; delete encoding.maxFramerate; }
    }
    parameters.degradationPreference = screen ? "maintain-resolution" : "balanced";
    await sender.setParameters(parameters);
  }
}

/** House codec first: the hub records and segments H.264. */
function preferH264(transceiver) {
  const codecs = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
  const rank = (codec) => (codec.mimeType === "video/H264" && codec.sdpFmtpLine?.includes("packetization-mode=1") ? 0 : 1);
  transceiver.setCodecPreferences([...codecs].sort((a, b) => rank(a) - rank(b)));
}
