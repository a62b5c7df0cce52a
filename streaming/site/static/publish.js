// The operators' page: camera, microphone or screen of this browser into a room.
import { $, t } from "./site.js";
import { Publisher } from "./whip.js";

const studio = $("studio"), form = $("form");
const says = (state) => studio.dataset[state] ?? "";
let stream = null, sharing = null, state = "off";

// ── devices ──
async function openDevices() {
  if (!navigator.mediaDevices) { say(says("insecure")); return; }
  const camera = $("camera").value, microphone = $("microphone").value;
  const video = { deviceId: camera ? { exact: camera } : undefined, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25 } };
  const audio = { deviceId: microphone ? { exact: microphone } : undefined, echoCancellation: true };
  await use(await navigator.mediaDevices.getUserMedia({ video, audio }));
  await listDevices();
}

async function use(fresh) {
  const old = stream;
  stream = fresh;
  for (const track of fresh.getTracks()) track.onended = () => track.readyState === "ended" && stream === fresh && lost();
  $("preview").srcObject = fresh;
  listen();
  await publisher.replace(fresh);
  for (const track of old?.getTracks() ?? []) if (!fresh.getTracks().includes(track)) track.stop();
  $("go").disabled = false;
}

async function listDevices() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  for (const [id, kind] of [["camera", "videoinput"], ["microphone", "audioinput"]]) {
    const track = stream?.getTracks().find((one) => kind.startsWith(one.kind));
    const held = $(id).value || track?.getSettings().deviceId;
    $(id).replaceChildren(...devices.filter((device) => device.kind === kind).map((device, index) => new Option(device.label || `${index + 1}`, device.deviceId)));
    if (held) $(id).value = held;
  }
}

async function share() {
  if (sharing) { stopSharing(); await openDevices(); return; }
  sharing = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15 } }, audio: false });
  const [screen] = sharing.getVideoTracks();
  screen.contentHint = "detail";
  await use(new MediaStream([screen, ...(stream?.getAudioTracks() ?? [])]));
  $("share").setAttribute("aria-pressed", "true");
}

function stopSharing() {
  sharing = null;
  $("share").setAttribute("aria-pressed", "false");
}

/** A device was unplugged or the screen is no longer shared: fall back to whatever camera there is. */
function lost() {
  if (sharing) stopSharing();
  else { $("camera").value = $("microphone").value = ""; say(t("publish.device")); }
  attempt(openDevices);
}

// ── level ──
let audio = null, analyser = null;
const samples = new Float32Array(1024);
function listen() {
  if (!stream.getAudioTracks().length) { analyser = null; return; }
  audio ??= new AudioContext();
  analyser = audio.createAnalyser();
  analyser.fftSize = samples.length;
  audio.createMediaStreamSource(stream).connect(analyser);
}
setInterval(() => {
  if (!analyser) return;
  analyser.getFloatTimeDomainData(samples);
  const power = samples.reduce((sum, x) => sum + x * x, 0) / samples.length;
  $("level").value = Math.max(0, Math.min(1, 1 + 10 * Math.log10(power + 1e-9) / 60)); // −60 dB … 0 dB
}, 100);

// ── on air ──
const publisher = new Publisher(`/whip/${encodeURIComponent(studio.dataset.room)}`, show);
function show(next, seconds) {
  state = next;
  const on = next === "on";
  $("state").textContent = on ? t("publish.on") : next === "connecting" ? says("connecting") : t("publish.off");
  $("state").className = on ? "chip now" : "chip line";
  $("go").textContent = t(publisher.wanted ? "publish.stop" : "publish.start");
  $("token").disabled = publisher.wanted;
  $("firmly").hidden = next !== "busy";
  const notes = { busy: t("publish.busy"), failed: t("publish.failed"), denied: t("publish.denied") };
  say((notes[next] ?? "") + (seconds ? ` ${seconds} s` : ""));
}
function say(text) { $("said").textContent = text; }

setInterval(async () => {
  const now = await publisher.figures();
  const set = (id, text) => { $(id).textContent = text ?? "—"; };
  set("bitrate", now?.bitrate != null ? `${(now.bitrate / 1000).toFixed(0)} kbit/s` : null);
  set("fps", now?.fps ? `${now.fps.toFixed(0)} fps · ${now.width}×${now.height}${now.layers > 1 ? ` · ${now.layers}` : ""}` : null);
  set("rtt", now?.rtt != null ? `${(now.rtt * 1000).toFixed(0)} ms` : null);
  set("loss", now ? `${(now.loss * 100).toFixed(1)} %` : null);
}, 1000);

const attempt = (work) => work().catch((error) => { if (error.name !== "AbortError") say(t("publish.device")); });

form.addEventListener("submit", (event) => {
  event.preventDefault();
  audio?.resume();
  if (publisher.wanted) publisher.stop();
  else if (stream) publisher.start(stream, $("token").value.trim());
});
$("firmly").addEventListener("click", () => publisher.start(stream, $("token").value.trim(), { firmly: true }));
for (const id of ["camera", "microphone"]) $(id).addEventListener("change", () => { stopSharing(); attempt(openDevices); });
$("share").addEventListener("click", () => attempt(share));
$("share").hidden = !navigator.mediaDevices?.getDisplayMedia;
addEventListener("pagehide", () => { if (publisher.wanted) publisher.stop(); });
navigator.mediaDevices?.addEventListener("devicechange", () => attempt(listDevices));

// a token in the fragment never reaches a server or its log; take it out of the address bar as well
const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token) {
  $("token").value = token;
  history.replaceState(null, "", location.pathname + location.search);
}
attempt(openDevices);
