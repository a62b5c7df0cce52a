// The files of a zip on the visitor's disk, read where they lie: nothing held in memory whole. Every byte belongs to a file, to
// the record before it, or to the directory, and these agree; what does not is a fault. As `Zip` of evidence/verify.py does it.

import { isProper } from "./package-format.js";

const LOCAL = 0x04034b50, CENTRAL = 0x02014b50, END = 0x06054b50, END64 = 0x06064b50, LOCATOR64 = 0x07064b50, DESCRIPTOR = 0x08074b50;
const STORED = 0, DEFLATED = 8;
const NEWEST = 45; // version of the format that these methods and files beyond 4 GiB need
const LATER = 0x0008, UTF8 = 0x0800, LEVEL = 0x0006; // flags: sizes stand behind the file, its name is UTF-8, how hard it was packed
/** Extra fields that packers add, times and owners of a file, the mark of a jar → their bytes at most; field 1 is told apart: it holds sizes. */
const TIMES = { 0x000a: 32, 0x5455: 13, 0x5855: 12, 0x7855: 4, 0x7875: 15, 0xcafe: 0 };
const NAME_AGAIN = 0x7075, ROOM = 0xa220; // extra fields for the name in UTF-8, and for room to grow: two bytes that mark it, two of its length, zeros
const ROOM_MARK = 0xa028;
const NO_FILE = 0x0418; // attributes of what is no file: a volume's label, a folder, a link
const FULL = 0xffff, FULL64 = 0xffffffff; // stands in place of a number that is in the record or field for large zips
const WIDEST = 46 + 3 * FULL, CHUNK = 1 << 20;
const ARCHIVE = "zip"; // what a finding on the zip as such names for a file
/** Record → its bytes, and [place, bytes] of the numbers in it that are checked. */
const FIELDS = {
  [LOCAL]: [30, { signature: [0, 4], needs: [4, 2], flags: [6, 2], method: [8, 2], crc: [14, 4], packed: [18, 4], size: [22, 4], name: [26, 2], extra: [28, 2] }],
  [CENTRAL]: [46, {
    signature: [0, 4], needs: [6, 2], flags: [8, 2], method: [10, 2], crc: [16, 4], packed: [20, 4], size: [24, 4], name: [28, 2],
    extra: [30, 2], comment: [32, 2], disk: [34, 2], attributes: [38, 4], head: [42, 4],
  }],
  [END]: [22, { disk: [4, 2], from: [6, 2], here: [8, 2], count: [10, 2], size: [12, 4], start: [16, 4], comment: [20, 2] }],
  [END64]: [56, { length: [4, 8], disk: [16, 4], from: [20, 4], here: [24, 8], count: [32, 8], size: [40, 8], start: [48, 8] }],
  [LOCATOR64]: [20, { disk: [4, 4], place: [8, 8], disks: [16, 4] }],
};
const reader = new TextDecoder("utf-8", { ignoreBOM: true });

const view = async (blob) => new DataView(await blob.arrayBuffer());
function number(data, at, size) {
  if (size === 8) return Number(data.getBigUint64(at, true));
  return size === 4 ? data.getUint32(at, true) : data.getUint16(at, true);
}
const same = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);

/** A record of a zip: the numbers of its head, and for a file its name and extra fields. Throws RangeError where it is cut off. */
class Record {
  constructor(kind, at, data, from = 0) {
    const [length, places] = FIELDS[kind];
    if (data.byteLength - from < length) throw new RangeError("cut off");
    Object.assign(this, { kind, at, length, places, signed: data.getUint32(from, true) === kind, whole: true });
    for (const [name, [place, size]] of Object.entries(places)) this[`${name}_`] = number(data, from + place, size);
    if (kind === LOCAL || kind === CENTRAL) this.readNames(data, from);
  }
  readNames(data, from) {
    const raw = new Uint8Array(data.buffer, data.byteOffset + from, data.byteLength - from), start = this.length + this.name_;
    this.name = raw.slice(this.length, start);
    this.extra = raw.slice(start, start + this.extra_);
    this.length = start + this.extra_ + (this.comment_ ?? 0);
    const extra = new DataView(this.extra.buffer);
    let at = 0, left = ["size_", "packed_", "head_"].filter((key) => this[key] === FULL64);
    while (at + 4 <= extra.byteLength) {
      const kind = extra.getUint16(at, true), size = extra.getUint16(at + 2, true);
      if (kind === 1 && size === 8 * left.length && at + 4 + size <= extra.byteLength) {
        for (const [index, key] of left.entries()) this[key] = number(extra, at + 4 + 8 * index, 8);
        left = [];
      } else if (!this.harmless(kind, this.extra.slice(at + 4, at + 4 + size))) this.whole = false;
      at += 4 + size;
    }
    this.whole &&= at === extra.byteLength && at === this.extra_ && !left.length;
  }
  /** Whether an extra field says nothing of the file that its record does not: no other name, size or content. */
  harmless(kind, body) {
    if (kind === NAME_AGAIN) {
      const head = new DataView(new ArrayBuffer(5));
      head.setUint8(0, 1);
      head.setUint32(1, crc32(this.name), true);
      return same(body, [...new Uint8Array(head.buffer), ...this.name]);
    }
    if (kind === ROOM) return body.length >= 2 && (body[0] | (body[1] << 8)) === ROOM_MARK && body.slice(4).every((byte) => !byte);
    return body.length <= (TIMES[kind] ?? -1);
  }
  get end() { return this.at + this.length; }
  /** Windows' own packer separates folders by backslashes. */
  get named() { return reader.decode(this.name).replaceAll("\\", "/"); }
  get folder() { return [0x2f, 0x5c].includes(this.name.at(-1)); }

  /** Numbers of a file's record that no package has. */
  wrong() {
    const later = this.kind === LOCAL && this.flags_ & LATER, attributes = this.attributes_ ?? 0;
    const found = {
      signature: !this.signed, needs: this.needs_ > NEWEST, flags: this.flags_ & ~(LATER | UTF8 | LEVEL),
      method: ![STORED, DEFLATED].includes(this.method_), extra: !this.whole,
      size: !later && this.method_ === STORED && this.packed_ !== this.size_,
      comment: this.comment_, disk: this.disk_,
      attributes: ![0, this.folder ? 4 : 8].includes(attributes >>> 28) || (attributes & NO_FILE && !this.folder),
    };
    return Object.keys(found).filter((name) => found[name]);
  }
  /** Numbers of a record before a file that are not as the directory's record of it says. */
  unlike(listed) {
    const later = this.flags_ & LATER, found = [];
    for (const name of ["method", "crc", "packed", "size"]) {
      const own = this[`${name}_`];
      if (own !== listed[`${name}_`] && !(later && name !== "method" && (own === 0 || own === FULL64))) found.push(name);
    }
    if ((this.flags_ ^ listed.flags_) & (LATER | UTF8)) found.push("flags");
    if (!same(this.name, listed.name)) found.push("name");
    return found;
  }
  /** First and last byte of one of its numbers in the zip; of a name and of extra fields the text. */
  span(field) {
    let [place, size] = this.places[field];
    const [start] = FIELDS[this.kind];
    if (field === "name" && this.name_) [place, size] = [start, this.name_];
    else if (field === "extra" && this.extra_) [place, size] = [start + this.name_, this.extra_];
    return [this.at + place, this.at + place + size - 1];
  }
}

/** A zip read whole: `entries` (name → where its file lies), `double` names, and `faults`. */
class Zip {
  constructor(file) {
    Object.assign(this, { file, bytes: file.size, begins: file.size, whole: false, entries: new Map(), double: [], faults: [], listed: new Map() });
  }
  async read() {
    this.found = await this.readDirectory();
    await this.walk();
    this.outOfFolder();
    return this;
  }
  /** A package whose folder was packed, and not what is in it: its files are known by their names inside. */
  outOfFolder() {
    const roots = new Set([...this.entries.keys()].filter((name) => !addedByMacos(name)).map((name) => name.split("/")[0])), root = `${[...roots][0]}/`;
    if (roots.size !== 1 || !this.entries.has(`${root}manifest.json`)) return;
    const inside = (name) => (name.startsWith(root) ? name.slice(root.length) : name);
    this.entries = new Map([...this.entries].map(([name, one]) => [inside(name), one]));
    this.double = this.double.map(inside);
    for (const one of this.faults) if (one.why !== "file_name") one.file = inside(one.file);
  }
  fault(file, why, [first, last]) { this.faults.push({ file, place: "zip", why, at: { first, last } }); }
  data(place, count) { return view(this.file.slice(place, place + count)); }
  /** The record at a place, whatever its signature; null where the zip ends before it does. */
  async record(kind, at) {
    if (at < 0) return null;
    const data = await this.data(at, WIDEST);
    return data.byteLength < FIELDS[kind][0] ? null : new Record(kind, at, data);
  }
  async signature(at) {
    const data = at < 0 ? null : await this.data(at, 4);
    return data?.byteLength === 4 ? data.getUint32(0, true) : 0;
  }

  /** Read the directory; whether there is one. */
  async readDirectory() {
    const tail = await this.data(Math.max(0, this.bytes - 22 - FULL), 22 + FULL), at = lastOf(tail, END);
    const end = at < 0 ? null : await this.record(END, this.bytes - tail.byteLength + at);
    if (!end) return false;
    const [large, locator] = await this.large(end), told = large ?? end, stop = told.at;
    let begins = null;
    for (const one of [stop - told.size_, told.start_]) if (begins === null && one < stop && (await this.signature(one)) === CENTRAL) begins = one;
    if (begins === null) return false;
    if (end.end < this.bytes) this.fault(ARCHIVE, "zip_extra", [end.end, this.bytes - 1]);
    this.begins = begins;
    const records = await this.records(begins, stop), count = records.length;
    const shown = { count, here: count, size: stop - begins, start: begins, length: 44, comment: Math.min(end.comment_, this.bytes - end.end), place: stop, disks: 1 };
    for (const one of [end, large, locator]) if (one) this.compare(one, shown, Boolean(large));
    await this.place(records, begins - told.start_);
    return true;
  }
  /** The two records that a large zip has before its end. */
  async large(end) {
    const locator = await this.record(LOCATOR64, end.at - 20);
    if (!locator?.signed) return [null, null];
    const large = await this.record(END64, end.at - 76);
    return [large?.signed ? large : null, locator];
  }
  async records(begins, stop) {
    const data = await this.data(begins, Math.max(0, stop - begins)), found = [];
    let at = 0;
    while (at + 46 <= data.byteLength && data.getUint32(at, true) === CENTRAL) {
      found.push(new Record(CENTRAL, begins + at, data, at));
      at += found.at(-1).length;
    }
    this.whole = begins + at === stop;
    if (!this.whole) this.fault(ARCHIVE, "zip_directory", [Math.min(begins + at, stop), Math.max(begins + at, stop) - 1]);
    return found;
  }
  /** A record at the directory's end with what the directory is; other numbers in it are 0. */
  compare(record, shown, large) {
    for (const [name, [, size]] of Object.entries(record.places)) {
      const told = record[`${name}_`], full = 2 ** (8 * size) - 1;
      if (told !== (shown[name] ?? 0) && !(large && record.kind === END && told === full)) this.fault(ARCHIVE, "zip_directory", record.span(name));
    }
  }
  /** By the place of the file each tells of; where something stands before the zip, all are so much later. */
  async place(records, shift) {
    let best = 0, most = -1;
    for (const one of [0, shift]) {
      let fits = 0;
      for (const { head_ } of records) fits += (await this.signature(head_ + one)) === LOCAL;
      if (fits > most) [best, most] = [one, fits];
    }
    for (const record of records) {
      const at = record.head_ + best;
      if (this.listed.has(at) || at < 0 || at >= this.begins) this.fault(record.named, "zip_header", record.span("head"));
      else this.listed.set(at, record);
    }
  }

  /** All from the first byte to the directory. */
  async walk() {
    let at = 0;
    this.heads = [...this.listed.keys()].sort((a, b) => a - b);
    while (at < this.begins) {
      const local = await this.record(LOCAL, at), listed = this.listed.get(at);
      this.listed.delete(at);
      if (local && (listed || this.likely(local))) { at = await this.take(local, listed); continue; }
      if (listed) { this.fault(listed.named, "zip_cut", [at, this.begins - 1]); at = this.begins; continue; }
      const further = await this.next(at + 1);
      if (further === this.begins && !this.found) break;
      this.fault(ARCHIVE, "zip_extra", [at, further - 1]);
      at = further;
    }
    if (!this.found) this.fault(ARCHIVE, "zip_directory", [Math.min(at, this.bytes - 1), this.bytes - 1]);
    for (const listed of this.listed.values()) this.fault(listed.named, "zip_header", listed.span("head"));
  }
  /** Where the first file begins from a place on of which the directory speaks; else where the directory does. */
  following(at) { return this.heads.find((one) => one >= at) ?? this.begins; }
  /** Whether bytes the directory does not speak of are the record of a file. */
  likely(local) {
    return local.signed && local.needs_ <= NEWEST && [STORED, DEFLATED].includes(local.method_) && local.whole && local.name.length > 0 && local.end <= this.begins;
  }
  /** Where the next file begins from a place on; the directory's first byte where there is none. */
  async next(at) {
    const stop = this.following(at);
    while (at < stop) {
      const data = await this.data(at, Math.min(CHUNK, stop - at) + 3), found = firstOf(data, LOCAL);
      if (found < 0) { at += CHUNK; continue; }
      const record = await this.record(LOCAL, at + found);
      if (record && this.likely(record)) return at + found;
      at += found + 1;
    }
    return stop;
  }
  /** Take a file over and compare its two records; gives the place behind it. */
  async take(local, listed) {
    const told = this.believed(local, listed), name = told.named, bound = this.following(local.at + 1);
    const start = told === listed && this.whole && (local.name.length !== listed.name.length || !local.whole) ? bound - listed.packed_ : local.end;
    const sized = !(local.flags_ & LATER) && start + local.packed_ === bound ? local : told;
    const packed = Math.max(0, Math.min(sized.packed_, bound - start));
    const method = local.method_ !== told.method_ && sized.packed_ === sized.size_ ? STORED : told.method_;
    this.nameFaults(name, local, listed);
    if (sized.packed_ > packed) this.fault(name, "zip_cut", [bound, Math.max(bound, start + sized.packed_) - 1]);
    this.keep(name, told.folder, { start, packed, size: method === STORED ? packed : told.size_, method, crc: told.crc_ });
    return start + packed + (listed && local.flags_ & LATER ? await this.descriptor(start + packed, told) : 0);
  }
  /** Of a file's two records the one that is read by: the directory's, unless that is damaged. */
  believed(local, listed) {
    const alone = !this.whole && this.likely(local) && !(local.flags_ & LATER);
    return alone || !listed ? local : listed;
  }
  nameFaults(name, local, listed) {
    const spans = local.wrong().map((field) => local.span(field));
    if (listed) spans.push(...listed.wrong().map((field) => listed.span(field)), ...local.unlike(listed).map((field) => local.span(field)));
    else if (this.whole) spans.push([local.at, local.end - 1]);
    for (const [first, last] of new Map(spans.map((span) => [span.join(), span])).values()) this.fault(name, "zip_header", [first, last]);
  }
  keep(name, folder, one) {
    if (!isProper(folder ? name.slice(0, -1) : name)) this.faults.push({ file: name, place: "", why: "file_name", at: {} });
    if (folder) {
      if (one.packed || one.size || one.crc) this.fault(name, "zip_folder", [one.start, one.start + Math.max(one.packed, 1) - 1]);
    } else if (this.entries.has(name)) this.double.push(name);
    else this.entries.set(name, one);
  }
  /** Bytes of what stands behind a file whose sizes were not known before it; 0 where something else does. */
  async descriptor(at, { crc_, packed_, size_ }) {
    for (const signed of [true, false]) for (const size of [4, 8]) {
      const from = signed ? 4 : 0, length = from + 4 + 2 * size, data = await this.data(at, length);
      if (data.byteLength < length || (signed && data.getUint32(0, true) !== DESCRIPTOR)) continue;
      if (number(data, from, 4) === crc_ && number(data, from + 4, size) === packed_ && number(data, from + 4 + size, size) === size_) return length;
    }
    return 0;
  }
}

function firstOf(data, signature) {
  const raw = new Uint8Array(data.buffer);
  for (let at = raw.indexOf(0x50); at >= 0 && at + 4 <= raw.length; at = raw.indexOf(0x50, at + 1)) if (data.getUint32(at, true) === signature) return at;
  return -1;
}
function lastOf(data, signature) {
  for (let at = data.byteLength - 4; at >= 0; at--) if (data.getUint32(at, true) === signature) return at;
  return -1;
}

/** Whether a file is one that macOS puts beside those it packs or shows. */
export function addedByMacos(name) {
  const last = name.split("/").at(-1);
  return name.startsWith("__MACOSX/") || last === ".DS_Store" || last.startsWith("._");
}

/** The zip's files and what is wrong with it. */
export const zipOf = (file) => new Zip(file).read();

/** An entry's bytes as a Blob of their own. Throws where they cannot be unpacked. */
export async function content(file, { start, packed, size, method }) {
  const raw = file.slice(start, start + packed);
  if (method === STORED) return raw;
  if (method !== DEFLATED) throw new Error("method");
  const whole = await inflated(raw).blob();
  if (whole.size !== size) throw new Error("another size");
  if (await ends(raw.slice(0, packed - 1))) throw new Error("something behind it"); // not every engine says so by itself
  return whole;
}
const inflated = (raw) => new Response(raw.stream().pipeThrough(new DecompressionStream("deflate-raw")));
/** Whether deflated bytes come to their end. */
async function ends(raw) {
  try {
    for (const from = inflated(raw).body.getReader(); !(await from.read()).done;);
    return true;
  } catch { return false; }
}

const TABLES = Array.from({ length: 4 }, () => new Uint32Array(256));
for (let byte = 0; byte < 256; byte++) {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  TABLES[0][byte] = value;
}
for (let byte = 0; byte < 256; byte++)
  for (let table = 1; table < 4; table++) TABLES[table][byte] = (TABLES[table - 1][byte] >>> 8) ^ TABLES[0][TABLES[table - 1][byte] & 255];

/** CRC-32 of bytes that follow others whose CRC-32 is `before`; four bytes a step. */
export function crc32(raw, before = 0) {
  const [a, b, c, d] = TABLES;
  let value = ~before, at = 0;
  for (; at + 4 <= raw.length; at += 4) {
    value ^= raw[at] | (raw[at + 1] << 8) | (raw[at + 2] << 16) | (raw[at + 3] << 24);
    value = d[value & 255] ^ c[(value >>> 8) & 255] ^ b[(value >>> 16) & 255] ^ a[value >>> 24];
  }
  for (; at < raw.length; at++) value = (value >>> 8) ^ a[(value ^ raw[at]) & 255];
  return ~value >>> 0;
}
