// Publish camera and microphone of this browser into a room (WHIP); comes back by itself until stopped.
import { $, t } from "./site.js";

const room = $("studio").dataset.room;
let stream = null, pc = null, address = null, wanted = false, pause = 1000, timer = 0;

async function openDevices() {
  const camera = $("camera").value, microphone = $("microphone").value;
  const fresh = await navigator.mediaDevices.getUserMedia({
    video: { deviceId: camera ? { exact: camera } : undefined, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25 } },
    audio: { deviceId: microphone ? { exact: microphone } : undefined, echoCancellation: true },
  });
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = fresh;
  $("preview").srcObject = stream;
  if (pc) for (const sender of pc.getSenders()) await sender.replaceTrack(stream.getTracks().find((track) => track.kind === sender.track?.kind) ?? null);
  listen();
}

async function listDevices() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  for (const [id, kind] of [["camera", "videoinput"], ["microphone", "audioinput"]]) {
    const held = $(id).value;
    $(id).replaceChildren(...devices.filter((device) => device.kind === kind).map((device, index) => new Option(device.label || `${index + 1}`, device.deviceId)));
    if (held) $(id).value = held;
  }
}

// ── level ──
let audio = null, analyser = null;
function listen() {
  audio ??= new AudioContext();
  if (!stream.getAudioTracks().length) return;
  analyser = audio.createAnalyser();
  analyser.fftSize = 1024;
  audio.createMediaStreamSource(stream).connect(analyser);
}
setInterval(() => {
  if (!analyser) return;
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  $("level").value = Math.min(1, Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length) * 3);
}, 100);

// ── publishing ──
function show(on, said = "") {
  $("state").textContent = t(on ? "publish.on" : "publish.off");
  $("state").className = on ? "chip now" : "chip line";
  $("go").textContent = t(wanted ? "publish.stop" : "publish.start");
  $("said").textContent = said;
}

/** House codec first: the hub records and segments H.264. */
function preferH264(transceiver) {
  const codecs = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
  const rank = (codec) => (codec.mimeType === "video/H264" && codec.sdpFmtpLine?.includes("packetization-mode=1") ? 0 : 1);
  transceiver.setCodecPreferences([...codecs].sort((a, b) => rank(a) - rank(b)));
}

async function publish() {
  clearTimeout(timer);
  const mine = (pc = new RTCPeerConnection());
  for (const track of stream.getTracks()) {
    const transceiver = mine.addTransceiver(track, { direction: "sendonly", streams: [stream] });
    if (track.kind === "video") preferH264(transceiver);
  }
  mine.onconnectionstatechange = () => {
    if (mine !== pc) return;
    if (mine.connectionState === "connected") { pause = 1000; show(true); }
    if (mine.connectionState === "failed") again();
  };
  await mine.setLocalDescription();
  const answer = await fetch(`/whip/${encodeURIComponent(room)}`, {
    method: "POST", body: mine.localDescription.sdp,
    headers: { "content-type": "application/sdp", authorization: `Bearer ${$("token").value.trim()}` },
  });
  if ([401, 403, 404].includes(answer.status)) { halt(t("publish.denied")); return; }
  if (answer.status === 409) { again(t("publish.busy")); return; }
  if (answer.status !== 201) { again(); return; }
  address = new URL(answer.headers.get("location"), answer.url).href;
  await mine.setRemoteDescription({ type: "answer", sdp: await answer.text() });
}

function again(said = t("publish.failed")) {
  pc?.close();
  pc = null;
  show(false, said);
  if (wanted) timer = setTimeout(() => publish().catch(() => again()), pause);
  pause = Math.min(pause * 2, 10_000);
}

function halt(said = "") {
  wanted = false;
  clearTimeout(timer);
  pc?.close();
  pc = null;
  if (address) fetch(address, { method: "DELETE", keepalive: true, headers: { authorization: `Bearer ${$("token").value.trim()}` } }).catch(() => {}); // the hub notices silence by itself
  address = null;
  show(false, said);
}

$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (wanted) { halt(); return; }
  wanted = true;
  audio?.resume();
  show(false);
  publish().catch(() => again());
});
for (const id of ["camera", "microphone"]) $(id).addEventListener("change", () => openDevices().catch(() => show(false, t("publish.device"))));
addEventListener("pagehide", () => { if (wanted) halt(); });

openDevices().then(listDevices).catch(() => show(false, t("publish.device")));
