// Compares the pictures a player is sent with the hub's signed list of those it has recorded (streaming/log/recorded.py), off
// the page's thread. A picture passes before it is looked at, whatever becomes of the look: the check takes nothing from it.
import { parseKey, parseNote, signedBy } from "./notes.js";
import { ofFragments, ofFrame } from "./pictures.js";
import { Recorded } from "./recorded.js";

const FORMAT = "sunbid-recorded-1", DIGEST = 16; // bytes of SHA-256 a list holds

const recorded = new Recorded();
let offset = 0; // ms by which the hub's clock is ahead

const text = (bytes) => btoa(String.fromCharCode(...bytes));

async function look(coded) {
  const one = { at: Date.now() + offset, digest: "" };
  recorded.seen.push(one);
  one.digest = text(new Uint8Array(await crypto.subtle.digest("SHA-256", coded)).subarray(0, DIGEST));
}

function tried(what) {
  try {
    what();
  } catch {
    recorded.unreadable = true; // nothing can be said, and the picture goes on
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

async function compare({ room, key, ahead }) {
  offset = ahead;
  const told = recorded.seen.length ? await list(room, key) : null;
  if (!told) { recorded.forgetLists(); return ""; }
  recorded.add(told);
  const now = Date.now() + offset;
  recorded.forget(now);
  return recorded.verdict(now);
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
