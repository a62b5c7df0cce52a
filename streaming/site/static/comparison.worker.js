// Compares the pictures a player is sent with the hub's signed list of those it has recorded (streaming/log/recorded.py), off
// the page's thread. A picture passes before it is looked at, whatever becomes of the look: the check takes nothing from it.
import { parseKey, parseNote, signedBy } from "./notes.js";
import { ofFragments, ofFrame } from "./pictures.js";

const FORMAT = "sunbid-recorded-1", DIGEST = 16; // bytes of SHA-256 a list holds
const HELD = 90_000; // ms for which pictures seen and listed are kept
const WINDOW = 12_000; // ms of pictures that a verdict is of
const BEHIND = 10_000; // ms after which a list has what it will have, whatever the clock of the source
const AHEAD = 20_000; // ms by which a picture may be older than its coming: what a player is sent when it joins
const SEVERAL = 12; // pictures in a row that are on no list: not the loss of one, but another picture
const ENOUGH = 8;

const seen = []; // {at: ms of the hub's clock, digest}, as they came
const listed = new Map(); // digest → until when it is kept
let offset = 0, from = Infinity, until = 0, unreadable = false;

const text = (bytes) => btoa(String.fromCharCode(...bytes));

async function look(coded) {
  const one = { at: Date.now() + offset, digest: "" };
  seen.push(one);
  one.digest = text(new Uint8Array(await crypto.subtle.digest("SHA-256", coded)).subarray(0, DIGEST));
}

function tried(what) {
  try {
    what();
  } catch {
    unreadable = true; // nothing can be said, and the picture goes on
  }
}

onrtctransform = ({ transformer }) => {
  const passing = new TransformStream({
    transform(frame, out) {
      tried(() => look(ofFrame(new Uint8Array(frame.data))));
      out.enqueue(frame);
    },
  });
  transformer.readable.pipeThrough(passing).pipeTo(transformer.writable).catch(() => {}); // ends with the connection
};

/** The list of a room; null where there is none, or it is not signed by the hub. */
async function list(room, key) {
  const answer = await fetch(`/log/recorded/${encodeURIComponent(room)}`);
  if (!answer.ok) return null;
  const note = parseNote(await answer.text());
  if ((await signedBy(note, parseKey(key))).signed !== true) return null;
  const [format, body] = note.text.split("\n"), told = JSON.parse(body);
  return format === FORMAT && told.room === room ? told : null;
}

function take({ since, pieces }) {
  const first = Date.parse(pieces[0].at), last = pieces.at(-1);
  if (first > until + 1000) from = first; // the lists do not follow each other: what lies between is not known
  from = Math.max(from, Date.parse(since));
  until = Math.max(until, Date.parse(last.at) + last.ms);
  for (const { pictures } of pieces) {
    const raw = atob(pictures);
    for (let at = 0; at < raw.length; at += DIGEST) listed.set(btoa(raw.slice(at, at + DIGEST)), until + HELD);
  }
}

function forget(now) {
  while (seen.length && seen[0].at < now - HELD) seen.shift();
  for (const [digest, end] of listed) if (end < now) listed.delete(digest);
}

/** "recorded", "differs", or "" where nothing can be said. */
function verdict(now) {
  const found = (one) => listed.has(one.digest), last = seen.findLast(found);
  const edge = Math.max(last?.at ?? 0, until - BEHIND);
  if (unreadable || edge < now - 2 * BEHIND) return "";
  let good = 0, run = 0, longest = 0, absent = 0;
  for (const one of seen) {
    if (one.at > edge || one.at <= edge - WINDOW || !one.digest) continue;
    if (found(one)) { good += 1; run = 0; } else if (one.at > from + AHEAD) { absent += 1; longest = Math.max(longest, ++run); }
  }
  if (longest >= SEVERAL) return "differs";
  return good >= ENOUGH && !absent ? "recorded" : "";
}

async function compare({ room, key, ahead }) {
  offset = ahead;
  const told = seen.length ? await list(room, key) : null;
  if (!told) { listed.clear(); [from, until] = [Infinity, 0]; return ""; }
  take(told);
  const now = Date.now() + offset;
  forget(now);
  return verdict(now);
}

onmessage = async ({ data }) => {
  if (data.fragment) {
    tried(() => ofFragments(new Uint8Array(data.fragment)).forEach(look));
    return;
  }
  try {
    postMessage({ state: await compare(data) });
  } catch {
    postMessage({ state: "" }); // offline, or no list that can be read
  }
};
postMessage({ ready: true });
