// Signed notes and Merkle proofs as evidence/verify.py reads them: C2SP signed-note, tlog-cosignature, RFC 6962.
import { hex, sha256 } from "./sha256.js";

const encoder = new TextEncoder();
const ED25519 = 1;
export const COSIGNATURE = 4;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The bytes of a text in base64. Throws for any other text: atob takes more. */
export function unbase64(text) {
  if (!BASE64.test(text)) throw new Error("base64");
  return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
}
const same = (one, other) => one.length === other.length && one.every((byte, index) => byte === other[index]);

export const leafHash = (entry) => sha256(Uint8Array.of(0), entry);
const nodeHash = (left, right) => sha256(Uint8Array.of(1), left, right);

/** The root that an inclusion proof leads to (RFC 9162 §2.1.3.2); null for a proof of another length. */
export function rootByInclusion(index, size, hash, path) {
  let place = index, last = size - 1;
  if (!(place >= 0 && place <= last)) return null;
  for (const one of path) {
    if (last === 0) return null;
    if (place % 2 === 1 || place === last) {
      hash = nodeHash(one, hash);
      while (place % 2 === 0 && place) [place, last] = [half(place), half(last)];
    } else hash = nodeHash(hash, one);
    [place, last] = [half(place), half(last)];
  }
  return last === 0 ? hash : null;
}
const half = (number) => Math.floor(number / 2);

/** Whether a tree goes on from an earlier one (RFC 9162 §2.1.4.2). */
export function isConsistent(first, firstRoot, second, secondRoot, path) {
  if (first === second) return same(firstRoot, secondRoot) && !path.length;
  if (first < 1 || first > second || !path.length) return false;
  const steps = Number.isInteger(Math.log2(first)) ? [firstRoot, ...path] : [...path];
  let place = first - 1, last = second - 1;
  while (place % 2 === 1) [place, last] = [half(place), half(last)];
  let old = steps[0], fresh = steps[0];
  for (const one of steps.slice(1)) {
    if (last === 0) return false;
    if (place % 2 === 1 || place === last) {
      old = nodeHash(one, old); fresh = nodeHash(one, fresh);
      while (place % 2 === 0 && place) [place, last] = [half(place), half(last)];
    } else fresh = nodeHash(fresh, one);
    [place, last] = [half(place), half(last)];
  }
  return last === 0 && same(old, firstRoot) && same(fresh, secondRoot);
}

/** A public key `name+id+base64`; null where it is none, or of an algorithm not known here. */
export function parseKey(text) {
  const [name, said, ...rest] = text.trim().split("+"), coded = rest.join("+");
  if (!name || !rest.length || !BASE64.test(coded)) return null;
  const raw = unbase64(coded), id = hex(sha256(encoder.encode(`${name}\n`), raw).slice(0, 4));
  return id === said && raw.length === 33 && [ED25519, COSIGNATURE].includes(raw[0]) ? { name, id, kind: raw[0], public: raw.slice(1) } : null;
}

/** Text and lines of signature of a note. Throws. */
export function parseNote(whole) {
  const gap = whole.lastIndexOf("\n\n");
  if (gap < 0 || !whole.endsWith("\n") || [...whole].some((sign) => sign < " " && sign !== "\n")) throw new Error("note");
  const signatures = whole.slice(gap + 2, -1).split("\n").map((line) => {
    const [, name, text] = /^— ([^\s+]+) ([A-Za-z0-9+/=]+)$/u.exec(line);
    const raw = unbase64(text);
    if (raw.length < 5 || btoa(String.fromCharCode(...raw)) !== text) throw new Error("signature line");
    return { name, id: hex(raw.slice(0, 4)), signature: raw.slice(4) };
  });
  return { text: whole.slice(0, gap + 1), signatures };
}

/** Lines, from 1 on, that are no signature of any of these keys, or a second one: nobody has signed what they say. */
export function strangeLines(note, keys) {
  const left = new Set(keys.map(({ name, id }) => `${name} ${id}`)), first = note.text.split("\n").length + 1;
  return note.signatures.flatMap(({ name, id }, index) => (left.delete(`${name} ${id}`) ? [] : [first + index]));
}

/** What a checkpoint says. Throws. */
export function parseHead(text) {
  const [origin, size, root] = text.split("\n");
  const hash = unbase64(root);
  if (!/^(0|[1-9]\d*)$/.test(size) || !Number.isSafeInteger(Number(size)) || !origin || hash.length !== 32) throw new Error("head");
  return { origin, size: Number(size), root: hash };
}

/** Whether a key has signed a note: {signed, at}; signed is null where this browser cannot tell. Throws for a wrong one. */
export async function signedBy(note, key) {
  const found = note.signatures.find(({ name, id }) => name === key.name && id === key.id);
  if (!found) return { signed: false, at: null };
  let { signature } = found, message = encoder.encode(note.text), at = null;
  if (key.kind === COSIGNATURE) {
    const when = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0); // as it was signed: a Number would round it
    at = Number(when);
    message = encoder.encode(`cosignature/v1\ntime ${when}\n${note.text}`);
    signature = signature.slice(8);
  }
  let imported;
  try {
    imported = await crypto.subtle.importKey("raw", key.public, { name: "Ed25519" }, false, ["verify"]);
  } catch {
    return { signed: null, at }; // an older browser, or no secure connection
  }
  if (!(await crypto.subtle.verify({ name: "Ed25519" }, imported, signature, message))) throw new Error("signature");
  return { signed: true, at };
}
