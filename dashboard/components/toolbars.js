// Streamlit's own toolbars, menus, fields and charts in the reader's language; what a chart's toolbar does is ours (chart-files.js).
import { drawingOf, offerTools, saveChart, showFigures } from "./chart-files.js";

const PLACES = [
  "[data-testid=stElementToolbar]", "[data-testid=stTooltipContent]", "[data-testid=stDataFrame]",
  "[data-testid=stDataFrameColumnMenu]", "[data-testid=stDataFrameColumnVisibilityMenu]", "[role=tooltip]", "[data-baseweb=popover]", "#portal",
  "[data-testid=InputInstructions]", "[data-baseweb=select]", "[data-testid=stSelectbox]", "[data-testid=stMultiSelect]", "[data-testid=stTextInput]",
  "[data-testid=stSkipToContent]", "[data-testid=stSidebar]", "[data-testid=stExpandSidebarButton]", "[data-testid=stDateInput]", "[data-testid=stVegaLiteChart]",
  "#stFloatingOverlayPortal", "[data-live-announcer]", "[id^=react-aria-description]",
].join(",");
const NAMES = ["aria-label", "aria-roledescription", "title", "placeholder"];
const words = JSON.parse(document.querySelector("meta[name=desk-words]").content);
const patterns = Object.entries(words).filter(([theirs]) => theirs.includes("{")).map(([theirs, said]) =>
  [new RegExp(`^${theirs.replaceAll(".", "\\.").replace(/\{\w+\}/, "(.+)")}$`), said]);

function translate(root) {
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const theirs = node.nodeValue.trim(), said = ours(theirs);
    if (said !== theirs) node.nodeValue = said;
  }
}

// what only a screen reader or a tooltip says is Streamlit's own or a name of ours, wherever it stands
function rename(root) {
  for (const name of NAMES) {
    for (const element of [root, ...root.querySelectorAll(`[${name}]`)]) {
      const theirs = element.getAttribute(name) ?? "", said = ours(theirs);
      if (said !== theirs) element.setAttribute(name, said);
    }
  }
}

// by its word, by its pattern, or by its word and what it belongs to: "Download as PNG: …", "day, …"
function ours(theirs) {
  if (words[theirs]) return words[theirs];
  for (const [pattern, said] of patterns) {
    const found = theirs.match(pattern);
    if (found) return said.replace(/\{\w+\}/, day(found[1]));
  }
  const [, word, context] = theirs.match(/^(.+?)((?:: |, ).+)$/s) ?? [];
  return words[word] ? words[word] + context : theirs;
}

// "November 27, 2026" as the reader writes it; anything else as it is
function day(text) {
  if (!/^[A-Z][a-z]+ \d+, \d{4}$/.test(text)) return text;
  return new Date(text).toLocaleDateString(document.documentElement.lang, { dateStyle: "long" });
}

// the button of a toolbar that has this word of Streamlit's, and what the toolbar holds it in
function buttonOf(toolbar, theirs) {
  const found = [...toolbar.querySelectorAll("button")].find(button => button.ariaLabel?.startsWith(words[theirs]));
  return found && (found.closest("[data-testid=stElementToolbarButton]") ?? found);
}

function offerSvg(toolbar) {
  const save = buttonOf(toolbar, "Download as PNG");
  if (!save || toolbar.querySelector(".save-svg") || !drawingOf(toolbar)) return;
  const button = document.createElement("button");
  button.className = "save-svg";
  button.type = "button";
  button.textContent = "SVG";
  button.title = button.ariaLabel = words["Download as SVG"];
  save.after(button);
}

// a table is saved by the export menu alone, which marks and audits what leaves; Streamlit's own switch for this button would end copying
// cells too
function hideSaving(toolbar) {
  const save = buttonOf(toolbar, "Download as CSV");
  if (save) save.style.display = "none";
}

function look(node) {
  if (node.nodeType === Node.TEXT_NODE) node = node.parentElement;
  if (!(node instanceof Element)) return;
  const inside = node.closest(PLACES);
  for (const root of inside ? [node] : node.querySelectorAll(PLACES)) translate(root);
  rename(node);
  const toolbar = node.closest("[data-testid=stElementToolbar]");
  for (const one of toolbar ? [toolbar] : node.querySelectorAll("[data-testid=stElementToolbar]")) {
    offerSvg(one);
    hideSaving(one);
  }
  for (const one of node.matches("svg.meet") ? [node] : node.querySelectorAll("svg.meet")) offerTools(one, words);
}

new MutationObserver(changes => {
  for (const change of changes) {
    if (change.type !== "childList") look(change.target);
    for (const node of change.addedNodes) look(node);
  }
}).observe(document.documentElement, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: NAMES });
look(document.documentElement); // what was drawn before this script came

// a page that is made for paper has a button for it
document.addEventListener("click", (event) => {
  if (!event.target.closest?.(".printing")) return;
  event.preventDefault();
  print();
});

// the address of the view on show; a clipboard is offered to secure pages alone, a selection can be copied on every page
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.(".copying");
  if (!button) return;
  event.preventDefault();
  const copied = await navigator.clipboard?.writeText(location.href).then(() => true, () => false) ?? false;
  if (!copied && !copySelected(location.href)) return prompt(button.textContent, location.href);
  const said = button.textContent;
  if (said === words["Copied!"]) return;
  button.textContent = words["Copied!"];
  setTimeout(() => (button.textContent = said), 2000);
});

function copySelected(text) {
  const field = Object.assign(document.createElement("textarea"), { value: text, className: "vh" });
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  return copied;
}

// before Streamlit hears of it: its own picture has no ground and no title, its own table the names that the code has for columns
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-testid=stElementToolbar] button");
  const drawing = button && drawingOf(button);
  if (!drawing) return;
  const does = Object.entries({
    "Download as PNG": () => saveChart(drawing, "png"), "Download as SVG": () => saveChart(drawing, "svg"),
    "Show data": () => showFigures(drawing, words.Dismiss),
  }).find(([theirs]) => button.ariaLabel?.startsWith(words[theirs]))?.[1];
  if (!does) return;
  event.stopPropagation();
  does();
}, true);
