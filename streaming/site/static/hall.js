// The hall: pictures in the tiles that are in view; everything else comes rendered from the hub.
import { $, el, say, serverNow } from "./site.js";
import { follow } from "./feed.js";
import { Player, rungWords } from "./player.js";

const tiles = new Map(); // room → {video, player, seen}
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const held = tiles.get(entry.target.dataset.room);
    if (held) { held.seen = entry.isIntersecting; settle(held); }
  }
}, { rootMargin: "80px" });

function settle(held) {
  if (held.seen && !document.hidden && held.tile.hasAttribute("data-picture")) held.player.start();
  else held.player.stop();
}

function adopt() {
  const shown = new Set();
  for (const tile of document.querySelectorAll(".tile[data-room]")) {
    const room = tile.dataset.room;
    shown.add(room);
    const held = tiles.get(room) ?? make(room);
    held.tile = tile;
    held.player.move(room, tile.classList.contains("lead") ? null : "low"); // the small picture where it is shown small
    tile.querySelector(".slate").after(held.video);
    label(held);
    if (held.player.state === "live") held.video.play().catch(() => {}); // moved in the page: it paused itself
    watcher.observe(tile);
    settle(held);
  }
  for (const [room, held] of tiles) if (!shown.has(room)) { held.player.stop(); tiles.delete(room); }
}

function make(room) {
  const video = document.createElement("video");
  video.playsInline = true;
  video.hidden = true;
  video.setAttribute("aria-hidden", "true");
  const held = { video, seen: false, tile: null };
  const tell = (state) => { video.hidden = state !== "live" && state !== "still"; label(held); };
  held.player = new Player(video, room, tell, true);
  tiles.set(room, held);
  return held;
}

/** Beside the time in the picture: which rung it is on, and why when pointed at. */
function label({ tile, player }) {
  const box = tile?.querySelector(".osd");
  if (!box || !player) return;
  const node = box.querySelector(".on") ?? box.appendChild(el("span", "on"));
  const [word, why] = rungWords(player);
  say(node, ` · ${word}`);
  node.title = why;
  node.dataset.rung = player.rung;
}

// ── fresh content when a room changes: the same page once more, players kept ──
let stamp = $("hall").dataset.stamp, waiting = 0;

async function refresh() {
  waiting = 0;
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  watcher.disconnect();
  for (const id of ["hall", "sum"]) {
    const focused = document.activeElement?.closest(`#${id}`) ? document.activeElement.getAttribute("href") : null;
    $(id).replaceWith(document.adoptNode(fresh.getElementById(id)));
    if (focused) document.querySelector(`#${id} [href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
  stamp = $("hall").dataset.stamp;
  adopt();
}

function soon() {
  if (!waiting) waiting = setTimeout(() => refresh().catch(() => { waiting = setTimeout(soon, 3000); }), 100 + Math.random() * 500);
}

let first = true;
follow(() => "/feeds/hall", {
  message(message) {
    if (message.rooms && !(first && String(message.version) === stamp)) soon();
    first = false;
    for (const held of tiles.values()) held.player.nudge();
  },
  state(now) { if (now === "lost") first = false; },
});

// Countdown texts and chips such as 即将开始 change with the time alone.
setInterval(() => { if (!document.hidden) soon(); }, 60_000 - (serverNow() % 1000));
document.addEventListener("visibilitychange", () => { for (const held of tiles.values()) settle(held); });

// ── filters act at once ──
const form = document.querySelector("form.find");
const go = () => { for (const field of form.elements) if (field.name && !field.value) field.disabled = true; form.submit(); };
for (const field of form.querySelectorAll("select,input[type=checkbox]")) field.addEventListener("change", go);
form.addEventListener("submit", (event) => { event.preventDefault(); go(); });
adopt();
