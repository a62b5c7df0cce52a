// The buttons of a page one hands on: print it, copy its address or what stands beside a button.
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

for (const button of document.querySelectorAll(".copy"))
  button.addEventListener("click", async () => {
    await navigator.clipboard?.writeText(button.dataset.copy);
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1500);
  });

let timer = 0;
function toast(text) {
  clearTimeout(timer);
  $("toast").textContent = text;
  $("toast").hidden = false;
  timer = setTimeout(() => { $("toast").hidden = true; }, 3000);
}
