// The verifiable draw, computed again from the public feed. records/draw.py has the rule and computes the same:
// SHA-256(seed 1 ‖ seed 2 ‖ chain head after the last decryption) mod the number of candidates.
const bytes = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const hex = (buffer) => [...new Uint8Array(buffer)].map((b) => b.toString(16).padStart(2, "0")).join("");
const digest = (raw) => crypto.subtle.digest("SHA-256", raw);

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

/** Kind → { value, index, agrees } of every draw of a story that two seeds decide; `agrees` with what was announced.
 * `hash` computes SHA-256 of bytes: a page without TLS, where browsers offer none, brings its own. */
export async function recomputed(story, hash = digest) {
  const found = new Map();
  const sha256 = async (text) => hex(await hash(bytes(text)));
  for (const [kind, { commitments, seeds, pool }] of rounds(story)) {
    if (!seeds[1] || !seeds[2] || !pool.length || !story.decryptedHead) continue;
    const index = Number(BigInt(`0x${await sha256(seeds[1] + seeds[2] + story.decryptedHead)}`) % BigInt(pool.length));
    const told = story.coefficients.findLast((one) => (one.kind ?? "") === kind);
    const kept = (await sha256(seeds[1])) === commitments[1] && (await sha256(seeds[2])) === commitments[2];
    found.set(kind, { index, value: pool[index], agrees: kept && told?.value === pool[index] });
  }
  return found;
}
