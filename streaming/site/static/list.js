// The list of bidders: fifty a page, search, follow the one being read. Rows are changed, not rebuilt.
import { $, el, icon, t } from "./site.js";
import { figure } from "./opening.js";
import { PER_PAGE, pager } from "./pages.js";

export class List {
  #page = 0; #following = true; #shown = ""; #rows = new Map();

  constructor() {
    this.story = null;
    $("find").addEventListener("input", () => { this.#page = 0; this.draw(this.story); });
    $("follow").addEventListener("click", () => this.#follow(!this.#following));
    const scroll = $("scroll");
    for (const kind of ["wheel", "touchmove"]) scroll.addEventListener(kind, () => this.#follow(false), { passive: true });
    scroll.addEventListener("keydown", (event) => {
      if (["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"].includes(event.key)) this.#follow(false);
    });
  }

  #follow(on) {
    if (on === this.#following) return;
    this.#following = on;
    $("follow").setAttribute("aria-checked", String(on));
    if (on) { $("find").value = ""; this.draw(this.story); this.#toCurrent(); }
  }

  draw(story) {
    if (!story) return;
    this.story = story;
    const known = story.bidders.size > 0;
    for (const id of ["tools", "scroll"]) $(id).hidden = !known;
    $("secret").hidden = known;
    if (!known) { $("pages").hidden = true; return; }
    const wanted = $("find").value.trim().toLowerCase();
    const all = [...story.bidders].sort((a, b) => a[0] - b[0]);
    const found = wanted ? all.filter(([no, name]) => String(no) === wanted || name.toLowerCase().includes(wanted)) : all;
    if (this.#following && story.current !== null && !wanted) {
      const at = found.findIndex(([no]) => no === story.current);
      if (at >= 0) this.#page = Math.floor(at / PER_PAGE);
    }
    const pages = Math.max(1, Math.ceil(found.length / PER_PAGE));
    this.#page = Math.min(this.#page, pages - 1);
    this.#fill(found.slice(this.#page * PER_PAGE, (this.#page + 1) * PER_PAGE));
    this.#paging(pages, found.length);
  }

  #fill(lines) {
    const key = lines.map(([no]) => no).join();
    const body = $("rows");
    if (key !== this.#shown || !this.#rows.size) {
      this.#shown = key;
      this.#rows = new Map(lines.map(([no, name]) => [no, this.#row(no, name)]));
      body.replaceChildren(...[...this.#rows.values()].map((row) => row.node));
      if (!lines.length) {
        const cell = el("td", "muted", t("list.nomatch"));
        cell.colSpan = 4;
        const row = el("tr");
        row.append(cell);
        body.append(row);
      }
    }
    let moved = false;
    for (const [no] of lines) moved = this.#tell(no) || moved;
    if (moved && this.#following) this.#toCurrent();
  }

  #row(no, name) {
    const node = el("tr"), text = el("td", "n"), line = el("span", "t"), price = el("td", "num p"), days = el("td", "num d");
    line.append(icon("bars"), el("span", "cut", name));
    text.append(line);
    node.append(el("td", "", String(no)), text, price, days);
    return { node, price, days, state: "" };
  }

  /** Bring one row up to date; true if it has become the current one. */
  #tell(no) {
    const row = this.#rows.get(no), read = this.story.readings.get(no);
    const state = no === this.story.current ? "cur" : read ? "read" : "wait";
    if (row.state === state && row.told === read) return false;
    const moved = row.state !== state && state === "cur";
    row.state = state;
    row.told = read;
    row.node.className = state === "read" ? "" : state;
    if (state === "cur") row.node.setAttribute("aria-current", "true");
    else row.node.removeAttribute("aria-current");
    row.price.replaceChildren(...(read?.before ?? []).flatMap((first) => [el("s", "", figure(first.price)), " "]), read ? figure(read.price) : t("list.unread"));
    if (this.story.isOver(read, document.body.dataset.limit)) row.price.append(" ", el("span", "chip line", t("list.over")));
    const other = this.story.otherVat(read);
    if (other) row.price.append(" ", el("span", "chip line apart", t(`list.other_vat.${other}`)));
    if (read?.duration_days != null) row.price.append(el("small", "dd", t("list.days", { n: read.duration_days })));
    row.days.textContent = String(read?.duration_days ?? "—");
    return moved;
  }

  #toCurrent() {
    const row = this.#rows.get(this.story?.current)?.node, box = $("scroll");
    if (!row) return;
    const target = row.offsetTop - box.clientHeight * 0.6;
    const calm = matchMedia("(prefers-reduced-motion:reduce)").matches;
    box.scrollTo({ top: target, behavior: calm || Math.abs(target - box.scrollTop) > 400 ? "auto" : "smooth" });
  }

  #paging(pages, count) {
    const key = `${pages}/${this.#page}/${count}`;
    if ($("pages").dataset.key === key) return;
    $("pages").dataset.key = key;
    pager($("pages"), pages, this.#page, (page) => { this.#follow(false); this.#page = page; this.draw(this.story); $("scroll").scrollTop = 0; });
  }
}
