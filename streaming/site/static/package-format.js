// The written form of an evidence package: canonical JSON, lines, digests of parts, and what can be read of a damaged list.
import { hex, sha256, unhex } from "./sha256.js";

/** Files that are compared line by line; of the others each BLOCK of bytes has a digest of SHORT characters. */
export const TEXT = /(\.md|\.vtt|\.json|\.jsonl|\.vkey|\.pem|checkpoint)$/, BLOCK = 4096;
const SHORT = 16;
export const encoder = new TextEncoder(), decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const isText = (value) => typeof value === "string";
export const isWhole = (value, least = 0, most = Number.MAX_SAFE_INTEGER) => Number.isSafeInteger(value) && value >= least && value <= most;
export const isHash = (value) => isText(value) && /^[0-9a-f]{64}$/.test(value);
const TIME = /^2\d{3}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z$/;
/** Whether a value is a moment as leaves write it: UTC, with microseconds. */
function isTime(value) {
  const ms = isText(value) && TIME.test(value) ? Date.parse(value) : NaN;
  return !Number.isNaN(ms) && new Date(ms).toISOString().slice(0, 19) === value.slice(0, 19);
}
const isParts = (value) => Array.isArray(value) && value.every((one) => isText(one) && /^[0-9a-f]{16}$/.test(one));
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** Whether a value has all fields of a shape and no others: a field more is a place for words nobody has signed. */
const hasShape = (value, shape) => isObject(value) && Object.keys(value).length === Object.keys(shape).length
  && Object.keys(shape).every((name) => Object.hasOwn(value, name) && shape[name](value[name]));

/** What the seal says of a file, and the manifest of a recording; what the manifest says of another file. */
const FILE = { path: isText, size: (value) => isWhole(value), sha256: isHash }, ENTRY = { ...FILE, parts: isParts };
const DAY = 86_400_000;
/** Kind of leaf → its own fields, and those of all; of other kinds the body stands beside the leaf, with the key where it was committed to. */
const SHAPES = new Map([
  ["event", { event: (value) => isWhole(value, 1) }],
  ["segment", {
    recording: isText, segment: (value) => isWhole(value), offset: (value) => isWhole(value, 0, 2 ** 52), bytes: (value) => isWhole(value, 1, 2 ** 32),
    ms: (value) => isWhole(value, 0, DAY),
  }],
]);
const COMMON = { opening: isText, kind: isText, seq: (value) => isWhole(value), sha256: isHash, at: isTime };
const BESIDE = { index: (value) => isWhole(value), leaf: isObject }, BODY = { ...BESIDE, body: isObject };
const DEEPEST = 40; // levels that JSON of a package may nest

/** JSON of a package. Throws for what is none, for what nests too deep, and for numbers and texts that not all readers understand alike. */
export function parsed(raw) {
  const value = JSON.parse(decoder.decode(raw));
  let level = [value];
  for (let depth = 0; depth < DEEPEST; depth++) {
    const next = [];
    for (const one of level) for (const inner of within(one)) next.push(inner);
    if (!next.length) return value;
    level = next;
  }
  throw new Error("too deep");
}
function within(value) {
  if (Array.isArray(value)) return value;
  if (isObject(value)) return [...Object.keys(value), ...Object.values(value)];
  if (isText(value) ? /\p{Surrogate}/u.test(value) : typeof value === "number" && !Number.isSafeInteger(value)) throw new Error("number or text");
  return [];
}

/** Canonical JSON (RFC 8785) of texts, whole numbers, booleans, lists and objects. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value && typeof value === "object")
    return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
  return JSON.stringify(value);
}
/** An entry of the manifest, without what does not belong into one; and whether it is written as it has to be. */
export const listedAs = (one) => Object.fromEntries(Object.entries(ENTRY).filter(([name, fits]) => Object.hasOwn(one, name) && fits(one[name])).map(([name]) => [name, one[name]]));
export const isEntry = (one) => hasShape(one, isRecording(one.path) ? FILE : ENTRY);

/** Whether a line of leaves.jsonl has all that a check reads, and nothing else. */
export function shaped(line) {
  const own = SHAPES.get(line.leaf.kind);
  if (!hasShape(line.leaf, { ...COMMON, ...own })) return false;
  return hasShape(line, own ? BESIDE : "key" in line ? { ...BODY, key: isHash } : BODY);
}

/** Whether the body of a seal has all that a check reads. */
export function isSeal({ files, recordings, events }) {
  if (!Array.isArray(files) || !Array.isArray(recordings) || !isWhole(events)) return false;
  if (!files.every((one) => hasShape(one, FILE)) || !recordings.every(isFilm)) return false;
  return ["id", "path"].every((name) => new Set(recordings.map((one) => one[name])).size === recordings.length);
}
/** Whether a seal's words on a recording can be read: `withheld` are runs of segments, one behind the other. */
function isFilm(one) {
  if (!isObject(one) || !isText(one.id) || !isText(one.path) || !isWhole(one.segments) || !Array.isArray(one.withheld)) return false;
  let due = 0;
  for (const run of one.withheld) {
    if (!Array.isArray(run) || run.length !== 2 || !isWhole(run[0], due) || !isWhole(run[1], run[0], one.segments - 1)) return false;
    due = run[1] + 1;
  }
  return true;
}

/** Numbers, as runs from a first to a last one that do not touch. */
export class Runs {
  constructor(runs) {
    this.runs = [];
    for (const [first, last] of [...runs].sort((one, other) => one[0] - other[0] || one[1] - other[1])) {
      const before = this.runs.at(-1);
      if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
      else this.runs.push([first, last]);
    }
  }
  /** Whether all numbers from the first to the last are among them. */
  hold(first, last) {
    let low = 0, high = this.runs.length;
    while (low < high) { const middle = (low + high) >> 1; if (this.runs[middle][0] <= first) low = middle + 1; else high = middle; }
    return first > last || (low > 0 && this.runs[low - 1][1] >= last);
  }
}

/** Whether a file's name leads to a place inside of the package on every system, and only there. */
// eslint-disable-next-line no-control-regex
export const isProper = (name) => !/[\\\x00-\x1f\x7f]|^[A-Za-z]:/.test(name) && !name.split("/").some((part) => ["", ".", ".."].includes(part));

const SIGNED_DATA = "06092a864886f70d010702", LARGEST_STAMP = 1 << 20; // the type of a time stamp's token (RFC 5652), DER
/** Content of the DER value of a type that bytes begin with, and what follows it. Throws. */
function der(raw, tag) {
  let size = raw[0] === tag && raw.length > 1 ? raw[1] : 0x80, start = 2;
  if (size > 0x80) {
    start += size - 0x80;
    if (start > 6) throw new Error("no DER");
    size = raw.subarray(2, start).reduce((sum, byte) => sum * 256 + byte, 0);
    if (size < 0x80) throw new Error("no DER");
  } else if (size === 0x80) throw new Error("no DER");
  if (raw.length < start + size) throw new Error("no DER");
  return [raw.subarray(start, start + size), raw.subarray(start + size)];
}
/** Whether bytes have the form of a time stamp that was granted (RFC 3161 §2.4.2): a status and a token, and nothing more. */
export function isStamp(raw) {
  try {
    const [inside, behind] = der(raw, 0x30), [status, token] = der(inside, 0x30), [granted] = der(status, 0x02), [signed, after] = der(token, 0x30);
    return ["00", "01"].includes(hex(granted)) && hex(signed.subarray(0, 11)) === SIGNED_DATA && !behind.length && !after.length && raw.length <= LARGEST_STAMP;
  } catch { return false; }
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

const manifestLine = (line, index) => {
  const text = decoder.decode(line);
  return parsed(encoder.encode(index ? text.replace(/,$/, "") : `${text}]}`));
};
/** The first line of a manifest that cannot be read by itself; the first where each can. */
export function unreadableLine(raw) {
  const fails = (line, index) => {
    try { return decoder.decode(line) !== "]}" && !isText(index ? manifestLine(line, index).path : String(manifestLine(line, index).path)); } catch { return true; }
  };
  return Math.max(0, linesOf(raw).findIndex(fails)) + 1;
}

/** What can be read of a damaged manifest line by line: its subject, empty where that is lost, and the files it lists. */
export function salvaged(raw, subject) {
  let found = "";
  const files = [];
  for (const [index, line] of linesOf(raw).entries()) try {
    const one = manifestLine(line, index);
    if (index && isText(one.path)) files.push(listedAs(one));
    else if (!index && isText(one[subject])) found = one[subject];
  } catch { /* that line is lost */ }
  return [found, files];
}

/** The opening that a package's leaves are of, by the first that can be read; empty where none can. */
export function openingOf(leaves) {
  for (const line of linesOf(leaves)) try {
    const { leaf } = parsed(line);
    if (isText(leaf.opening)) return leaf.opening;
  } catch { /* the next may tell */ }
  return "";
}

export const sameList = (one, other) => Array.isArray(one) && one.length === other.length && one.every((item, index) => item === other[index]);
