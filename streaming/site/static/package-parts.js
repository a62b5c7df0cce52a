// Which lines of a text, or blocks of another file, differ from what was written down, as evidence/verify.py names them.
import { BLOCK, TEXT, bothAt, differences, linesOf, partsOf, sameList } from "./package-format.js";
import { hex, sha256 } from "./sha256.js";

const FEED = Uint8Array.of(10);

/** The first part, from 0 on, that is not there whole where a file breaks off; null where it does not. `ended`: whether the last part found is a whole one. */
function cutAt(expected, found, ended) {
  const lost = expected.length - found.length, differs = found.findIndex((one, at) => one !== expected[at]);
  const same = differs < 0 ? found.length : differs, whole = ended ? found.length : found.length - 1;
  return lost > (ended ? 1 : 0) && same >= whole ? same : null;
}

/** Say what of a file differs from the manifest. */
export function nameParts(check, name, raw) {
  const listed = check.listed.get(name), found = partsOf(name, raw);
  if (!Array.isArray(listed.parts) || sameList(listed.parts, found)) nameEnd(check, name, raw, listed);
  else if (TEXT.test(name)) nameLines(check, name, raw, listed.parts, found);
  else nameBlocks(check, name, listed, found);
}

/** All lines are as listed: the line feed at the end is not, or else it is the manifest that is wrong. */
function nameEnd(check, name, raw, { sha256: wanted }) {
  const at = { line: linesOf(raw).length }, text = TEXT.test(name);
  if (text && hex(sha256(raw, FEED)) === wanted) check.bad(name, "line", "line_feed_missing", at);
  else if (text && raw.at(-1) === 10 && hex(sha256(raw.subarray(0, -1))) === wanted) check.bad(name, "line", "line_feed_added", at);
  else check.blameManifest(name);
}

/** Say which lines of a text differ; that it is empty or breaks off is one thing, however many are gone. */
export function nameLines(check, name, raw, expected, found) {
  const cut = cutAt(expected, found, raw.at(-1) === 10);
  if (expected.length && !raw.length) check.bad(name, "", "emptied");
  else if (cut !== null) check.bad(name, "line", "cut_off", { line: cut + 1 });
  else for (const [at, why] of differences(expected, found)) check.bad(name, "line", why, { line: at + 1 }, bothAt(expected, found, at));
}

/** Say which blocks of a file that is no text differ. */
function nameBlocks(check, name, { parts, size: wanted = 0 }, found) {
  const { size } = check.blobs.get(name);
  if (!size) check.bad(name, "", "emptied");
  else if (size < wanted && cutAt(parts, found, false) !== null) check.bad(name, "bytes", "cut_off", { first: size, last: wanted - 1 });
  else for (const [at, why] of differences(parts, found))
    check.bad(name, "bytes", why, { first: at * BLOCK, last: Math.min((at + 1) * BLOCK, Math.max(size, wanted)) - 1 }, bothAt(parts, found, at));
}
