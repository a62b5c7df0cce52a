// A screen comes into sight whole. Streamlit puts a page on in pieces, in no certain order, and fetches the parts that
// draw them meanwhile: on a slow machine each piece pushes the ones before it about. The navigation, the title row, the
// filters and the screen are out of sight (desk.css) until their last piece is there and every other has its height; what
// has come once stays, whatever a refresh brings.
const LAST = {
  "[data-testid=stSidebarUserContent]": ".sb-me",
  ".st-key-title-bar": "h1",
  ".st-key-filters": "*",
  "[data-testid=stMainBlockContainer]": ".whole", // shell/screen.py
};
// what has its height before it is drawn: a chart, a table (shell/layout.py, shell/tables.py), and the two rows above
const HELD = "[class*=st-key-chart-],[class*=st-key-grid-],[class*=st-key-spark-]";
const ROWS = ".st-key-title-bar,.st-key-filters";

function whole(region, last) {
  if (!region.querySelector(last)) return false;
  const held = region.matches(ROWS) ? HELD : `${HELD},${ROWS}`;
  return region.hasAttribute("data-whole") || !region.querySelector(`[data-testid=stSkeleton]:not(:is(${held}) *)`);
}

function look() {
  for (const [place, last] of Object.entries(LAST)) {
    const region = document.querySelector(place);
    if (region) region.toggleAttribute("data-whole", whole(region, last));
  }
}

document.documentElement.toggleAttribute("data-gathers", true);
new MutationObserver(look).observe(document.body, { subtree: true, childList: true });
look();
