// The coded pictures in what a player is sent, each as the bytes its digest is of: streaming/recording/pictures.py has the
// rule. Of H.264 the slices alone, each behind its length; of VP8 the whole picture.
const SLICE = 1, IDR = 5; // types of NAL units
const VIDEO_TRACK = 1; // of the HLS of this site
const MORE = { offset: 0x1, first: 0x4, duration: 0x100, size: 0x200, flags: 0x400, shift: 0x800 }; // flags of trun

const isSlice = (nal) => nal.length > 0 && (nal[0] & 31) >= SLICE && (nal[0] & 31) <= IDR;

function joined(nals) {
  const slices = nals.filter(isSlice), all = new Uint8Array(slices.reduce((sum, nal) => sum + 4 + nal.length, 0));
  let at = 0;
  for (const nal of slices) {
    new DataView(all.buffer).setUint32(at, nal.length);
    all.set(nal, at + 4);
    at += 4 + nal.length;
  }
  return all;
}

/** What follows a NAL unit's last bit are zeros that some ways cut off. */
function trimmed(nal) {
  let end = nal.length;
  while (end > 0 && nal[end - 1] === 0) end -= 1;
  return nal.subarray(0, end);
}

/** Where the start codes 00 00 01 of H.264 in Annex B form stand. */
function startCodes(data) {
  const found = [];
  for (let at = data.indexOf(1, 2); at >= 0; at = data.indexOf(1, at + 1)) if (data[at - 1] === 0 && data[at - 2] === 0) found.push(at - 2);
  return found;
}

/** A picture as WebRTC hands it on: H.264 begins with a start code, VP8 never does. */
export function ofFrame(data) {
  const codes = startCodes(data);
  if (codes[0] !== 0 && !(codes[0] === 1 && data[0] === 0)) return data;
  return joined(codes.map((at, index) => trimmed(data.subarray(at + 3, codes[index + 1] ?? data.length))));
}

function* boxes(data, from, end) {
  const view = new DataView(data.buffer, data.byteOffset);
  for (let at = from; at + 8 <= end;) {
    const size = view.getUint32(at);
    if (size < 8 || at + size > end) throw new Error("box");
    yield { kind: String.fromCharCode(...data.subarray(at + 4, at + 8)), at, from: at + 8, end: at + size };
    at += size;
  }
}

/** First byte and length of each sample of a trun, whose fragment begins at a byte of `data`. */
function* samples(data, moof, trun) {
  const view = new DataView(data.buffer, data.byteOffset), flags = view.getUint32(trun.from) & 0xffffff;
  const row = 4 * ["duration", "size", "flags", "shift"].filter((name) => flags & MORE[name]).length;
  let place = moof + (flags & MORE.offset ? view.getInt32(trun.from + 8) : 0);
  let at = trun.from + 8 + (flags & MORE.offset ? 4 : 0) + (flags & MORE.first ? 4 : 0) + (flags & MORE.duration ? 4 : 0);
  for (let left = view.getUint32(trun.from + 4); left > 0; left -= 1, at += row) {
    const size = view.getUint32(at);
    yield [place, size];
    place += size;
  }
}

function* nalsOf(sample) {
  const view = new DataView(sample.buffer, sample.byteOffset);
  for (let at = 0; at + 4 < sample.length;) {
    const size = view.getUint32(at);
    yield trimmed(sample.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
}

/** The pictures of parts or segments of HLS, in order. */
export function ofFragments(data) {
  const found = [];
  for (const moof of boxes(data, 0, data.length)) {
    if (moof.kind !== "moof") continue;
    for (const traf of boxes(data, moof.from, moof.end)) {
      if (traf.kind !== "traf") continue;
      const inner = [...boxes(data, traf.from, traf.end)], head = inner.find((one) => one.kind === "tfhd");
      if (new DataView(data.buffer, data.byteOffset).getUint32(head.from + 4) !== VIDEO_TRACK) continue;
      for (const trun of inner.filter((one) => one.kind === "trun"))
        for (const [at, size] of samples(data, moof.at, trun)) found.push(joined([...nalsOf(data.subarray(at, at + size))]));
    }
  }
  return found;
}
