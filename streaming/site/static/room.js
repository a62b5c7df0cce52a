// The room: the feed drives list, steps, caption and log; the picture looks after itself.
import { $, el, say, setIcon, t, term } from "./site.js";
import { clock, date, minute } from "./clock.js";
import { recomputed } from "./draw.js";
import { follow } from "./feed.js";
import { List } from "./list.js";
import { Player, rungMenu, sayCompared } from "./player.js";
import { money, sentence } from "./opening.js";
import { READ_OUT, STEPS, Story, saidAt } from "./story.js";
import { Viewing } from "./viewing.js";

const { room, opening } = document.body.dataset;
const story = new Story(document.body.dataset.vat || null), list = new List();
let roomState = document.body.dataset.state, reason = document.body.dataset.reason ?? "", picture = "off", logged = 0, drawn = false;

// ── drawing ──
function draw() {
  drawn = false;
  heading();
  steps();
  list.draw(story);
  log();
  objections();
  checkDraws();
  say($("head") ?? el("i"), story.head ?? "—");
  slate();
}
const drawSoon = () => { if (!drawn) { drawn = true; requestAnimationFrame(draw); } };

function chip() {
  const over = story.state === "ended" || story.state === "sealed";
  const text = over ? (story.result === "opened" ? t(`opening.${story.state}`) : t(`result.${story.result}`)) : story.state === "paused" ? t("opening.paused") : t(`now.${story.stage}`);
  const kind = story.state === "in_progress" ? (story.stage === "reading" ? "now" : "on") : "line";
  const node = $("chip").firstElementChild;
  if (node && (node.textContent !== text || !node.classList.contains(kind))) { node.className = `chip ${kind}`; node.textContent = text; }
}

function heading() {
  chip();
  const total = story.bidders.size, d = story.decryption;
  let title = "list.waiting", count = null, of = "", max = 0;
  if (story.stage === "decryption" && d && d.done !== null) [title, count, of, max] = ["list.decryption", d.done, t("list.decrypted", { total: d.total }), d.total];
  else if (story.readings.size) [title, count, of, max] = [READ_OUT.has(story.stage) ? "list.record" : "list.reading", story.readings.size, t("list.read", { total }), total];
  else if (total) [title, count, of] = ["list.bidders", total, t("list.count")];
  say($("list-title"), t(title));
  if (count === null) $("list-count").replaceChildren();
  else $("list-count").replaceChildren(`${count} `, el("small", "", of));
  $("bar").hidden = !max;
  $("bar").max = max || 1;
  $("bar").value = count ?? 0;
  $("bar").setAttribute("aria-label", t(title === "list.decryption" ? "list.progress.decryption" : "list.progress"));
  const figures = keyFigures(), key = JSON.stringify(figures);
  if ($("figures").dataset.key === key) return;
  $("figures").dataset.key = key;
  $("figures").replaceChildren(...figures.map(([label, value]) => {
    const box = el("div");
    box.append(el("dt", "", label), el("dd", "", value));
    return box;
  }));
}

/** Each draw is computed again here, in the visitor's browser. */
const checked = new Map();
function checkDraws() {
  if (checked.size >= story.coefficients.length) return;
  for (const { kind } of story.coefficients) checked.set(kind, "");
  for (const [kind, { agrees }] of recomputed(story)) checked.set(kind, ` ${t(agrees ? "draw.same" : "draw.other")}`);
  drawSoon();
}

function keyFigures() {
  const { control, decryption } = story, found = [];
  if (control) {
    found.push([t("fact.control"), money(control.amount)]);
    if (control.base_price) found.push([t("fact.base"), money(control.base_price)]);
    if (control.over !== undefined) found.push([t("fact.over"), t("fact.houses", { n: control.over })]);
  }
  for (const drawn of story.coefficients) found.push([term(drawn.kind), `${drawn.value}${checked.get(drawn.kind) ?? ""}`]);
  if (decryption && (story.stage !== "decryption" || decryption.done === null)) {
    const { done, failed, total } = decryption, left = total - done - failed;
    const key = done === null ? "fact.untold" : left > 0 ? "fact.part" : failed ? "fact.some" : "fact.all";
    found.push([t("fact.decryption"), t(key, { n: done, done, failed, left, total })]);
  }
  return found;
}

function steps() {
  const here = STEPS.indexOf(story.stage);
  for (const [index, key] of STEPS.entries()) {
    const node = $("step").children[index];
    const over = index < here || story.stage === "end"; // a step that never came is not ticked
    const state = over ? (story.steps[key] ? "ok" : "") : index === here ? "cur" : "";
    if (node.className !== state) {
      node.className = state;
      if (state === "cur") {
        node.setAttribute("aria-current", "step");
        $("step").scrollTo({ left: node.offsetLeft - $("step").clientWidth / 2 });
      } else node.removeAttribute("aria-current");
    }
    say(node.querySelector("small"), clock(story.steps[key]));
  }
}

function log() {
  const fresh = story.log.slice(logged);
  if (!fresh.length) return;
  const box = $("lines");
  if (!logged) box.replaceChildren();
  else box.firstElementChild?.classList.remove("now");
  logged = story.log.length;
  const lines = fresh.map((message) => {
    const line = el("li"), time = el("time", "", saidAt(message));
    time.dateTime = message.ts;
    line.append(time, el("span", "", sentence(message)));
    return line;
  });
  box.prepend(...lines.reverse());
  box.firstElementChild.classList.add("now");
  $("cap").hidden = !captions;
  say($("cap").firstElementChild, sentence(story.log.at(-1)));
  if (box.getAttribute("aria-live") !== "polite") setTimeout(() => box.setAttribute("aria-live", "polite"), 1500);
}

function objections() {
  const over = story.stage === "end", key = JSON.stringify([over, ...story.objections]);
  if ($("qa").dataset.key === key) return;
  $("qa").dataset.key = key;
  const lines = [];
  for (const said of story.objections.values()) {
    if (said.content) lines.push(spoken(t("objections.q"), "", said.content, said.ts));
    for (const first of said.before ?? []) lines.push(spoken(t("objections.a"), "a", el("s", "", first.answer), first.answeredAt));
    if (said.answer) lines.push(spoken(t("objections.a"), "a", said.answer, said.answeredAt));
    else if (said.keptOpen) lines.push(spoken(t("objections.a"), "a", t("objections.kept", { reason: said.keptOpen }), story.steps.confirmation));
    else if (said.content) lines.push(spoken(t("objections.a"), "a", el("span", "muted", t(over ? "objections.left" : "objections.waiting")), null));
  }
  $("qa").replaceChildren(...(lines.length ? lines : [el("li", "none muted", t("objections.none"))]));
  const all = [...story.objections.values()], n = all.length;
  say($("asked"), n ? t(all.every((said) => said.answer) ? "objections.all" : "objections.count", { n }) : "");
}

function spoken(mark, className, text, ts) {
  const line = el("li");
  line.append(el("b", className, mark), text);
  if (ts) line.append(" ", el("time", "", clock(ts)));
  return line;
}

// ── the picture ──
const video = $("video");
const player = new Player(video, room, (state) => {
  picture = state;
  viewing?.tell(state);
  drawRung();
  sayCompared($("compared"), player);
  if (state === "still" || (state === "live" && covered())) lookSoon(); // the operators' slate came or went
  slate();
});

/** Who looks on from the desk is not of the audience. */
const viewing = opening && !document.body.classList.contains("bare") ? new Viewing(player, opening, roomState === "live") : null;
const drawRung = rungMenu($("rung"), player);

/** Near and far camera, where both are on air: `names` are the rooms to join, the near one first. */
function cameras(names) {
  const box = $("cameras"), key = names.join(" ");
  if (names.length === 1 && names[0] !== player.room) player.move(names[0]); // the one that was watched went off
  if (box.dataset.key !== key) {
    box.dataset.key = key;
    box.hidden = names.length < 2;
    box.replaceChildren(...(names.length < 2 ? [] : names).map((name, index) => {
      const button = el("button", "", t(index ? "cameras.far" : "cameras.near"));
      button.addEventListener("click", () => { player.move(name); cameras(names); });
      button.dataset.camera = name;
      return button;
    }));
  }
  for (const button of box.children) button.setAttribute("aria-pressed", String(button.dataset.camera === player.room));
}

/** Whether the operators withhold the picture while the opening goes on. */
const covered = () => story.state === "in_progress" && roomState === "paused";

function slate() {
  const wanted = story.state === "in_progress";
  player.hold(covered());
  if (wanted) player.start(); else player.stop();
  const live = wanted && !covered() && (picture === "live" || picture === "still");
  video.hidden = !live;
  $("slate").hidden = live;
  $("onair").hidden = !live;
  drawRung();
  if (!live && opening) fillSlate(); // a room without an opening keeps what the hub has said
}

function fillSlate() {
  const [name, title, note, until] = slateWords();
  const box = $("slate");
  setIcon(box, name);
  say(box.querySelector("b"), title);
  if (story.state !== "scheduled") say($("camera"), "");
  const small = box.querySelector("small");
  if (until) { if (small.dataset.until !== until) small.dataset.until = until; }
  else { delete small.dataset.until; say(small, note); }
}

/** Why an opening is adjourned and until when, with the day: it may be another. streaming/site/opening.py says the same. */
function adjourned() {
  const until = story.pausedUntil ? t("slate.until", { time: date(story.pausedUntil).slice(5) }) : "";
  return [term(story.pauseReason ?? ""), until].filter(Boolean).join(" · ");
}

/** How an opening is over; one that was broken off or failed says so, and why. streaming/site/opening.py says the same. */
function over() {
  const { result, resultReason } = story;
  if (result === "failed" || result === "terminated") return [t(`say.ended.${result}`), term(resultReason ?? "") || t("reason.untold")];
  return [t("slate.ended"), t("slate.ended.note")];
}

function slateWords() {
  if (story.state === "paused") return ["pause", t("slate.paused"), adjourned()];
  if (story.state === "ended" || story.state === "sealed") return ["tick", ...over()];
  if (story.state === "scheduled") {
    const at = document.body.dataset.scheduled;
    const when = story.scheduledAt ?? at;
    return ["clock", t("slate.standby", { time: minute(when) }), "", when];
  }
  if (covered()) return ["pause", t("slate.covered"), knownReason()];
  if (picture === "joining" && roomState === "live") return ["hall", t("slate.joining"), ""];
  if (picture === "lost" && roomState === "live") return ["hall", t("slate.lost"), t("slate.lost.note")];
  return ["text", t("slate.text"), t(player.choice === "text" ? "rung.why.chosen" : "slate.text.note")];
}

/** The reason on the slate: a known one in the reader's language, any other as it was written. */
function knownReason() {
  const text = t(`slate.reason.${reason}`);
  return text === `slate.reason.${reason}` ? reason : text;
}

function press(id, act) { $(id).addEventListener("click", act); }
let captions = true;
press("play", () => { if (video.paused) video.play().catch(() => player.nudge()); else video.pause(); });
for (const kind of ["play", "pause"]) video.addEventListener(kind, () => { setIcon($("play"), video.paused ? "play" : "pause"); $("play").setAttribute("aria-label", t(video.paused ? "play" : "pause")); });
press("mute", () => {
  video.muted = !video.muted;
  setIcon($("mute"), video.muted ? "muted" : "sound");
  $("mute").setAttribute("aria-label", t(video.muted ? "unmute" : "mute"));
});
press("captions", () => { captions = !captions; $("captions").setAttribute("aria-pressed", String(captions)); $("cap").hidden = !captions || !story.log.length; });
press("full", () => (document.fullscreenElement ? document.exitFullscreen() : $("pic").requestFullscreen()).catch(() => {}));
if (document.pictureInPictureEnabled) press("pip", () => (document.pictureInPictureElement ? document.exitPictureInPicture() : video.requestPictureInPicture()).catch(() => {}));
else $("pip").hidden = true;

/** The address to pass on: this opening's own page, which stays when the room has gone on to the next. */
function shared() {
  if (!opening) return location.href.split("#")[0];
  const link = new URL(`/opening/${opening.split("/").map(encodeURIComponent).join("/")}`, location.href);
  const asked = new URLSearchParams(location.search).get("lang");
  if (asked) link.searchParams.set("lang", asked);
  return link.href;
}

press("compared", () => toast($("compared").title)); // a finger has no pointer to hover with
press("share", async () => {
  const link = shared();
  try {
    if (navigator.share && matchMedia("(max-width:720px)").matches) { await navigator.share({ title: document.title, url: link }); return; }
    await navigator.clipboard.writeText(link);
    toast(t("room.shared"));
  } catch {
    toast(link); // no clipboard here: the address to copy by hand
  }
});
let toastTimer = 0;
function toast(text, stay = false) {
  clearTimeout(toastTimer);
  $("toast").textContent = text;
  $("toast").hidden = false;
  if (!stay) toastTimer = setTimeout(() => { $("toast").hidden = true; }, 3000);
}

// ── tabs on a phone ──
const tabs = [...document.querySelectorAll(".mtabs a")];
for (const tab of tabs) tab.addEventListener("click", () => { for (const other of tabs) other.toggleAttribute("aria-current", other === tab); });

// ── feeds ──
let lost = false;
if (opening) follow(() => `/feeds/openings/${encodeURIComponent(opening)}?after=${story.seq}`, {
  message(message) { if (story.add(message)) drawSoon(); },
  state(now) {
    if (now === "lost") { lost = true; toast(t("link.lost"), true); }
    if (now === "open") { player.nudge(); if (lost) { lost = false; toast(t("link.back")); } }
  },
});

/** What the room itself is doing: pictures that come back, another opening that begins. */
let looking = 0, lookedAt = 0;
function lookSoon() {
  if (performance.now() - lookedAt < 1000) return;
  clearTimeout(looking);
  looking = setTimeout(lookAtRoom, Math.random() * 300);
}
async function lookAtRoom() {
  lookedAt = performance.now();
  try {
    const answer = await fetch("/api/rooms");
    const mine = answer.ok ? (await answer.json()).find((one) => one.id === room) : null;
    if (mine) {
      const back = mine.state === "live" && roomState !== "live";
      roomState = mine.state;
      reason = mine.reason ?? "";
      $("silent").hidden = !mine.muted;
      cameras(mine.cameras ?? []);
      player.air((mine.cameras ?? []).includes(player.room));
      if (back) player.nudge();
      if (!opening && mine.opening) { location.reload(); return; }
      if (mine.state === "ended" && story.state === "scheduled" && mine.opening === opening) await brokenOff();
      sayCamera(mine);
      await wayOn(mine.opening);
      slate();
    }
  } catch {
    lost = true; // the hub is away; the feed's own reconnecting says so
  }
  clearTimeout(looking);
  looking = setTimeout(lookAtRoom, 4000 + Math.random() * 2000);
}
/** An opening broken off before its list keeps its events to itself; that it is over, and why, its own state tells. */
async function brokenOff() {
  const answer = await fetch(`/api/openings/${encodeURIComponent(opening)}`);
  const { state, result, result_reason: why } = answer.ok ? await answer.json() : {};
  if (state === "ended" || state === "sealed") { story.ended({ result, reason: why }); drawSoon(); }
}
/** Once this opening is over its list stays; a link leads on to what the room is at next. */
async function wayOn(next) {
  const link = $("next"), over = ["ended", "sealed", "cancelled"].includes(story.state);
  if (!over || !next || next === opening) { link.hidden = true; return; }
  if (link.dataset.opening !== next) {
    const answer = await fetch(`/api/openings/${encodeURIComponent(next)}`);
    if (!answer.ok) return;
    link.dataset.opening = next;
    say(link.lastElementChild, t("room.next", { title: (await answer.json()).title }));
  }
  link.hidden = false;
}

function sayCamera(mine) {
  const waiting = !opening || story.state === "scheduled";
  say($("camera"), waiting ? t(mine.cameras?.length ? "room.camera.on" : "room.camera.off") : "");
}
looking = setTimeout(lookAtRoom, 1000);
