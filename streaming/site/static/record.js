// The opening record: searched by name, initials of its pinyin or number, fifty a page; printed whole.
import { $ } from "./site.js";
import { PER_PAGE, pager } from "./pages.js";
import "./share.js";

const rows = [...($("rows")?.tBodies[0].rows ?? [])];
const numberOf = (row) => row.cells[0].textContent;
let page = 0, found = rows;

/** Show the rows that are found, a page of them. */
function draw() {
  const pages = Math.max(1, Math.ceil(found.length / PER_PAGE));
  page = Math.min(page, pages - 1);
  const shown = new Set(found.slice(page * PER_PAGE, (page + 1) * PER_PAGE));
  for (const row of rows) row.hidden = !shown.has(row);
  $("nobody").hidden = found.length > 0;
  pager($("pages"), pages, page, (wanted) => { page = wanted; draw(); $("scroll").scrollTop = 0; });
}

function matches(row, wanted) {
  return numberOf(row) === wanted || row.cells[0].dataset.py.includes(wanted) || row.cells[1].textContent.toLowerCase().includes(wanted);
}

/** Bring the row of a number into view and mark it; without a number no row is marked. */
export function mark(no, scroll) {
  const row = no === null ? null : rows.find((one) => numberOf(one) === String(no));
  for (const other of rows) if (other !== row) other.classList.remove("cur");
  if (!row || row.classList.contains("cur")) return;
  row.classList.add("cur");
  if (!scroll || $("find").value) return;
  page = Math.floor(found.indexOf(row) / PER_PAGE);
  draw();
  const box = $("scroll");
  if (box.scrollHeight > box.clientHeight) box.scrollTop = row.offsetTop - box.clientHeight / 2;
}

if (rows.length) {
  $("find").addEventListener("input", () => {
    const wanted = $("find").value.trim().toLowerCase();
    found = wanted ? rows.filter((row) => matches(row, wanted)) : rows;
    page = 0;
    draw();
  });
  draw();
}
