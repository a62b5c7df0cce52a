// The page's side of checking a package: takes the file, shows each step, says what differs. The file stays here.
import { $, el, lang, t, words } from "./site.js";
import { Story } from "./story.js";
import "./share.js";

const rows = new Map([...document.querySelectorAll("#checks li")].map((row) => [row.dataset.step, row]));
const number = new Intl.NumberFormat(lang), places = new Intl.NumberFormat(lang, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const seconds = (ms) => t("drop.seconds", { n: places.format(ms / 1000) });
const size = (bytes) => (bytes < 1e9 ? `${places.format(bytes / 1e6)} MB` : `${places.format(bytes / 1e9)} GB`);
const fill = (text, values) => Object.entries(values).reduce((whole, [name, value]) => whole.replaceAll(`{${name}}`, value), text);
const whole = (values) => Object.fromEntries(Object.entries(values).map(([key, value]) => [key, typeof value === "number" && key !== "line" && key !== "segment" ? number.format(value) : value]));
const example = [...$("told").children].map((part) => part.cloneNode(true));
let worker = null, begun = new Map(), keys = []; // the keys this site publishes, as they were last got

function reset() {
  worker?.terminate();
  begun = new Map();
  $("told").replaceChildren(...example.map((part) => part.cloneNode(true)));
  for (const [name, row] of rows) {
    row.className = "";
    row.hidden = name === "signature"; // which a batch of leads has, and an opening has not
    row.querySelector(".muted").textContent = t(`check.${name}.what`);
    row.querySelector("progress").value = 0;
    for (const cell of row.querySelectorAll(".num")) cell.textContent = "";
  }
}

function summary(kind, title, detail, took = "", bytes = "") {
  const box = $("sum");
  box.className = `sum ${kind}`;
  box.hidden = false;
  box.querySelector("h2").textContent = title;
  box.querySelector("p").textContent = detail;
  box.querySelector(".took b").textContent = took;
  box.querySelector(".took small").textContent = bytes;
}

function step({ step: name, done, total, end }) {
  const row = rows.get(name);
  if (!begun.has(name)) begun.set(name, performance.now());
  row.querySelector("progress").value = total ? done / total : 1;
  row.querySelector(".num").textContent = name === "files" && !end ? `${size(done)} / ${size(total)}` : total ? `${number.format(done)} / ${number.format(total)}` : "—";
  if (end) row.querySelector(".secs").textContent = seconds(performance.now() - begun.get(name));
}

/** Which step a finding belongs to. */
function stepOf({ file, why }) {
  if (file === "signature" || why === "other_list") return "signature";
  if (file === "manifest.json" || why.startsWith("file_") || why.startsWith("zip_")) return "manifest";
  if (why === "wrong_cosignature" || why === "wrong_time") return "cosignatures";
  if (why === "too_large") return "manifest";
  if (why === "wrong_timestamp") return "timestamps";
  if (file === "events.jsonl") return "events";
  if (file.startsWith("recording/")) return "segments";
  if (file === "checkpoint") return "checkpoint";
  return file === "leaves.jsonl" || file === "proofs.json" ? "log" : "files";
}

/** A digest in groups of eight, as people compare it. */
function hash(digest, kind = "") {
  const shown = el("dd", `hash ${kind}`);
  shown.append(...digest.match(/.{1,8}/g).flatMap((part, at) => [el("code", "", part), at % 4 === 3 ? document.createElement("br") : " "]));
  return shown;
}

/** What was going on at the opening while a changed piece of its recording was made, by the package's own events; empty where they do not tell. */
function during({ place, at }, { broken, told }) {
  if (place !== "segment" || !told.length || broken.some(({ file }) => file === "events.jsonl")) return "";
  const [begins, ends] = [at.begins, at.ends].map((moment) => Date.parse(moment.replace(" ", "T"))), story = new Story(), read = new Set();
  try {
    for (const message of told) {
      const since = Date.parse(message.ts);
      if (since > begins && story.current !== null) read.add(story.current);
      if (since > ends) break;
      story.add(message);
    }
  } catch { return ""; } // events somebody made up need not add up to an opening
  if (story.current !== null) read.add(story.current);
  if (story.state === "paused") return t("differs.stage", { stage: t("state.paused") });
  return read.size ? t("differs.reading", { no: new Intl.ListFormat(lang).format([...read].map(String)) }) : t("differs.stage", { stage: t(`stage.${story.stage}`) });
}

function findings(verdict) {
  const { broken } = verdict;
  const box = $("told");
  box.querySelector("h2 span").textContent = t("differs.here");
  box.querySelector(".tag0").hidden = true;
  box.querySelector(".sum h3").textContent = t("differs.count", { count: broken.length });
  const wrong = new Set(broken.map(stepOf));
  box.querySelector(".sum p").textContent = t("differs.steps", { steps: new Intl.ListFormat(lang).format([...wrong].map((name) => t(`check.${name}`))) });
  for (const mark of box.querySelectorAll(".eight li")) mark.className = wrong.has(mark.dataset.check) ? "bad" : rows.get(mark.dataset.check)?.className ?? "";
  $("found").replaceChildren(...broken.slice(0, 200).map((one) => {
    const list = el("dl", "diff"), place = one.place ? fill(words[`why.place.${one.place}`], whole(one.at)) : "—";
    const code = el("dd");
    code.append(el("code", "", one.file));
    const then = during(one, verdict), lines = [["step", t(`check.${stepOf(one)}`)], ["file", code], ["place", place], ...(then ? [["during", then]] : []), ["why", words[`why.${one.why}`], "red"]];
    if (one.hashes) lines.push(["expected", hash(one.hashes.expected)], ["found", hash(one.hashes.found, "red")]);
    list.append(...lines.flatMap(([name, value, kind = ""]) => [el("dt", "", t(`differs.${name}`)), value instanceof Node ? value : el("dd", kind, value)]));
    return list;
  }));
}

function about(verdict) {
  const { checkpoint, opening, title, kind } = verdict;
  const parts = [kind === "leads" ? t("drop.leads", { batch: opening }) : title || opening];
  if (checkpoint) {
    const by = kind === "leads" ? "drop.by_desk" : checkpoint.published ? "drop.by_us" : "drop.by_package";
    parts.push(t(by, { name: checkpoint.name, key: checkpoint.key, size: number.format(checkpoint.size) }));
    for (const { name, at } of checkpoint.cosigned) parts.push(t("drop.witness", { name, at: new Date(at * 1000).toLocaleString(lang) }));
  }
  if (verdict.unsure) parts.push(t("drop.unsure"));
  return parts.join(" · ");
}

/** Whose signature a package bears where it is not this site's: the word for it; empty where it is. */
function strange({ kind, checkpoint }) {
  if (!checkpoint || checkpoint.published) return "";
  if (kind === "leads") return "desk";
  return keys.length ? "foreign" : "unknown";
}

/** What keeps a package in which nothing differs from being this site's, unchanged: the title that says so; empty where nothing does. */
function doubt(verdict) {
  const whose = strange(verdict);
  if (whose) return t(`drop.${whose}`, { name: verdict.checkpoint.name });
  if (verdict.unsure) return t("drop.unsigned");
  return verdict.unread.length ? t("drop.unread", { n: verdict.unread.length, files: verdict.unread.join(" ") }) : "";
}

/** What stands beside a step that can promise nothing, since the key is not one this site publishes. */
function ownWords(name, verdict) {
  const whose = strange(verdict), { name: by, key } = verdict.checkpoint ?? {};
  if (!whose || !["checkpoint", "signature", "cosignatures"].includes(name)) return "";
  return name === "cosignatures" ? t("check.cosignatures.own") : t(`check.${name}.${whose}`, { name: by, key });
}

/** How a step ended: what it promises stands beside it only where that holds. */
function ended(name, row, verdict) {
  const { broken, steps, unsure } = verdict, own = ownWords(name, verdict);
  const [done, total] = steps[name] ?? [0, 0], unlike = name === "files" ? verdict.hashed - done : 0, wrong = broken.filter((one) => stepOf(one) === name).length;
  const short = done < total, may = ["timestamps", "cosignatures"].includes(name) || (unsure && ["checkpoint", "signature"].includes(name));
  row.className = wrong || (short && !may) ? "bad" : own || short || total === 0 ? "unsure" : "good";
  row.querySelector("progress").value = 1;
  if (unlike) row.querySelector(".num").textContent = `${number.format(verdict.hashed)} / ${number.format(total)}`;
  if (unlike) row.querySelector(".muted").textContent = t("check.files.unlike", { n: number.format(verdict.hashed), unlike: number.format(unlike) });
  else if (row.className === "bad") row.querySelector(".muted").textContent = wrong ? t("differs.count", { count: wrong }) : t("check.short");
  else if (own && total) row.querySelector(".muted").textContent = own;
}

function finished(verdict, ms) {
  const { broken } = verdict, unsure = doubt(verdict);
  for (const [name, row] of rows) ended(name, row, verdict);
  const [kind, title] = broken.length ? ["bad", t("differs.count", { count: broken.length })] : unsure ? ["unsure", unsure] : ["good", t("drop.good")];
  summary(kind, title, about(verdict), seconds(ms), `${size(verdict.bytes)} · ${t("drop.files", { n: verdict.files })}`);
  if (broken.length) findings(verdict);
}

/** Get the keys this site publishes; offline those it had stay. */
async function published() {
  try {
    const answer = await fetch("/log/keys", { cache: "no-store" });
    if (answer.ok) keys = (await answer.text()).trim().split("\n");
  } catch { /* offline: without any, the package's own keys are taken, and the page says so */ }
}

async function take(file) {
  if (!file) return;
  reset();
  summary("", t("drop.running"), file.name, "", size(file.size));
  await published();
  const start = performance.now();
  worker = new Worker(new URL("./package.worker.js", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }) => {
    if (data.step) step(data);
    else if (data.steps) for (const [name, row] of rows) row.hidden = !data.steps.includes(name);
    else if (data.verdict) finished(data.verdict, performance.now() - start);
    else if (data.failed === "no_package") summary("unsure", t("drop.no_package"), `${file.name} · ${t("drop.no_package.note")}`);
    else summary("bad", t("drop.failed"), file.name);
  };
  worker.onerror = () => summary("bad", t("drop.failed"), file.name);
  worker.postMessage({ file, keys });
}

published();
const drop = $("drop");
$("file").addEventListener("change", (event) => take(event.target.files[0]));
for (const kind of ["dragenter", "dragover"]) addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
addEventListener("drop", (event) => { event.preventDefault(); drop.classList.remove("over"); take(event.dataTransfer.files[0]); });
