// The host's sidebar: today's openings of the host, the steps of the one on show, the keys. The desk (host.js) says what it shows.
import { clock } from "./clock.js";
import { h, icon, mount } from "./common.js";
import { STEPS } from "./story.js";

const ICONS = { ok: "check", cur: "next", due: "warn", no: "lock" };
const KEYS = { readNext: "⏎", again: "R", correct: "C", answer: "A", object: "O" };

/** The place in the sidebar and the desk that fills it; either may come first. */
export const rail = {
  root: null,
  view: null,
  show(view) { this.view = view; this.draw(); },
  leave(view) { if (this.view === view) this.view = null; this.draw(); },
  seat(root) { this.root = root; this.draw(); },
  draw() { this.root?.replaceChildren(...(this.view?.desk ? parts(this.view) : [])); },
};

function parts(view) {
  const { words, desk } = view, keys = Object.entries(KEYS).map(([name, key]) => h("li", {}, h("span", {}, words.key[name]), h("kbd", {}, key)));
  return [
    ...(desk.mine.length ? [h("h2", {}, words.mine), h("ol.mine", {}, desk.mine.map((one) => sitting(one, view)))] : []),
    h("h2", {}, words.thisOne), h("ol.steps", {}, STEPS.map((stage) => step(stage, view))), h("h2", {}, words.key.title), h("ul.keys", {}, keys),
  ];
}

/** One of today's openings: when, what, how it stands; a click opens its desk. */
function sitting({ id, at, title, room, state, stage }, { data, words }) {
  const here = id === data.opening, name = data.stages.find((one) => one.id === stage)?.name;
  const told = state === "in_progress" ? name ?? words.state[state] : words.state[state] ?? name;
  const address = `?${new URLSearchParams({ opening: id, ...(words.lang === "zh" ? {} : { lang: words.lang }) })}`;
  return h("li", {}, h("a" + (here ? ".here" : ""), { href: address, target: "_self", title, "aria-current": here ? "page" : null },
    h("time", {}, clock(at).slice(0, 5)), h("b", {}, title), h("small", {}, [told, room].filter(Boolean).join(" · "))));
}

function step(stage, view) {
  const state = view.stateOf(stage);
  return h(`li.${state}`, state === "cur" ? { "aria-current": "step" } : {},
    h("button", { type: "button", onclick: () => view.goTo(stage) }, icon(ICONS[state]), h("b", {}, view.stageName(stage)), h("time", {}, view.when(stage))));
}

/** What Streamlit mounts. */
export default function (component) {
  return mount(component, (parent) => {
    const root = h("nav.sunbid.rail", { "aria-label": component.data.label });
    parent.append(root);
    rail.seat(root);
    return { update() { rail.draw(); }, close() { if (rail.root === root) rail.seat(null); root.remove(); } };
  });
}
