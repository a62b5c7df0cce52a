// The buttons of a page one hands on: print it, copy its address.
import { $ } from "./site.js";

$("print")?.addEventListener("click", () => print());

$("share")?.addEventListener("click", async () => {
  const link = location.href;
  try {
    await navigator.clipboard.writeText(link);
    toast($("share").dataset.shared);
  } catch {
    toast(link); // no clipboard here: the address to copy by hand
  }
});

let timer = 0;
function toast(text) {
  clearTimeout(timer);
  $("toast").textContent = text;
  $("toast").hidden = false;
  timer = setTimeout(() => { $("toast").hidden = true; }, 3000);
}
