// The card of the bid being read: who, how much, beside the limit and the prices read before; then who comes next.
import { clock } from "./clock.js";
import { amount, h, say, svg } from "./common.js";
import { term } from "./player.js";

/** Prices read so far on a line, this one marked, the limit as a bar. */
function priceStrip(prices, own, limit, words) {
  const all = [...prices, own, limit].filter((n) => Number.isFinite(n) && n > 0);
  if (all.length < 2 || !Number.isFinite(own)) return null;
  const low = Math.min(...all), span = Math.max(...all) - low || 1, at = (n) => 8 + (264 * (n - low)) / span;
  const marks = prices.map((n) => svg("path", { class: "p", d: `M${at(n)} 8v12` }));
  const bar = Number.isFinite(limit) && limit > 0 ? svg("path", { class: "l", d: `M${at(limit)} 2v24` }) : null;
  return svg("svg", { class: "strip", viewBox: "0 0 280 28", role: "img", "aria-label": words.stripLabel }, svg("path", { class: "axis", d: "M0 14h280" }), marks, bar, svg("circle", { cx: at(own), cy: 14, r: 6 }));
}

function limitLine(price, limit, words, other) {
  if (other) return h("p.muted", {}, words.otherVat[other]);
  if (!Number.isFinite(price) || !limit) return h("p.muted", {}, words.noLimit);
  const under = ((limit - price) / limit) * 100, key = under < 0 ? "overBy" : "underBy";
  return h("p" + (under < 0 ? ".over" : ".ok"), {}, h("b", {}, under < 0 ? words.overLimitShort : words.limitFine), h("small", {}, say(words[key], { n: Math.abs(under).toFixed(2) })));
}

/** Whether file, reading and what the public sees agree: a slip is caught while it can still be corrected on the spot. */
function agreement(view, no, bid) {
  const { desk, words, story, data } = view, filed = desk.filed[no], event = story.log.findLast((e) => (e.type === "bid_read" || e.type === "bid_corrected") && e.payload.no === no);
  const seen = view.publicHas(event), same = filed !== undefined && Number(filed) === Number(bid.price);
  const pairs = [[words.filed, filed === undefined ? words.notFiled : amount(filed, data.money)], [words.publishedPrice, bid.price === undefined ? "—" : amount(bid.price, data.money)],
    [words.publicSees, seen === null ? words.publicWaits : seen ? amount(bid.price, data.money) : words.publicDiffers]];
  const [cls, verdict] = filed !== undefined && bid.price !== undefined && !same ? ["bad", words.filedDiffers] : seen === false ? ["bad", words.publicDiffers]
    : same && seen ? ["good", words.agreed] : ["open", words.notAgreed];
  return h("div.agree", {}, h("dl", {}, pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))), h(`p.${cls}`, cls === "bad" ? { role: "alert" } : {}, verdict));
}

function facts(bid, words) {
  const pairs = [[words.days, bid.duration_days ?? "—"], [words.quality, term(bid.quality, words) || "—"], [words.remark, term(bid.remark, words) || "—"]];
  return h("dl.facts", {}, pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd.cut", { title: String(value) }, String(value)))));
}

/** The prices wait for a draw that was committed to. */
const drawFirst = ({ desk, words }) => say(words.drawFirst, { kinds: desk.undrawn.join(words.comma) });

/** A key held down reads one bid, not all of them. */
const once = (event) => { if (event.repeat) event.preventDefault(); };

function next(view) {
  const { desk, words, busy } = view, given = desk.steps.bid_read;
  const main = h("button.btn.main.next", { type: "button", "data-step": "bid_read", disabled: !given || busy, onclick: () => view.next(), onkeydown: once },
    h("b", {}, busy ? words.sending : words.readNext), h("small", {}, given ? say(words.nextIs, { no: given.no, name: given.name }) : desk.undrawn.length ? drawFirst(view) : words.nobodyNext), h("kbd", {}, "⏎"));
  const again = h("button.btn", { type: "button", disabled: view.story.current === null, onclick: () => view.again() }, words.again, h("kbd", {}, "R"));
  const correct = h("button.btn", { type: "button", "data-step": "bid_corrected", disabled: !("bid_corrected" in desk.steps), onclick: () => view.correct() }, words.step.bid_corrected, h("kbd", {}, "C"));
  return h("div.row", {}, main, again, correct);
}

function upcoming({ desk, words }) {
  return h("ol.up", {}, desk.upcoming.map((b, i) => h("li" + (i ? "" : ".first"), {}, h("b", {}, String(b.no)), h("span.name", {}, b.name),
    h("small", {}, b.over ? h("span.w", {}, words.overAhead) : i ? words.status[b.status] ?? words.status.none : `${words.nextOne} · ${words.status[b.status] ?? words.status.none}`))));
}

/** The card's children: the bid read last, or what comes before the first. */
export function readingCard(view) {
  const { story, desk, words } = view, no = story.current ?? [...story.readings.keys()].at(-1), bid = story.readings.get(no);
  const rest = [next(view), h("p.muted.small", {}, words.readingHint), upcoming(view)];
  if (!bid && story.stage === "end") return [h("div.head", {}, h("span.chip.line", {}, words.state.ended)), h("h2.name", {}, view.outcome()), h("p.muted", {}, say(words.nothingRead, { n: story.bidders.size }))];
  if (!bid) {
    const title = h("h2.name", {}, story.bidders.size ? say(words.listOut, { n: story.bidders.size }) : words.notYet);
    return [h("div.head", {}, h("span.chip.line", {}, words.beforeReading)), title, ...("bid_read" in desk.steps ? rest : [h("p.muted", {}, desk.undrawn.length && story.decryption ? drawFirst(view) : words.waitReading)])];
  }
  const price = Number(bid.price), limit = Number(desk.control_price), other = story.otherVat(bid);
  const others = [...story.readings].filter(([one, r]) => one !== no && story.otherVat(r) === other).map(([, r]) => Number(r.price));
  view.since = h("span.muted", {}, clock(bid.ts));
  const before = (bid.before ?? []).map((old) => h("s", {}, amount(old.price, view.data.money)));
  return [
    h("div.head", {}, h("span.chip.now", {}, story.current === null ? words.lastRead : words.readingNow), h("b", {}, say(words.numberOf, { no, total: story.bidders.size })), view.since),
    h("h2.name", {}, bid.name),
    h("div.said2", {}, h("p.price", {}, ...before, bid.price === undefined ? term(bid.remark, words) || "—" : h(`strong${amount(bid.price, view.data.money).length > 8 ? ".long" : ""}`, {}, amount(bid.price, view.data.money)), bid.price === undefined ? null : h("span", {}, other ? say(view.data.money.told[other], { amount: view.data.money.plain }) : view.data.money.unit)), agreement(view, no, bid)),
    h("div.check", {}, limitLine(price, limit, words, other), priceStrip(others.filter(Number.isFinite), price, other ? NaN : limit, words)),
    desk.spelled[no] ? h("p.spell", {}, desk.spelled[no]) : null, facts(bid, words), ...rest,
  ].filter(Boolean);
}
