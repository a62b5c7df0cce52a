// The opening page computes each draw again in the visitor's browser, from the public feed alone.
import { $, el, t, term } from "./site.js";
import { recomputed } from "./draw.js";
import { Story } from "./story.js";

const place = $("recomputed"), opening = document.body.dataset.opening;

async function check() {
  const answer = await fetch(`/api/openings/${encodeURIComponent(opening)}/events`);
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  const story = new Story();
  for (const message of await answer.json()) story.add(message);
  const lines = [...recomputed(story)].map(([kind, { value, index, agrees }]) =>
    el("p", agrees ? "" : "problem", t(agrees ? "draw.agrees" : "draw.differs", { kind: term(kind), value, n: index })));
  place.replaceChildren(...(lines.length ? lines : [el("p", "muted", t("draw.open"))]));
}

if (place) check().catch((error) => { place.textContent = error.message; });
