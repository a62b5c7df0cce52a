// The check of an opening's evidence package, step by step as evidence/verify.py does it; its words and codes are the same.
import { COSIGNATURE, signedBy, isConsistent, leafHash, parseHead, parseKey, parseNote, rootByInclusion, strangeLines, unbase64 } from "./notes.js";
import {
  bytesOf, canonical, decoder, differences, digest, encoder, isEntry, isHash, isProper, isRecording, isSeal, isStamp, isWhole, keyed,
  lined, linesOf, link, listedAs, openingOf, parsed, partsOf, salvaged, sameList, shaped, unreadableLine,
} from "./package-format.js";
import { nameLines, nameParts } from "./package-parts.js";
import { segmentAt, standing, wantedOf } from "./package-segments.js";
import { Sha256, hex, sha256, unhex } from "./sha256.js";
import { addedByMacos, crc32 } from "./zip.js";

export const FORMAT = "sunbid-evidence-1";
export const LARGEST = 256 << 20; // bytes of a file other than a recording at most: it is read whole
const REQUIRED = ["README.md", "captions.vtt", "checkpoint", "events.jsonl", "leaves.jsonl", "proofs.json", "record.json"];
const PROOF = ["checkpoint", "leaves.jsonl", "proofs.json"], STAMP = /^timestamps\/[0-9]{1,4}\.tsr$/; // made after the seal, which cannot list them
const CHUNK = 4 << 20;
const NAMED = 1000; // so many things are named one by one though neither they nor a leaf of theirs are in the package
const LAST_MOMENT = 253_402_271_999; // seconds since 1970 at the end of the year 9999 in Beijing
/** What is said of a text but for whose end all is as it should be; of a file since the manifest says otherwise; what follows of itself from that. */
const LINE_FEED = ["line_feed_missing", "line_feed_added"];
const CHANGED = ["file_missing", "changed", "moved", "missing", "extra", "emptied", "cut_off", ...LINE_FEED], BY_MANIFEST = ["file_extra", ...CHANGED];
const OF_A_CHANGED = ["wrong_signature", "not_signed", "wrong_cosignature", "wrong_time", "wrong_timestamp", "no_key", "unreadable"];
const same = (one, other) => one?.size === other.size && one?.sha256 === other.sha256;

/** One check of an opening's package. `tell(step, done, total)` hears how far it is. */
export class Check {
  static kind = "opening";
  static form = FORMAT;
  static subject = "opening";
  static required = REQUIRED;
  static unlisted = ["manifest.json"];
  static steps = ["manifest", "files", "events", "segments", "log", "checkpoint", "cosignatures", "timestamps"];

  constructor({ blobs, crcs, double, faults, unreadable, bytes }, keys, tell) {
    Object.assign(this, { blobs, crcs, double, bytes, keys, tell, broken: [...faults], steps: {}, checkpoint: null, opening: "", title: "", unsure: false, salvaged: false, hashed: 0, told: [] });
    this.noted = new Set(faults.map(({ file, place, at }) => JSON.stringify([file, place, at]))); this.digests = new Map(); this.proved = new Set(); this.unread = [];
    this.listed = new Map(); this.leaves = []; this.unlike = new Map();
    for (const name of unreadable) this.bad(name, "", "unreadable");
  }

  async run() {
    await this.manifest(); await this.files(); await this.content();
    const { broken, steps, checkpoint, opening, title, unsure, bytes, unread, hashed, told } = this;
    return { kind: this.constructor.kind, broken, steps, checkpoint, opening, title, unsure, bytes, unread, hashed, told, files: this.blobs.size };
  }
  async content() {
    await this.readLeaves(); await this.signature();
    await this.log(); await this.bodies(); await this.events(); await this.segments(); await this.unchecked(); await this.cosignatures(); await this.stamps();
  }

  /** Note what differs; `hashes`, where they tell something: the digest that was written down and the one computed here. */
  bad(file, place, why, at = {}, hashes = null) {
    const found = { file, place, why, at, ...(hashes ? { hashes: { expected: hashes[0], found: hashes[1] } } : {}) };
    const follows = OF_A_CHANGED.includes(why) || (why === "form" && !place);
    if (follows && this.broken.some((one) => one.file === file && CHANGED.includes(one.why))) return;
    const key = JSON.stringify([file, place, at]);
    if (!this.noted.has(key)) { this.noted.add(key); this.broken.push(found); }
  }
  count(step, done, total) { this.steps[step] = [done, total]; this.tell(step, done, total, true); }
  holds(file) { return this.blobs.has(file) && this.broken.every((one) => one.file !== file); }
  badLines(file) {
    const mine = this.broken.filter((one) => one.file === file && !LINE_FEED.includes(one.why));
    return new Set(mine.flatMap(({ at }) => ("line" in at ? [at.line] : [])));
  }
  async raw(name) { return this.blobs.has(name) && this.blobs.get(name).size <= LARGEST ? new Uint8Array(await this.blobs.get(name).arrayBuffer()) : new Uint8Array(); }
  async text(name) { return decoder.decode(await this.raw(name)); }

  async manifest() {
    const { form, subject, required, unlisted } = this.constructor, raw = await this.raw("manifest.json");
    this.names(this.blobs.keys());
    try {
      const text = decoder.decode(raw), told = parsed(raw), { files } = told;
      if (typeof told[subject] !== "string" || !files.every((one) => typeof one.path === "string")) throw new Error("no manifest");
      this.opening = told[subject];
      this.listed = new Map(files.map((one) => [one.path, listedAs(one)]));
      const again = lined({ format: form, [subject]: told[subject] }, "files", files);
      if (told.format !== form || again !== text) {
        const [first] = differences(again.split("\n").slice(0, -1), linesOf(raw).map((line) => decoder.decode(line)));
        this.bad("manifest.json", "line", "form", { line: (first?.[0] ?? 0) + 1 });
      }
      this.entries(files);
    } catch {
      if (this.blobs.has("manifest.json")) this.bad("manifest.json", "line", "unreadable", { line: unreadableLine(raw) });
      else this.bad("manifest.json", "", "file_missing");
      const [told, files] = salvaged(raw, subject);
      this.salvaged = true; this.listed = new Map(files.map((one) => [one.path, one]));
      this.opening = told || openingOf(await this.raw("leaves.jsonl"));
    }
    this.names(this.listed.keys());
    const there = [...this.blobs.keys()].filter((name) => !unlisted.includes(name));
    for (const name of new Set([...this.listed.keys(), ...required])) if (!this.blobs.has(name)) this.bad(name, "", "file_missing");
    const extra = there.filter((one) => !this.listed.has(one));
    for (const name of [...(this.salvaged ? [] : extra), ...this.double]) this.bad(name, "", addedByMacos(name) ? "file_macos" : "file_extra");
    if (this.salvaged && extra.length) this.bad("manifest.json", "", "unlisted", { count: extra.length });
    this.count("manifest", there.filter((name) => this.listed.has(name)).length, this.listed.size);
  }

  /** No file's name leads out of the package, and none that is read whole is larger than any of a package. */
  names(names) {
    for (const name of names) {
      if (!isProper(name)) this.bad(name, "", "file_name");
      else if (!isRecording(name) && this.blobs.get(name)?.size > LARGEST) this.bad(name, "", "too_large");
    }
  }
  /** Every entry says what the format has it say and no more, of each file once. */
  entries(files) {
    const seen = new Set();
    for (const [index, one] of files.entries()) {
      if (!isEntry(one) || seen.has(one.path)) this.bad("manifest.json", "line", "form", { line: index + 2 });
      seen.add(one.path);
    }
  }

  async files() {
    const names = [...this.listed.keys()].filter((name) => this.blobs.has(name));
    const total = names.reduce((sum, name) => sum + this.blobs.get(name).size, 0);
    let done = 0, good = 0;
    for (const name of names) {
      const blob = this.blobs.get(name), hash = new Sha256();
      let checksum = 0;
      for (let at = 0; at < blob.size; at += CHUNK) {
        const piece = new Uint8Array(await blob.slice(at, at + CHUNK).arrayBuffer());
        hash.update(piece);
        checksum = crc32(piece, checksum);
        this.tell("files", (done += piece.length), total, false);
      }
      const listed = this.listed.get(name);
      const found = hex(hash.digest());
      this.digests.set(name, { size: blob.size, sha256: found });
      const fits = found === listed.sha256 && blob.size === listed.size;
      if (fits && (isRecording(name) || sameList(listed.parts, partsOf(name, await this.raw(name))))) { good += 1; this.checksumFits(name, checksum); }
      else if (fits) this.blameManifest(name);
      else if (isRecording(name)) this.unlike.set(name, [listed.sha256, found]); // named by its segments
      else nameParts(this, name, await this.raw(name));
    }
    for (const name of [...this.constructor.unlisted].sort()) if (this.blobs.has(name)) this.checksumFits(name, crc32(await this.raw(name)));
    this.hashed = names.length;
    this.count("files", good, this.listed.size);
  }
  /** A file that is as it should be is also what the zip's checksum says, or it could not be unpacked. */
  checksumFits(name, found) { if (this.crcs.get(name) !== found && this.holds(name)) this.bad(name, "", "zip_crc"); }
  blameManifest(name) { this.bad("manifest.json", "line", "manifest_differs", { line: [...this.listed.keys()].indexOf(name) + 2 }); }
  async readLeaves() {
    const bad = this.badLines("leaves.jsonl");
    let seq = 0;
    for (const [index, line] of linesOf(await this.raw("leaves.jsonl")).entries()) {
      let told = null;
      try {
        const text = decoder.decode(line);
        told = parsed(line);
        if (!shaped(told) || canonical(told) !== text || told.leaf.opening !== this.opening) told = null;
      } catch { told = null; }
      if (!told) this.bad("leaves.jsonl", "line", "form", { line: index + 1 });
      else if (told.leaf.seq !== seq + 1 && !bad.size) this.bad("leaves.jsonl", "line", "gap_in_numbers", { line: index + 1 });
      seq = told ? told.leaf.seq : seq + 1;
      this.leaves.push(bad.has(index + 1) ? null : told);
    }
    if (!this.leaves.some((one) => one?.leaf.kind === "seal") && this.holds("leaves.jsonl")) this.bad("leaves.jsonl", "", "no_seal");
  }

  /** A key of the package; null where the file holds none, which is noted. */
  async ownKey(name) {
    const key = parseKey(await this.text(name).catch(() => ""));
    if (!key) this.bad(name, "", "no_key");
    return key;
  }
  /** The log's key: the one this site publishes, but of another log the package's own. */
  async logKey() {
    const published = this.keys.find((key) => key.kind !== COSIGNATURE);
    if (!published) return this.ownKey("keys/log.vkey");
    const own = parseKey(await this.text("keys/log.vkey").catch(() => ""));
    return own && own.kind !== COSIGNATURE && own.name !== published.name ? own : published;
  }
  async signature() {
    const key = (this.key = await this.logKey());
    let good = 0;
    try {
      const note = parseNote(await this.text("checkpoint")), head = parseHead(note.text);
      const signed = key ? (await signedBy(note, key)).signed : false;
      if (key && (signed === false || head.origin !== key.name)) this.bad("checkpoint", "signature", "not_signed");
      this.unsure ||= signed === null;
      good = signed ? 1 : 0;
      Object.assign(this, { note, head });
      if (key) this.checkpoint = {
        size: head.size, root: hex(head.root), name: key.name, key: key.id, cosigned: [],
        published: this.keys.includes(key),
      };
    } catch { this.bad("checkpoint", "signature", "wrong_signature"); }
    this.count("checkpoint", good, 1);
  }

  async cosignatures() {
    const files = [...this.blobs.keys()].filter((name) => name.startsWith("keys/witness-")).sort();
    const own = (await Promise.all(files.map((name) => this.ownKey(name)))).filter(Boolean);
    const keys = this.keys.includes(this.key) ? this.keys.filter((key) => key.kind === COSIGNATURE) : own; // of another log: its own witnesses
    if (this.note) {
      const cosigned = [];
      for (const key of keys) cosigned.push(await this.cosigned(key));
      this.checkpoint?.cosigned.push(...cosigned.filter(Boolean));
      for (const key of own) await this.cosigned(key);
      await this.strangers(own);
    }
    this.count("cosignatures", this.checkpoint?.cosigned.length ?? 0, keys.length);
  }
  /** What a witness vouches for; null where it does not. */
  async cosigned(key) {
    const { signed, at } = await signedBy(this.note, key).catch(() => { this.bad("checkpoint", "signature", "wrong_cosignature", { name: key.name }); return {}; });
    if (signed && at > LAST_MOMENT) this.bad("checkpoint", "signature", "wrong_time", { name: key.name });
    return signed && at !== null && at <= LAST_MOMENT ? { name: key.name, at } : null;
  }
  /** No line of signature is of a key that is not in the package: such a line may say anything. */
  async strangers(witnesses) {
    if (this.broken.some((one) => one.file.startsWith("keys/"))) return;
    const known = [...this.keys, this.key, await this.ownKey("keys/log.vkey"), ...witnesses].filter(Boolean);
    for (const line of strangeLines(this.note, known)) this.bad("checkpoint", "line", "extra", { line });
  }

  async log() {
    let good = 0;
    try {
      const text = await this.text("proofs.json"), told = parsed(await this.raw("proofs.json"));
      const { size, first: firstNote, consistency, inclusion } = told, root = unhex(told.root);
      if (!isWhole(size) || !isHash(told.root)) throw new Error("no head");
      const paths = new Map(inclusion.map(([index, path]) => [index, path.map(unbase64)]));
      if (lined({ size, root: hex(root), first: firstNote, consistency }, "inclusion", inclusion) !== text) this.bad("proofs.json", "", "form");
      if (this.head && (told.size !== this.head.size || told.root !== hex(this.head.root))) this.bad("proofs.json", "line", "other_head", { line: 1 });
      const note = parseNote(told.first), first = parseHead(note.text);
      const signed = this.key ? (await signedBy(note, this.key)).signed : null; // that there is no key was said
      if (signed === false || !isConsistent(first.size, first.root, told.size, root, told.consistency.map(unbase64)))
        this.bad("proofs.json", "line", "not_consistent", { line: 1 });
      if (this.key && strangeLines(note, [this.key]).length) this.bad("proofs.json", "line", "extra", { line: 1 });
      this.superfluous(inclusion.map(([index]) => index));
      const blame = this.holds("proofs.json");
      for (const [number, line] of this.leaves.entries()) {
        if (!line) continue;
        const path = paths.get(line.index), hash = leafHash(sha256(bytesOf(line.leaf)));
        const found = path && rootByInclusion(line.index, told.size, hash, path);
        if (found && hex(found) === told.root) { good += 1; this.proved.add(number); }
        else if (blame) { this.leaves[number] = null; this.bad("leaves.jsonl", "line", "not_in_log", { line: number + 1 }, found ? [told.root, hex(found)] : null); }
        if (number % 200 === 0) this.tell("log", number, this.leaves.length, false);
      }
    } catch { this.bad("proofs.json", "", "unreadable"); }
    this.count("log", good, this.leaves.length);
  }

  /** There is one proof for each leaf: another proves nothing, and may say anything. */
  superfluous(indexes) {
    const left = new Set(this.leaves.flatMap((line) => (line ? [line.index] : [])));
    if (!this.holds("leaves.jsonl")) return;
    for (const [number, index] of indexes.entries()) if (!left.delete(index)) this.bad("proofs.json", "line", "extra", { line: number + 2 });
  }

  async bodies() {
    for (const [index, line] of this.leaves.entries()) {
      if (!line || ["event", "segment"].includes(line.leaf.kind)) continue;
      const found = line.key ? keyed(line.key, line.body) : digest(line.body);
      if (found !== line.leaf.sha256) { this.leaves[index] = null; this.bad("leaves.jsonl", "line", "body_differs", { line: index + 1 }, [line.leaf.sha256, found]); }
      else if (line.leaf.kind === "seal" && !isSeal(line.body)) { this.leaves[index] = null; this.bad("leaves.jsonl", "line", "form", { line: index + 1 }); }
      else if (line.leaf.kind === "seal") await this.sealed(line.body, this.proved.has(index));
    }
  }
  /** Files that the log's seal names are those of the manifest, and no others. Where the seal is proved and a file is as it says, it is the manifest that is not. */
  async sealed({ files }, proved) {
    const known = new Map(files.map((one) => [one.path, one]));
    for (const name of this.listed.keys()) {
      if (known.has(name) || PROOF.includes(name)) continue;
      if (proved && !this.blobs.has(name)) { this.acquit(name); this.blameManifest(name); }
      else if (!STAMP.test(name)) this.bad(name, "", "not_as_sealed");
    }
    for (const one of known.values()) await this.asSealed(one, proved);
    const unlisted = [...this.blobs.keys()].filter((name) => (known.has(name) || PROOF.includes(name)) && !this.listed.has(name));
    for (const name of proved && !this.salvaged ? unlisted : []) {
      if (!PROOF.includes(name) && !same(await this.digest(name), known.get(name))) continue;
      this.acquit(name);
      if (this.holds("manifest.json")) this.bad("manifest.json", "", "unlisted", { count: unlisted.length });
    }
  }
  async asSealed(one, proved) {
    const name = one.path, listed = this.listed.get(name);
    if (!listed && this.salvaged) return; // that it was not compared with the manifest was said
    if (listed && same(listed, one)) return;
    if (!proved || !same(await this.digest(name), one)) this.bad(name, "", "not_as_sealed", {}, listed?.sha256 ? [one.sha256, listed.sha256] : null);
    else if (listed) { this.unlike.delete(name); this.acquit(name); this.blameManifest(name); }
  }
  /** Size and SHA-256 of a file as it is. */
  async digest(name) {
    if (!this.digests.has(name) && this.blobs.has(name)) {
      const blob = this.blobs.get(name), hash = new Sha256();
      for (let at = 0; at < blob.size; at += CHUNK) hash.update(new Uint8Array(await blob.slice(at, at + CHUNK).arrayBuffer()));
      this.digests.set(name, { size: blob.size, sha256: hex(hash.digest()) });
    }
    return this.digests.get(name);
  }
  /** Take back what was said of a file by a manifest that is wrong itself. */
  acquit(name) {
    if (this.double.includes(name)) return;
    const taken = this.broken.filter((one) => one.file === name && BY_MANIFEST.includes(one.why));
    this.broken = this.broken.filter((one) => !taken.includes(one));
    for (const { file, place, at } of taken) this.noted.delete(JSON.stringify([file, place, at]));
  }
  get seal() { return this.leaves.find((line) => line?.leaf.kind === "seal")?.body ?? { recordings: [], events: 0 }; }

  get hasSeal() { return this.leaves.some((line) => line?.leaf.kind === "seal"); }
  /** Say once what could not be compared with the log, since leaves of it are missing or cannot be believed. */
  async unchecked() {
    if (!this.hasSeal) { this.bad("leaves.jsonl", "", "unchecked_all", { events: linesOf(await this.raw("events.jsonl")).length }); return; }
    const told = new Set(this.leaves.filter((line) => line?.leaf.kind === "event").map((line) => line.leaf.event));
    const events = this.seal.events - [...told].filter((number) => number <= this.seal.events).length;
    const segments = this.seal.recordings.reduce((sum, one) => sum + this.lost(one), 0);
    if (events || segments) this.bad("leaves.jsonl", "", "unchecked", { events, segments });
  }
  /** How many segments of a recording have no leaf to believe. */
  lost(recording) {
    const held = recording.withheld.reduce((sum, [first, last]) => sum + last - first + 1, 0);
    return Math.max(0, recording.segments - held - new Set(this.wanted(recording).filter((leaf) => leaf.sha256).map((leaf) => leaf.segment)).size);
  }

  async events() {
    const raw = await this.raw("events.jsonl"), lines = linesOf(raw);
    const leaves = new Map(this.leaves.filter((line) => line?.leaf.kind === "event").map((line) => [line.leaf.event, line.leaf.sha256]));
    const found = lines.map((line) => hex(sha256(line)));
    let told = Math.max(this.seal.events, this.hasSeal ? 0 : lines.length);
    for (const number of leaves.keys()) told = Math.max(told, number);
    const count = Math.min(told, lines.length + this.leaves.length + NAMED);
    const expected = Array.from({ length: count }, (_, index) => leaves.get(index + 1) ?? found[index] ?? "");
    nameLines(this, "events.jsonl", raw, expected, found);
    for (const number of leaves.keys()) if (number > count) this.bad("events.jsonl", "line", "missing", { line: number });
    this.chain(lines);
    this.count("events", Math.max(0, lines.length - this.badLines("events.jsonl").size), Math.max(count, lines.length));
  }
  chain(lines) {
    let previous = hex(sha256(encoder.encode(`sunbid/opening/${this.opening}`)));
    for (const [index, line] of lines.entries()) {
      try {
        const { seq, ts, type, payload, hash } = parsed(line), written = canonical({ seq, ts, type, payload, hash });
        if (written !== decoder.decode(line) || seq !== index + 1 || link(previous, { opening: this.opening, seq, ts, type, payload }) !== hash) throw new Error("chain");
        this.told.push({ seq, ts, type, payload, hash });
        if (type === "scheduled") this.title = String(payload?.title ?? "");
        previous = hash;
      } catch { this.bad("events.jsonl", "line", "chain", { line: index + 1 }); return; }
    }
  }

  async segments() {
    let good = 0, done = 0;
    const wanted = new Map(this.seal.recordings.map((one) => [one.path, this.wanted(one)]));
    const total = [...wanted.values()].reduce((sum, list) => sum + list.filter((leaf) => leaf.sha256).length, 0);
    for (const [name, list] of wanted) {
      if (this.blobs.has(name)) good += await this.recording(name, list, () => this.tell("segments", (done += 1), total, false));
    }
    const provable = new Set(this.seal.recordings.filter((one) => !this.lost(one)).map((one) => one.path));
    for (const [name, hashes] of this.unlike) if (this.holds(name)) provable.has(name) ? this.blameManifest(name) : this.bad(name, "", "changed", {}, hashes);
    this.count("segments", good, total);
  }
  /** Recording → its segments' leaves that are believed once the log was looked at. */
  get pieces() {
    if (this.held) return this.held;
    this.held = new Map();
    for (const line of this.leaves) {
      if (line?.leaf.kind !== "segment") continue;
      if (!this.held.has(line.leaf.recording)) this.held.set(line.leaf.recording, []);
      this.held.get(line.leaf.recording).push(line.leaf);
    }
    return this.held;
  }
  wanted(recording) { return wantedOf(recording, this.pieces.get(recording.id) ?? []); }
  /** Compare one recording with its segments; gives how many are as they should be. */
  async recording(name, wanted, step) {
    const { places, dueAt, extra, order, changed, moved, missing } = await standing(this.blobs.get(name), wanted, step);
    for (const [first, last] of extra) this.bad(name, "bytes", "extra", { first, last });
    for (const [why, numbers] of [["changed", changed], ["moved", moved], ["missing", missing]])
      for (const number of numbers) await this.nameSegment(name, wanted[number], places.get(number) ?? dueAt[number], why);
    return order.length - moved.length;
  }
  async nameSegment(name, leaf, first, why) {
    const beijing = (ms) => new Date(ms + 8 * 3_600_000).toISOString().slice(0, 19).replace("T", " ") + "+08:00";
    const begun = Date.parse(leaf.at), hashes = why === "changed" ? [leaf.sha256, await segmentAt(this.blobs.get(name), first, leaf.bytes)] : null;
    this.bad(name, "segment", why, {
      segment: leaf.segment, first, last: first + leaf.bytes - 1, begins: beijing(begun), ends: beijing(begun + leaf.ms),
    }, hashes);
  }

  /** Time stamps of others: a browser has no way to check an authority's signature, so what is in them counts for nothing here. */
  async stamps() {
    this.unread = [...this.blobs.keys()].filter((name) => STAMP.test(name)).sort();
    for (const name of this.unread) if (!isStamp(await this.raw(name))) this.bad(name, "", "wrong_timestamp");
    this.count("timestamps", 0, this.unread.length);
  }
}
