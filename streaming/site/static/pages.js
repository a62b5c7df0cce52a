// The links to the pages of a long list.
import { el, icon, t } from "./site.js";

export const PER_PAGE = 50;

/** Fill `bar` with the links to so many pages, the present one marked; hidden where there is one alone. */
export function pager(bar, pages, page, go) {
  bar.hidden = pages < 2;
  if (pages < 2) return;
  const arrow = (name, label, to) => {
    const button = el("button");
    button.append(icon(name));
    button.setAttribute("aria-label", t(label));
    button.disabled = to < 0 || to >= pages;
    button.addEventListener("click", () => go(to));
    return button;
  };
  const numbers = Array.from({ length: pages }, (_, index) => index).filter((index) => pages <= 7 || index === 0 || index === pages - 1 || Math.abs(index - page) < 3);
  const buttons = numbers.map((index) => {
    const button = el("button", "", String(index + 1));
    if (index === page) button.setAttribute("aria-current", "page");
    button.addEventListener("click", () => go(index));
    return button;
  });
  const held = bar.contains(document.activeElement);
  bar.replaceChildren(el("span", "", t("list.per", { n: PER_PAGE })), arrow("left", "list.prev", page - 1), ...buttons, arrow("right", "list.next", page + 1));
  if (held) bar.querySelector("[aria-current]")?.focus({ preventScroll: true }); // the keyboard stays here
}
