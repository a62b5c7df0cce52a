// The ladder of pictures: WebRTC (WHEP) now; text stands whenever no rung holds.
const FIRST = 1000, LONGEST = 10_000, FIRST_FRAME = 8000, STALL = 5000;

/** One WHEP session; resolves once the answer is set. */
async function whep(room, video, token) {
  const pc = new RTCPeerConnection(), stream = new MediaStream();
  pc.ontrack = (event) => { stream.addTrack(event.track); if (video.srcObject !== stream) video.srcObject = stream; };
  pc.addTransceiver("video", { direction: "recvonly" });
  pc.addTransceiver("audio", { direction: "recvonly" });
  const session = { pc, address: null };
  try {
    await pc.setLocalDescription();
    const headers = { "content-type": "application/sdp" };
    if (token) headers.authorization = `Bearer ${token}`;
    const answer = await fetch(`/whep/${encodeURIComponent(room)}`, { method: "POST", headers, body: pc.localDescription.sdp });
    if (answer.status !== 201) throw new Error(`WHEP ${answer.status}`);
    session.address = new URL(answer.headers.get("location"), answer.url).href;
    await pc.setRemoteDescription({ type: "answer", sdp: await answer.text() });
    return session;
  } catch (error) {
    pc.close();
    throw error;
  }
}

function leave(session) {
  session.pc.close();
  if (session.address) fetch(session.address, { method: "DELETE", keepalive: true }).catch(() => {}); // it may be gone already
}

/**
 * Keeps a picture in `video` for as long as it is wanted. `state` hears joining, live, lost and off.
 * Frames are what counts: a connection that stands but brings none for 5 s is made anew.
 */
export class Player {
  #session = null; #timer = 0; #watch = 0; #pause = FIRST; #frames = 0; #framesAt = 0; #run = 0;

  constructor(video, room, state = () => {}) {
    this.video = video; this.room = room; this.tell = state; this.wanted = false; this.state = "off";
    video.muted = true;
  }

  start() {
    if (this.wanted) return;
    this.wanted = true;
    this.#pause = FIRST;
    this.#join();
  }

  stop() {
    this.wanted = false;
    this.#drop();
    this.#set("off");
  }

  /** Something changed for the better (hub back, publisher back): don't wait the pause out. */
  nudge() {
    if (this.wanted && this.state === "lost") { this.#pause = FIRST; this.#drop(); this.#join(); }
  }

  #set(state) { if (this.state !== state) { this.state = state; this.tell(state); } }

  async #join() {
    const run = ++this.#run;
    if (this.state !== "lost") this.#set("joining");
    try {
      const session = await whep(this.room, this.video);
      if (run !== this.#run || !this.wanted) { leave(session); return; }
      this.#session = session;
      session.pc.onconnectionstatechange = () => { if (session.pc.connectionState === "failed") this.#again(run); };
      this.video.play().catch(() => {}); // autoplay refused: the visitor's own press starts it
      this.#frames = 0;
      this.#framesAt = performance.now() + FIRST_FRAME - STALL;
      clearInterval(this.#watch);
      this.#watch = setInterval(() => this.#look(run), 500);
    } catch {
      this.#again(run);
    }
  }

  #look(run) {
    if (document.hidden || this.video.paused) { this.#framesAt = performance.now(); return; }
    const frames = this.video.getVideoPlaybackQuality().totalVideoFrames;
    if (frames !== this.#frames) {
      this.#frames = frames;
      this.#framesAt = performance.now();
      this.#pause = FIRST;
      this.#set("live");
    } else if (performance.now() - this.#framesAt > STALL) {
      this.#again(run);
    }
  }

  #again(run) {
    if (run !== this.#run || !this.wanted) return;
    this.#drop();
    this.#set("lost");
    this.#timer = setTimeout(() => this.#join(), this.#pause * (0.5 + Math.random()));
    this.#pause = Math.min(this.#pause * 2, LONGEST);
  }

  #drop() {
    this.#run++;
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    if (this.#session) leave(this.#session);
    this.#session = null;
  }
}
