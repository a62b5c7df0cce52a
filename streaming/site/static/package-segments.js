// Which segments of a recording stand where in its file, as `SegmentOrder` of evidence/verify.py finds them.
import { Runs } from "./package-format.js";
import { Sha256, hex, sha256 } from "./sha256.js";

const SEARCHES = 20, ENDLESS = 2 ** 52;

/** The segments of a recording that are in the package. Where leaves are lost, one without a digest stands for the bytes between their neighbours. */
export function wantedOf(recording, mine) {
  const held = new Runs(recording.withheld);
  const known = new Runs([...recording.withheld, ...mine.map((leaf) => [leaf.segment, leaf.segment])]), wanted = [];
  let due = 0, offset = 0;
  for (const leaf of [...mine, { segment: recording.segments, offset: ENDLESS, bytes: 0 }]) {
    const lost = !known.hold(due, leaf.segment - 1);
    if (lost && leaf.offset > offset) wanted.push({ sha256: "", bytes: leaf.offset - offset, segment: due });
    if ("sha256" in leaf && !held.hold(leaf.segment, leaf.segment)) wanted.push(leaf);
    [due, offset] = [leaf.segment + 1, leaf.offset + leaf.bytes];
  }
  return wanted;
}

/** Which segments stand where: the next one due, or another known one, or the one due with changed bytes. */
export async function standing(blob, wanted, step) {
  const known = new Map(wanted.flatMap((leaf, number) => (leaf.sha256 ? [[leaf.sha256, number]] : [])));
  const sizes = [...new Set(wanted.filter((leaf) => leaf.sha256).map((leaf) => leaf.bytes))].sort((a, b) => a - b);
  const order = [], places = new Map(), changed = [], extra = [];
  const dueAt = [0];
  for (const leaf of wanted) dueAt.push(dueAt.at(-1) + leaf.bytes);
  let searches = SEARCHES;
  for (let at = 0, due = 0; at < blob.size; step()) {
    if (due < wanted.length && !wanted[due].sha256) { at += wanted[due++].bytes; continue; } // what should be here is not known
    let here = due < wanted.length && (await segmentAt(blob, at, wanted[due].bytes)) === wanted[due].sha256 ? due : null;
    if (here === null && searches-- > 0) here = await search(blob, at, sizes, known);
    if (here === null && due >= wanted.length) { extra.push([at, blob.size - 1]); break; }
    const number = here ?? due, length = wanted[number].bytes;
    if (places.has(number)) extra.push([at, at + length - 1]);
    else { places.set(number, at); (here === null ? changed : order).push(number); due = number + 1; }
    at += length;
  }
  const right = [...order].sort((a, b) => a - b), moved = order.filter((number, index) => number !== right[index]);
  const missing = wanted.flatMap((_, number) => (places.has(number) || !wanted[number].sha256 ? [] : [number]));
  return { places, dueAt, extra, order, changed, moved, missing };
}

/** Any segment that stands at a place: the bytes there are read once, with a digest for each length there is. */
async function search(blob, at, sizes, known) {
  const raw = new Uint8Array(await blob.slice(at, at + (sizes.at(-1) ?? 0)).arrayBuffer()), hash = new Sha256();
  let done = 0;
  for (const size of sizes) {
    hash.update(raw.subarray(done, size));
    done = size;
    const found = known.get(hex(hash.copy().digest()));
    if (found !== undefined) return found;
  }
  return null;
}

export async function segmentAt(blob, at, size) {
  const piece = await blob.slice(at, at + size).arrayBuffer();
  return hex(crypto.subtle ? new Uint8Array(await crypto.subtle.digest("SHA-256", piece)) : sha256(new Uint8Array(piece)));
}
