// The replay of an opening: one time line over all its movies, marks made of its events, the record in step with it.
import { $, el, say, setIcon, t } from "./site.js";
import { clock } from "./clock.js";
import { mark } from "./record.js";

const told = await (await fetch($("player").dataset.replay)).json();
const video = $("video"), seek = $("seek");
const SPEEDS = [...$("speed").options].map((option) => Number(option.value));
/** Seconds a picture is taken to last until two of the movie's have been seen; and the longest that is one's own time and no jump. */
const FRAME = 0.04, JUMP = 0.5;
/** Marks beside the steps: event type → its sign's words. */
const SIGNS = { objection: "objection", bid_corrected: "corrected" };
let camera, reel = 0, following = true;
/** Second of a movie that is still loading at which it shall begin; null once it is there. */
let awaited = null;

// ── the time line: seconds of all movies of a camera one after the other, and the clock of the opening ──
function take(name) {
  camera = { ...told.cameras.find((one) => one.name === name) };
  let before = 0;
  camera.starts = camera.reels.map((one) => { const start = before; before += one.seconds; return start; });
  camera.length = before;
  camera.parts = camera.stretches.map((one) => ({ from: Date.parse(one.from), at: camera.starts[one.reel] + one.at, seconds: one.seconds }));
}

/** Where a moment is shown; of one that is left out, where it goes on. */
function placeOf(ms) {
  for (const part of camera.parts) {
    if (ms < part.from) return part.at;
    if (ms < part.from + part.seconds * 1000) return part.at + (ms - part.from) / 1000;
  }
  return Math.max(0, camera.length - 1);
}

/** The moment that is shown at a second of the time line. */
function momentOf(second) {
  const part = camera.parts.findLast((one) => one.at <= second + 0.001) ?? camera.parts[0];
  return part.from + (second - part.at) * 1000;
}

/** The second shown; of a movie that is still loading, the one asked for: its own is 0 until then. */
const second = () => camera.starts[reel] + (awaited ?? video.currentTime);

// ── single pictures: how long one lasts is told by those that are shown one after the other ──
let lasts = null, seen = null;
function see(_now, { mediaTime }) {
  const apart = seen === null ? 0 : Math.abs(mediaTime - seen);
  seen = mediaTime;
  if (apart > 0.001 && apart < JUMP) lasts = Math.min(lasts ?? apart, apart);
  video.requestVideoFrameCallback(see);
}
video.requestVideoFrameCallback?.(see);
/** Seconds from a picture to the next; a thousandth more, since the times of pictures are rounded. */
const step = () => (lasts ?? FRAME) + 0.001;

/** Go to a second of the time line, in another movie if it lies there. */
function go(to) {
  const wanted = Math.min(Math.max(0, to), camera.length - FRAME);
  const index = camera.starts.findLastIndex((start) => start <= wanted);
  const at = wanted - camera.starts[index];
  if (index !== reel || video.dataset.camera !== camera.name) load(index, at);
  else if (awaited !== null) awaited = at;
  else video.currentTime = at;
  draw(wanted);
}

/** Go to a moment; where there is no picture of it (left out, or before the film), that is said, and from when it goes on. */
function goTo(ms) {
  const place = placeOf(ms), shown = momentOf(place);
  go(place);
  $("missed").hidden = shown - ms < 1000;
  if (!$("missed").hidden) say($("missed"), t("replay.no_picture", { asked: clock(ms), time: clock(shown) }));
}

/** Take another movie, from its second `at` on: it plays, and as fast, as the one before it. */
function load(index, at, on = !video.paused) {
  const speed = video.playbackRate;
  awaited = at;
  lasts = seen = null;
  reel = index;
  video.dataset.camera = camera.name;
  video.src = camera.reels[index].url;
  video.playbackRate = speed; // a new source has set it back
  if (on) play();
  const track = el("track");
  Object.assign(track, { kind: "captions", srclang: document.documentElement.lang, src: `${camera.reels[index].captions}${location.search}` });
  video.replaceChildren(track);
  listen(track.track);
}

video.addEventListener("loadedmetadata", () => {
  if (awaited !== null) video.currentTime = awaited;
  awaited = null;
});

/** Play; where the browser does not allow it, or another movie takes its place, the button says that it stands. */
function play() { video.play().catch(() => setIcon($("play"), video.paused ? "play" : "pause")); }

// ── drawing ──
const time = (seconds) => {
  const whole = Math.floor(seconds), hours = Math.floor(whole / 3600), pad = (n) => String(n).padStart(2, "0");
  return `${hours ? `${hours}:${pad(Math.floor(whole / 60) % 60)}` : Math.floor(whole / 60)}:${pad(whole % 60)}`;
};

function draw(at = second()) {
  const moment = momentOf(at);
  say($("at"), time(at));
  say($("wall"), clock(moment));
  seek.value = at;
  seek.setAttribute("aria-valuetext", `${clock(moment)}, ${time(at)}`);
  const steps = [...$("chapters").querySelectorAll("a")];
  const here = steps.findLast((step) => Date.parse(step.dataset.ts) <= moment + 500) ?? steps[0];
  for (const step of steps) {
    if (step === here) step.setAttribute("aria-current", "step"); else step.removeAttribute("aria-current");
    step.classList.toggle("ok", Date.parse(step.dataset.ts) <= moment + 500);
  }
  const read = told.chapters.findLast((one) => Date.parse(one.ts) <= moment + 500);
  const name = here?.firstChild.textContent ?? "";
  const reading = read?.type === "bid_read" ? told.chapters.filter((one) => one.type === "bid_read").indexOf(read) + 1 : 0;
  say($("said"), reading ? `${name} · ${t("replay.reading", { no: read.no })}` : name);
  mark(read?.type === "bid_read" || read?.type === "bid_corrected" ? read.no : null, following);
}

/** What does not move: the length, the parts between cuts, marks of objections, corrections and what is left out. */
function drawLine() {
  say($("of"), time(camera.length));
  seek.max = camera.length;
  const share = (at) => `${(at / camera.length) * 100}%`;
  $("parts").replaceChildren(...camera.parts.map((part) => {
    const bar = el("i");
    bar.style.left = share(part.at);
    bar.style.width = `calc(${share(part.seconds)} - 2px)`;
    return bar;
  }));
  const marks = [
    ...told.chapters.filter((one) => one.type in SIGNS).map((one) => ({ kind: SIGNS[one.type], ts: one.ts })),
    ...told.left_out.map((hole) => ({ kind: "left", ts: hole.from, hole })),
  ];
  $("marks").replaceChildren(...marks.map(({ kind, ts, hole }) => {
    const sign = el("a", kind, t(`replay.sign.${kind}`));
    const what = hole ? t(`replay.left_out.${hole.why}`) : t(`replay.mark.${kind}`);
    sign.href = `#ts=${ts}`;
    sign.dataset.ts = ts;
    sign.style.left = share(placeOf(Date.parse(ts)));
    sign.title = `${clock(ts)} ${what}`;
    sign.setAttribute("aria-label", sign.title);
    return sign;
  }));
  $("legend").replaceChildren(...["objection", "corrected", "left"].flatMap((kind) => {
    const count = marks.filter((one) => one.kind === kind).length;
    return count ? [el("b", kind, t(`replay.sign.${kind}`)), ` ${t(`replay.count.${kind}`, { n: count })} `] : [];
  }));
}

// ── captions ──
let captions = true;
function listen(track) {
  track.mode = "hidden"; // shown in our own line, in the reader's text size
  track.addEventListener("cuechange", () => {
    const cue = [...(track.activeCues ?? [])].at(-1); // at the very end of a cue the next one is active too
    say($("cap").firstElementChild, cue ? cue.getCueAsHTML().textContent : "");
    $("cap").hidden = !captions || !cue;
  });
}

// ── keys and buttons ──
const act = {
  play() { if (video.paused) play(); else video.pause(); },
  back() { video.pause(); go(second() - step()); },
  forth() { video.pause(); go(second() + step()); },
  mute() { video.muted = !video.muted; },
  captions() {
    captions = !captions;
    $("captions").setAttribute("aria-pressed", String(captions));
    $("cap").hidden = !captions || !$("cap").textContent.trim();
  },
  full() { (document.fullscreenElement ? document.exitFullscreen() : $("pic").requestFullscreen()).catch(() => setIcon($("full"), "full")); },
  pip() { (document.pictureInPictureElement ? document.exitPictureInPicture() : video.requestPictureInPicture()).catch(() => setIcon($("pip"), "pip")); },
};
for (const [name, run] of Object.entries(act)) $(name).addEventListener("click", run);
$("pip").hidden = !document.pictureInPictureEnabled;

function faster(by) {
  const at = SPEEDS.indexOf(video.playbackRate);
  const wanted = SPEEDS[Math.min(Math.max(0, at + by), SPEEDS.length - 1)];
  video.playbackRate = wanted;
  $("speed").value = String(wanted);
}
$("speed").addEventListener("change", () => { video.playbackRate = Number($("speed").value); });

const KEYS = {
  " ": act.play, k: act.play, ",": act.back, ".": act.forth, m: act.mute, c: act.captions, f: act.full,
  j: () => go(second() - 10), l: () => go(second() + 10), ArrowLeft: () => go(second() - 5), ArrowRight: () => go(second() + 5),
  Home: () => go(0), End: () => go(camera.length), "<": () => faster(-1), ">": () => faster(1),
};
document.addEventListener("keydown", (event) => {
  const own = event.target.closest("input,select,textarea,button,a,[tabindex]");
  if (event.ctrlKey || event.altKey || event.metaKey || !(event.key in KEYS)) return;
  if (own && (own.matches("input,select,textarea") || event.key.length > 1 || (event.key === " " && own.matches("button,a")))) return;
  event.preventDefault();
  KEYS[event.key]();
});

seek.addEventListener("input", () => go(Number(seek.value)));
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-ts]");
  if (!link) return;
  event.preventDefault();
  history.replaceState(null, "", link.getAttribute("href"));
  goTo(Date.parse(link.dataset.ts));
  play();
  if (link.closest("#rows,.obj")) $("player").scrollIntoView({ block: "nearest" });
});

$("follow")?.addEventListener("click", () => {
  following = !following;
  $("follow").setAttribute("aria-checked", String(following));
  draw();
});

for (const button of document.querySelectorAll("#cameras button")) button.addEventListener("click", () => {
  const moment = momentOf(second());
  take(button.dataset.camera);
  const at = placeOf(moment), index = camera.starts.findLastIndex((start) => start <= at);
  load(index, at - camera.starts[index]);
  drawLine();
  for (const other of document.querySelectorAll("#cameras button")) other.setAttribute("aria-pressed", String(other === button));
});

for (const kind of ["play", "pause"]) video.addEventListener(kind, () => {
  setIcon($("play"), video.paused ? "play" : "pause");
  $("play").setAttribute("aria-label", t(video.paused ? "play" : "pause"));
});
video.addEventListener("volumechange", () => {
  setIcon($("mute"), video.muted ? "muted" : "sound");
  $("mute").setAttribute("aria-label", t(video.muted ? "unmute" : "mute"));
});
video.addEventListener("timeupdate", () => draw());
video.addEventListener("ended", () => { if (reel + 1 < camera.reels.length) load(reel + 1, 0, true); });
video.addEventListener("error", () => { say($("cap").firstElementChild, t("replay.broken")); $("cap").hidden = false; });
$("pic").addEventListener("click", (event) => { if (event.target === video) act.play(); });

take(told.cameras[0].name);
video.dataset.camera = camera.name;
video.controls = false;
listen(video.textTracks[0]);
drawLine();
const asked = Date.parse(new URLSearchParams(location.hash.slice(1)).get("ts") ?? "");
if (asked) goTo(asked); else draw(0);
