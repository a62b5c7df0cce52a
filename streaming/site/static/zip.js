// The files of a zip on the visitor's disk, read where they lie: nothing is unpacked, nothing held in memory whole.

const END = 0x06054b50, END64 = 0x06064b50, LOCATOR64 = 0x07064b50, ENTRY = 0x02014b50;
const NONE = 0xffffffff;

const view = async (blob) => new DataView(await blob.arrayBuffer());
const large = (data, at) => Number(data.getBigUint64(at, true));

async function directory(file) {
  const from = Math.max(0, file.size - 65_557), tail = await view(file.slice(from));
  for (let at = tail.byteLength - 22; at >= 0; at--) {
    if (tail.getUint32(at, true) !== END) continue;
    let [size, start] = [tail.getUint32(at + 12, true), tail.getUint32(at + 16, true)];
    if (at >= 20 && tail.getUint32(at - 20, true) === LOCATOR64) {
      const place = large(tail, at - 12), end64 = await view(file.slice(place, place + 56));
      if (end64.getUint32(0, true) === END64) [size, start] = [large(end64, 40), large(end64, 48)];
    }
    return view(file.slice(start, start + size));
  }
  throw new Error("no zip");
}

/** Sizes and place of an entry beyond 4 GiB stand in its extra field 1, in this order, those that do not fit alone. */
function zip64(data, at, end, entry) {
  for (; at + 4 <= end; at += 4 + data.getUint16(at + 2, true)) {
    if (data.getUint16(at, true) !== 1) continue;
    let place = at + 4;
    for (const key of ["size", "packed", "header"])
      if (entry[key] === NONE) { entry[key] = large(data, place); place += 8; }
  }
}

/** The entries of a zip in its order; a name may come twice. */
export async function entries(file) {
  const data = await directory(file), found = [], decoder = new TextDecoder();
  for (let at = 0; at + 46 <= data.byteLength && data.getUint32(at, true) === ENTRY;) {
    const [name, extra, comment] = [28, 30, 32].map((place) => data.getUint16(at + place, true));
    const entry = {
      name: decoder.decode(new Uint8Array(data.buffer, at + 46, name)), method: data.getUint16(at + 10, true),
      packed: data.getUint32(at + 20, true), size: data.getUint32(at + 24, true), header: data.getUint32(at + 42, true),
    };
    zip64(data, at + 46 + name, at + 46 + name + extra, entry);
    if (!entry.name.endsWith("/")) found.push(entry);
    at += 46 + name + extra + comment;
  }
  return found;
}

/** An entry's bytes as a Blob of their own. */
export async function content(file, entry) {
  const header = await view(file.slice(entry.header, entry.header + 30));
  const start = entry.header + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  const raw = file.slice(start, start + entry.packed);
  if (entry.method === 0) return raw;
  if (entry.method !== 8) throw new Error("method");
  return new Response(raw.stream().pipeThrough(new DecompressionStream("deflate-raw"))).blob();
}
