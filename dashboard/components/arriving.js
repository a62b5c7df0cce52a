// A screen comes into sight whole. Streamlit puts a page on in pieces, in no certain order, and fetches the parts that
// draw them meanwhile: on a slow machine each piece pushes the ones before it about. The navigation, the title row, the
// filters and the screen are out of sight (desk.css) until their last piece is there and every other has its height; what
// has come once stays, whatever a refresh brings, until another screen takes its place.
const LAST = {
  "[data-testid=stSidebarUserContent]": ".sb-me",
  ".st-key-title-bar": "h1",
  ".st-key-filters": "*",
  "[data-testid=stMainBlockContainer]": ".whole", // shell/screen.py
};
// what has its height before it is drawn: a chart, a table (shell/layout.py, shell/tables.py), and the two rows above
const HELD = "[class*=st-key-chart-],[class*=st-key-grid-],[class*=st-key-spark-]";
const ROWS = ".st-key-title-bar,.st-key-filters";
const shown = new Set();

function whole(region, last) {
  const held = region.matches(ROWS) ? HELD : `${HELD},${ROWS}`;
  return region.querySelector(last) && !region.querySelector(`[data-testid=stSkeleton]:not(:is(${held}) *)`);
}

// a screen without its title row has been taken away
function emptied(region, last) {
  return !region?.querySelector(last === ".whole" ? ".st-key-title-bar, .whole" : "*");
}

function look() {
  for (const [place, last] of Object.entries(LAST)) {
    const region = document.querySelector(place);
    if (emptied(region, last)) shown.delete(place);
    else if (!shown.has(place) && whole(region, last)) shown.add(place);
    region?.toggleAttribute("data-whole", shown.has(place));
  }
}

document.documentElement.toggleAttribute("data-gathers", true);
new MutationObserver(look).observe(document.body, { subtree: true, childList: true });
look();
