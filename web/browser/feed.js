// A WebSocket that comes back by itself, with growing and scattered pauses, and resumes after the last message seen.
const FIRST = 500, LONGEST = 10_000;
/** A hub that was restarted is back within seconds: for this long (ms) after a loss the pauses stay short. */
const HURRY = 20_000, SHORT = 1500;
/** Close codes after which coming back would not help: not signed in, refused, wrong question, no such opening. */
const FINAL = new Set([4400, 4401, 4403, 4404]);

/**
 * `address(after)` gives the address of the feed, of this site or of another; `message` gets parsed messages, those with
 * a `seq` in order and once each; `state` hears open, lost and refused (with the close code).
 */
export function follow(address, { message, state = () => {}, after = 0 }) {
  let pause = FIRST, seen = after, socket, timer, heard = 0, lostAt = 0, stopped = false;

  function open() {
    clearTimeout(timer);
    socket = new WebSocket(socketAddress(address(seen)));
    socket.onopen = () => { pause = FIRST; lostAt = 0; heard = Date.now(); state("open"); };
    socket.onmessage = (event) => { heard = Date.now(); take(JSON.parse(event.data)); };
    socket.onclose = (event) => {
      if (stopped) return;
      if (FINAL.has(event.code)) { state("refused", event.code); return; }
      state("lost");
      lostAt ||= Date.now();
      timer = setTimeout(open, pause * (0.5 + Math.random()));
      pause = Math.min(pause * 2, Date.now() - lostAt < HURRY ? SHORT : LONGEST);
    };
  }

  function take(told) {
    if (typeof told.seq === "number") {
      if (told.seq <= seen) return;
      seen = told.seq;
    }
    message(told);
  }

  // A laptop that slept, a phone that changed networks: try at once instead of waiting the pause out.
  const wake = () => { if (!stopped && socket.readyState === WebSocket.CLOSED) { pause = FIRST; open(); } };
  const shown = () => { if (!document.hidden) wake(); };
  addEventListener("online", wake);
  document.addEventListener("visibilitychange", shown);
  open();
  return {
    close() {
      stopped = true;
      clearTimeout(timer);
      removeEventListener("online", wake);
      document.removeEventListener("visibilitychange", shown);
      socket.close();
    },
    get heard() { return heard; },
  };
}

/** ws:// for an http:// address; a path belongs to this site. */
function socketAddress(address) {
  const url = new URL(address, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}
