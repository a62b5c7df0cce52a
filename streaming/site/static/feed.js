// A WebSocket that comes back by itself, with growing and scattered pauses.
const FIRST = 500, LONGEST = 10_000;
/** A hub that was restarted is back within seconds: for this long (ms) after a loss the pauses stay short. */
const HURRY = 20_000, SHORT = 1500;
/** Close codes after which coming back would not help. */
const FINAL = new Set([4400, 4404]);

export function follow(address, { message, state = () => {} }) {
  let pause = FIRST, socket, timer, heard = 0, lostAt = 0, stopped = false;

  function open() {
    clearTimeout(timer);
    socket = new WebSocket(new URL(address(), location.href.replace(/^http/, "ws")));
    socket.onopen = () => { pause = FIRST; lostAt = 0; heard = Date.now(); state("open"); };
    socket.onmessage = (event) => { heard = Date.now(); message(JSON.parse(event.data)); };
    socket.onclose = (event) => {
      if (stopped) return;
      if (FINAL.has(event.code)) { state("refused"); return; }
      state("lost");
      lostAt ||= Date.now();
      timer = setTimeout(open, pause * (0.5 + Math.random()));
      pause = Math.min(pause * 2, Date.now() - lostAt < HURRY ? SHORT : LONGEST);
    };
  }

  // A laptop that slept, a phone that changed networks: try at once instead of waiting the pause out.
  const wake = () => { if (!stopped && socket.readyState === WebSocket.CLOSED) { pause = FIRST; open(); } };
  addEventListener("online", wake);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) wake(); });
  open();
  return { close() { stopped = true; clearTimeout(timer); socket.close(); }, get heard() { return heard; } };
}
