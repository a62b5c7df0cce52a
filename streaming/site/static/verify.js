// Recompute the chain of an opening in this browser; the same sum as records/chain.py.
import { $, el, t } from "./site.js";
import { sentence } from "./opening.js";
import { hex, sha256 } from "./sha256.js";

const encoder = new TextEncoder();

/** Canonical JSON: keys sorted, no spaces. Numbers are whole in these payloads, so both sides write them alike. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value && typeof value === "object")
    return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new Error("number");
  return JSON.stringify(value);
}

const digest = (text) => hex(sha256(encoder.encode(text)));

/** Every step with the hash it should have, up to and including the first that differs. */
export function recompute(opening, messages) {
  let previous = digest(`sunbid/opening/${opening}`);
  const steps = [];
  for (const [index, { seq, ts, type, payload, hash }] of messages.entries()) {
    const expected = digest(`${previous}\n${canonical({ opening, seq, ts, type, payload })}`);
    const good = expected === hash && seq === index + 1;
    steps.push({ seq, expected, found: hash, good });
    if (!good) break;
    previous = expected;
  }
  return steps;
}

function verdict(kind, text, detail = "") {
  const box = $("result");
  box.className = `verdict ${kind}`;
  box.hidden = false;
  box.replaceChildren(el("b", "", text), el("code", "", detail), el("small", "muted", kind === "good" ? t("verify.yours") : ""));
}

async function check(opening) {
  const answer = await fetch(`/api/openings/${encodeURIComponent(opening)}/events`, { cache: "no-store" });
  if (!answer.ok) { verdict("bad", t("verify.failed")); return; }
  const messages = await answer.json();
  if (!messages.length) return; // the page has said why
  const steps = recompute(opening, messages);
  const last = steps.at(-1);
  verdict(last.good ? "good" : "bad", t(last.good ? "verify.good" : "verify.bad", { n: last.seq }), last.good ? `${t("verify.head")} ${last.found}` : "");
  table(messages, steps);
}

function table(messages, steps) {
  $("chain").tBodies[0].replaceChildren(...steps.map((step, index) => {
    const row = el("tr", step.good ? "" : "broken");
    const cells = [el("td", "", String(step.seq)), el("td", "n", sentence(messages[index])), el("td", "hash"), el("td", "hash")];
    const shown = step.good ? 16 : 64; // of the one that differs all of it
    cells[2].append(el("code", "", step.expected.slice(0, shown)));
    cells[3].append(el("code", "", step.found.slice(0, shown)), ` ${step.good ? "✓" : "✗"}`);
    row.append(...cells);
    return row;
  }));
  $("steps").hidden = false;
}

const { opening } = $("check").dataset;
if (opening) check(opening).catch(() => verdict("bad", t("verify.failed")));
