// A click on a row or a mark that leads to another screen: the desk draws the link there, out of sight, and it is pressed
// here (shell/layout.py, `leave`). As a link it is one step of the browser's history, so the way back is one too. So is
// the page in another language, with all that was chosen.
const LINK = ".st-key-leaving a";
const pressed = new WeakSet();

function follow() {
  const link = document.querySelector(LINK);
  if (!link || pressed.has(link)) return;
  pressed.add(link);
  link.click();
}

/** The same page in another language says what its address says by now: choices do not draw the navigation again. */
function inOtherWords(event) {
  const link = event.target.closest?.(".sb-acts a[lang]");
  if (!link) return;
  const said = new URLSearchParams(location.search);
  said.set("lang", new URL(link.href).searchParams.get("lang"));
  link.href = `?${said}`;
}

for (const how of ["pointerdown", "click"]) addEventListener(how, inOtherWords, true); // any button of the mouse, and the keyboard
new MutationObserver(follow).observe(document.documentElement, { subtree: true, childList: true });
