// Runs before the first paint: the visitor's colours and text size, and the mark that scripts work.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const theme = localStorage.getItem("theme");
    if (theme) root.dataset.theme = theme;
    const size = localStorage.getItem("size");
    if (size) root.dataset.size = size;
  } catch {
    root.dataset.storage = "none"; // storage may be forbidden: the defaults stand
  }
})();
