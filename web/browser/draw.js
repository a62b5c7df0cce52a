// The verifiable draw, computed again from the public feed. records/draw.py has the rule and computes the same:
// SHA-256(seed 1 ‖ seed 2 ‖ chain head after the last decryption) mod the number of candidates.
import { hex, sha256, unhex } from "./sha256.js";

const digest = (text) => hex(sha256(unhex(text)));

/** The last round of each draw of a story: commitments, seeds, candidates, by kind. */
function rounds(story) {
  const found = new Map();
  for (const { type, no, kind = "", seed, seed_sha256: commitment, pool } of story.seeds) {
    if (!found.has(kind) || type === "unrevealed") found.set(kind, { commitments: {}, seeds: {}, pool: found.get(kind)?.pool ?? [] });
    const round = found.get(kind);
    if (type === "committed") { round.commitments[no] = commitment; round.pool = pool ?? round.pool; }
    if (type === "revealed") round.seeds[no] = seed;
  }
  return found;
}

/** Kind → { value, index, agrees } of every draw of a story that two seeds decide; `agrees` with what was announced. */
export function recomputed(story) {
  const found = new Map();
  for (const [kind, { commitments, seeds, pool }] of rounds(story)) {
    if (!seeds[1] || !seeds[2] || !pool.length || !story.decryptedHead) continue;
    const index = Number(BigInt(`0x${digest(seeds[1] + seeds[2] + story.decryptedHead)}`) % BigInt(pool.length));
    const told = story.coefficients.findLast((one) => (one.kind ?? "") === kind);
    const kept = digest(seeds[1]) === commitments[1] && digest(seeds[2]) === commitments[2];
    found.set(kind, { index, value: pool[index], agrees: kept && told?.value === pool[index] });
  }
  return found;
}
