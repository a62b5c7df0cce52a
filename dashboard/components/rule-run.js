// A dry run drawn: the local distributions with the threshold in them, both settings by month, what comes and what goes.
import { h, say, svg } from "./common.js";

const MONTH = { width: 18, height: 72 };
const SPREAD = { width: 200, height: 36 };
const FEW = 3; // lots listed at first

export function drawRun(run, { words, draft }) {
  if (!run) return h("div.run.none", {}, h("h3", {}, words.run, h("small", {}, words.runFirst)));
  return h("div.run", {}, spreads(run, words), h("h3", {}, words.run, h("small", {}, words.runLegend)),
    h("div.beside", {}, months(run, draft.parameters.cap, words), figures(run, draft.parameters.cap, words)),
    moved(run.gone, run.gone_count, words.gone, words), moved(run.come, run.come_count, words.come, words));
}

function spreads(run, words) {
  if (!run.strata.length) return null;
  const one = (stratum) => {
    const high = Math.max(1, ...stratum.bars);
    const span = stratum.last - stratum.first || 1;
    const at = (value) => (SPREAD.width * (value - stratum.first)) / span;
    const width = SPREAD.width / stratum.bars.length;
    const bars = stratum.bars.map((n, i) => svg("rect", { x: i * width, y: SPREAD.height - (SPREAD.height * n) / high, width: width - 1, height: (SPREAD.height * n) / high, class: "b" }));
    const line = stratum.threshold === null ? null : svg("path", { d: `M${at(stratum.threshold)} 0V${SPREAD.height}`, class: "cut" });
    const usual = svg("path", { d: `M${at(Math.min(stratum.usual, stratum.last))} 0V${SPREAD.height}`, class: "usual" });
    return h("figure", {}, h("figcaption", {}, h("b.cut", { title: stratum.name }, stratum.name), h("small", {}, say(words.lots, { n: stratum.lots }))),
      svg("svg", { viewBox: `0 0 ${SPREAD.width} ${SPREAD.height + 1}`, role: "img", "aria-label": say(words.spreadLabel, { name: stratum.name, share: stratum.share }) }, bars, usual, line, svg("path", { d: `M0 ${SPREAD.height}H${SPREAD.width}`, class: "axis" })),
      h("p", {}, h("span", {}, short(stratum.first)), h("b", {}, say(words.usualAt, { usual: short(stratum.usual) }), " · ", say(words.warnedShare, { share: stratum.share })), h("span", {}, short(stratum.last))));
  };
  return [h("h3", {}, words.spread, h("small", {}, run.unit)), h("div.spreads", {}, run.strata.map(one))];
}

function short(value) {
  return Number(value.toPrecision(3)).toLocaleString("en-US");
}

/** Findings by month: light as it is, dark as tried; dashed: what the cap lets through in an average month. */
function months(run, cap, words) {
  const limit = cap ? (cap * run.tried.of) / run.months.length : 0;
  const high = Math.max(1, limit, ...run.now.bars, ...run.tried.bars);
  const tall = (n) => (MONTH.height * n) / high;
  const bars = run.months.flatMap((month, i) => [[run.now.bars[i], "now", 1], [run.tried.bars[i], "tried", 9]].map(([n, kind, left]) => {
    const bar = svg("rect", { class: kind, x: i * MONTH.width + left, y: MONTH.height - tall(n), width: 7, height: tall(n) });
    const title = svg("title");
    title.textContent = `${month} ${words[kind]} ${n}`;
    bar.append(title);
    return bar;
  }));
  const width = MONTH.width * run.months.length;
  const label = (i, anchor) => {
    const text = svg("text", { x: anchor === "end" ? width : 0, y: MONTH.height + 16, "text-anchor": anchor });
    text.textContent = run.months[i];
    return text;
  };
  const line = limit ? svg("path", { class: "limit", d: `M0 ${MONTH.height - tall(limit)}H${width}` }) : null;
  return svg("svg", { class: "months", viewBox: `0 0 ${width} ${MONTH.height + 20}`, role: "img", "aria-label": say(words.monthsLabel, { now: run.now.findings, tried: run.tried.findings }) },
    bars, line, svg("path", { class: "axis", d: `M0 ${MONTH.height}H${width}` }), label(0, "start"), label(run.months.length - 1, "end"));
}

function figures(run, cap, words) {
  const change = (a, b, places = 0) => (a === b ? "—" : `${b > a ? "+" : "−"}${Math.abs(b - a).toFixed(places)}`);
  const judged = (one) => (one.judged ? `${one.confirmed} / ${one.judged}` : "—");
  const lost = run.now.confirmed - run.tried.confirmed;
  const rows = [
    [words.findings, run.now.findings, run.tried.findings, change(run.now.findings, run.tried.findings)],
    [words.aMonth, run.now.a_month, run.tried.a_month, change(Number(run.now.a_month), Number(run.tried.a_month), 2)],
    [words.rate, run.now.rate_text, run.tried.rate_text, cap ? say(words.cap, { cap: (100 * cap).toFixed(2) }) : change(100 * (run.now.rate ?? 0), 100 * (run.tried.rate ?? 0), 2)],
    [words.judged, judged(run.now), judged(run.tried), lost > 0 ? say(words.lost, { n: lost }) : words.noneLost],
  ];
  return h("table", {}, h("thead", {}, h("tr", {}, [words.lastYear, words.now, words.tried, words.change].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, rows.map(([name, a, b, c]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, String(a)), h("td", {}, h("b", {}, String(b))), h("td", {}, c)))));
}

function moved(rows, count, title, words) {
  if (!count) return null;
  const line = (one) => h("tr", {}, h("td", {}, one.lot ? h("a", { href: `/warnings?state=all&lot=${encodeURIComponent(one.lot)}`, target: "_top" }, one.name) : one.name), h("td", {}, one.value), h("td", {}, one.threshold), h("td", {}, one.verdict ?? "—"));
  const heads = [say(title, { n: count, shown: Math.min(FEW, rows.length) }), words.value, words.threshold, words.verdict].map((name) => h("th", { scope: "col" }, name));
  const rest = rows.length > FEW ? h("details", {}, h("summary", {}, say(words.more, { n: rows.length - FEW })), h("table.moved", {}, h("tbody", {}, rows.slice(FEW).map(line)))) : null;
  return h("div", {}, h("table.moved", {}, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows.slice(0, FEW).map(line))), rest);
}
