// The written form of an evidence package: canonical JSON, lines, digests of parts, and what can be read of a damaged list.
import { hex, sha256, unhex } from "./sha256.js";

/** Files that are compared line by line; of the others each BLOCK of bytes has a digest of SHORT characters. */
export const TEXT = /(\.md|\.vtt|\.json|\.jsonl|\.vkey|\.pem|checkpoint)$/, BLOCK = 4096;
const SHORT = 16;
export const encoder = new TextEncoder(), decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Kind of leaf → its own fields, and those of all; of other kinds the body stands beside the leaf. */
const SHAPES = {
  event: { event: "int" },
  segment: { recording: "string", segment: "int", offset: "int", bytes: "int", ms: "int" },
};
const COMMON = { opening: "string", kind: "string", seq: "int", sha256: "string", at: "string" };

/** Canonical JSON (RFC 8785) of texts, whole numbers, booleans, lists and objects. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value && typeof value === "object")
    return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
  return JSON.stringify(value);
}
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** Whether a line of leaves.jsonl has all that a check reads. */
export function shaped({ leaf, index, body }) {
  const own = SHAPES[leaf.kind], fields = Object.entries({ ...COMMON, ...own });
  const fits = ([name, kind]) => (kind === "int" ? Number.isInteger(leaf[name]) : typeof leaf[name] === kind);
  return fields.every(fits) && Number.isInteger(index) && (Boolean(own) || isObject(body));
}
export const bytesOf = (value) => encoder.encode(canonical(value));
export const digest = (value) => hex(sha256(bytesOf(value)));
export const link = (previous, body) => hex(sha256(encoder.encode(`${previous}\n`), bytesOf(body)));

export function keyed(key, body) { // HMAC-SHA256
  const pad = (mask) => Uint8Array.from({ length: 64 }, (_, index) => (unhex(key)[index] ?? 0) ^ mask);
  return hex(sha256(pad(0x5c), sha256(pad(0x36), bytesOf(body))));
}

export const lined = (head, field, lines) => `${canonical(head).slice(0, -1)},"${field}":[\n${lines.map(canonical).join(",\n")}\n]}\n`;
export const isRecording = (name) => name.startsWith("recording/");

export function linesOf(raw) {
  const found = [];
  let from = 0;
  for (let at; (at = raw.indexOf(10, from)) >= 0; from = at + 1) found.push(raw.subarray(from, at));
  if (from < raw.length) found.push(raw.subarray(from));
  return found;
}

export function partsOf(name, raw) {
  const parts = TEXT.test(name) ? linesOf(raw) : Array.from({ length: Math.ceil(raw.length / BLOCK) }, (_, n) => raw.subarray(n * BLOCK, (n + 1) * BLOCK));
  return parts.map((part) => hex(sha256(part)).slice(0, SHORT));
}

/** Where and how one list of digests differs from another: [place, changed, moved, missing or extra]. */
export function differences(expected, found) {
  if (expected.length === found.length) {
    const known = new Set(expected);
    return expected.flatMap((one, at) => (one === found[at] ? [] : [[at, known.has(found[at]) ? "moved" : "changed"]]));
  }
  const only = (mine, others, kind) => {
    const counts = new Map();
    for (const one of others) counts.set(one, (counts.get(one) ?? 0) + 1);
    return mine.flatMap((one, at) => { const left = counts.get(one) ?? 0; counts.set(one, left - 1); return left > 0 ? [] : [[at, kind]]; });
  };
  return [...only(expected, found, "missing"), ...only(found, expected, "extra")];
}

/** The digests at one place of two lists that are equally long: what should be there and what is. */
export const bothAt = (expected, found, at) => (expected.length === found.length ? [expected[at], found[at]] : null);

/** The first line of a manifest that cannot be read by itself; the first where each can. */
export function unreadableLine(raw) {
  const fails = (line, index) => {
    try {
      const text = decoder.decode(line);
      if (text !== "]}") JSON.parse(index ? text.replace(/,$/, "") : `${text}]}`);
      return false;
    } catch { return true; }
  };
  return Math.max(0, linesOf(raw).findIndex(fails)) + 1;
}

/** What can be read of a damaged manifest line by line: its subject, empty where that is lost, and the files it lists. */
export function salvaged(raw, subject) {
  let found = "";
  const files = [];
  for (const [index, line] of linesOf(raw).entries()) try {
    const text = decoder.decode(line), one = JSON.parse(index ? text.replace(/,$/, "") : `${text}]}`);
    if (index && typeof one.path === "string") files.push(one);
    else if (!index && subject in one) found = String(one[subject]);
  } catch { /* that line is lost */ }
  return [found, files];
}

/** The opening that a package's leaves are of, by the first that can be read; empty where none can. */
export function openingOf(leaves) {
  for (const line of linesOf(leaves)) try {
    const { leaf } = JSON.parse(decoder.decode(line));
    if ("opening" in leaf) return String(leaf.opening);
  } catch { /* the next may tell */ }
  return "";
}

export const sameList = (one, other) => Array.isArray(one) && one.length === other.length && one.every((item, index) => item === other[index]);
