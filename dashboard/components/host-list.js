// The list of bids on the host's desk: what is read, waits, was corrected or is over the limit, page by page.
import { clock } from "./clock.js";
import { amount, h, say } from "./common.js";
import { term } from "./player.js";

const PAGE = 50;
/** The pace of reading is that of so many bids. */
const PACE = 11;

/** When the last bid will have been read, at the pace of the last ones. */
function readyAt(host) {
  const { story, words } = host, times = [...story.readings.values()].slice(-PACE).map(({ ts }) => new Date(ts).getTime()), left = story.bidders.size - story.readings.size;
  if (story.current === null || times.length < 3 || !left) return "";
  const each = (times.at(-1) - times[0]) / (times.length - 1);
  return say(words.readyAt, { time: clock(Date.now() + (host.skew ?? 0) + each * left).slice(0, 5) });
}

/** The bids that the search and the filter leave, by number. */
function rows(host) {
  const { story, query, only } = host, wanted = query.toLowerCase(), limit = Number(host.desk.control_price);
  return [...story.bidders].sort(([a], [b]) => a - b).map(([no, name]) => ({ no, name, read: story.readings.get(no) }))
    .filter((b) => !wanted || String(b.no) === wanted || b.name.toLowerCase().includes(wanted))
    .filter((b) => only === "all" || (only === "waiting" && !b.read) || (only === "corrected" && b.read?.before?.length) || (only === "over" && limit && story.isOver(b.read, host.desk.control_price)));
}

/** Draw the list, its counts and its pages; it follows the bid being read unless somebody searches. */
export function drawList(host) { host.focus.keep(() => draw(host)); }

function draw(host) {
  const { story, words } = host, all = [...story.readings.values()], limit = Number(host.desk.control_price);
  const counts = { all: story.bidders.size, waiting: story.bidders.size - all.length, corrected: all.filter((r) => r.before?.length).length, over: limit ? all.filter((r) => story.isOver(r, host.desk.control_price)).length : 0 };
  host.count.replaceChildren(String(all.length), h("small", {}, say(words.ofRead, { total: story.bidders.size })));
  host.ready.textContent = readyAt(host);
  host.progress.style.width = story.bidders.size ? `${(100 * all.length) / story.bidders.size}%` : "0";
  host.filters.replaceChildren(...Object.entries(counts).map(([key, n]) => h("button", { type: "button", "data-key": key, "aria-pressed": String(host.only === key), onclick: () => { host.only = key; host.page = 0; drawList(host); } }, `${words.only[key]}${key === "all" ? "" : ` ${n}`}`)));
  const found = rows(host), count = Math.ceil(found.length / PAGE);
  if (!host.query && host.only === "all" && story.current !== host.shownAt) { host.page = Math.max(0, Math.floor(found.findIndex((b) => b.no === story.current) / PAGE)); host.shownAt = story.current; host.jump = true; }
  host.page = Math.max(0, Math.min(host.page, count - 1));
  host.body.replaceChildren(...found.slice(host.page * PAGE, (host.page + 1) * PAGE).flatMap((b) => row(host, b)));
  host.empty.hidden = found.length > 0;
  host.empty.textContent = story.bidders.size ? words.noMatch : words.beforeList;
  host.pages.hidden = count < 2;
  host.pages.replaceChildren(h("span", {}, say(words.perPage, { n: PAGE })), ...Array.from({ length: count }, (_, i) => h("button", { type: "button", "aria-current": i === host.page ? "page" : null, onclick: () => { host.page = i; drawList(host); } }, String(i + 1))));
  const current = host.jump ? host.body.querySelector(".cur") : null;
  host.jump = false;
  if (current) host.list.querySelector(".tb").scrollTop = current.offsetTop - 180;
}

/** One bid as table rows: readings that were corrected stand struck through above. */
function row(host, { no, name, read }) {
  const { story, words } = host, now = no === story.current && story.state === "in_progress", first = read?.before ?? [];
  const line = (cls, cells) => h(`tr${cls}`, now ? { "aria-current": "true" } : {}, cells);
  const filed = host.desk.filed[no], other = story.otherVat(read), differs = read && filed !== undefined && Number(filed) !== Number(read.price);
  const shown = read?.price === undefined ? (read ? term(read.remark, words) || "—" : story.stage === "end" ? words.unread : words.waiting) : amount(read.price, host.data.money);
  const struck = first.map((old, i) => line(".old", [h("td", {}, i ? "" : String(no)), h("td.name", {}, i ? "" : name), h("td.num", {}, h("s", {}, amount(old.price, host.data.money))), h("td.num", {}, clock(old.ts))]));
  const cells = first.length ? [h("td", {}, h("span.vh", {}, String(no))), h("td.name", {}, h("span.vh", {}, `${name} `), say(words.corrected, { reason: term(read.reason, words) }))] : [h("td", {}, String(no)), h("td.name", {}, name)];
  return [...struck, line(now ? ".cur" : read ? "" : ".wait", [...cells, h("td.num.p", {}, shown, story.isOver(read, host.desk.control_price) ? h("small.off", {}, words.only.over) : null, other ? h("small.off", {}, words.otherVat[other]) : null, differs ? h("small.off", {}, say(words.fileSays, { price: amount(filed, host.data.money) })) : null), h("td.num", {}, clock(read?.ts))])];
}
