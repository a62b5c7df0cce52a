// A click on a row or a mark that leads to another screen: the desk draws the link there, out of sight, and it is pressed
// here (shell/layout.py, `leave`). As a link it is one step of the browser's history, so the way back is one too.
const LINK = ".st-key-leaving a";
const pressed = new WeakSet();

function follow() {
  const link = document.querySelector(LINK);
  if (!link || pressed.has(link)) return;
  pressed.add(link);
  link.click();
}

new MutationObserver(follow).observe(document.documentElement, { subtree: true, childList: true });
