// Streamlit's own toolbars, menus and fields in the reader's language, and a chart saved as SVG beside the PNG it offers.

const PLACES = [
  "[data-testid=stElementToolbar]", "[data-testid=stTooltipContent]", "[data-testid=stDataFrame]",
  "[data-testid=stDataFrameColumnMenu]", "[data-testid=stDataFrameColumnVisibilityMenu]", "[role=tooltip]", "[data-baseweb=popover]", "#portal",
  "[data-testid=InputInstructions]", "[data-baseweb=select]", "[data-testid=stSelectbox]", "[data-testid=stMultiSelect]", "[data-testid=stTextInput]",
  "[data-testid=stSkipToContent]",
].join(",");
const NAMES = ["aria-label", "title", "placeholder"];
const words = JSON.parse(document.querySelector("meta[name=desk-words]").content);

function translate(root) {
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const said = words[node.nodeValue.trim()];
    if (said && said !== node.nodeValue) node.nodeValue = said;
  }
  for (const name of NAMES) {
    for (const element of [root, ...root.querySelectorAll(`[${name}]`)]) rename(element, name);
  }
}

// a button is called by its word, or by its word and what it belongs to: "Download as PNG: …"
function rename(element, name) {
  const [word, ...context] = (element.getAttribute(name) ?? "").split(": ");
  if (words[word] && words[word] !== word) element.setAttribute(name, [words[word], ...context].join(": "));
}

function offerSvg(toolbar) {
  const frame = toolbar.closest("[data-testid=stFullScreenFrame]") ?? toolbar.parentElement;
  const save = [...toolbar.querySelectorAll("button")].find(button => button.ariaLabel?.startsWith(words["Download as PNG"]));
  if (!save || toolbar.querySelector(".save-svg") || !frame.querySelector("svg.marks")) return;
  const button = document.createElement("button");
  button.className = "save-svg";
  button.type = "button";
  button.textContent = "SVG";
  button.title = button.ariaLabel = words["Download as SVG"];
  button.onclick = () => saveSvg(frame.querySelector("svg.marks"));
  (save.closest("[data-testid=stElementToolbarButton]") ?? save).after(button);
}

function saveSvg(drawing) {
  const copy = drawing.cloneNode(true);
  copy.style.background = getComputedStyle(document.body).getPropertyValue("--card");
  const file = new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" });
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(file), download: "sunbid.svg" });
  link.click();
  URL.revokeObjectURL(link.href);
}

function look(node) {
  if (node.nodeType === Node.TEXT_NODE) node = node.parentElement;
  if (!(node instanceof Element)) return;
  const inside = node.closest(PLACES);
  for (const root of inside ? [node] : node.querySelectorAll(PLACES)) translate(root);
  const toolbar = node.closest("[data-testid=stElementToolbar]");
  for (const one of toolbar ? [toolbar] : node.querySelectorAll("[data-testid=stElementToolbar]")) offerSvg(one);
}

new MutationObserver(changes => {
  for (const change of changes) {
    if (change.type !== "childList") look(change.target);
    for (const node of change.addedNodes) look(node);
  }
}).observe(document.documentElement, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: NAMES });
