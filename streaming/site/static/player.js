// The ladder as the public pages use it: addresses of this site, and the viewer's choice kept from page to page.
import { Comparison } from "./comparison.js";
import { Ladder } from "./ladder.js";
import { keepChoice, keptChoice } from "./picture-choice.js";
import { clock } from "./clock.js";
import { say, t } from "./site.js";

export class Player extends Ladder {
  /** `tell(state, player)` as the ladder's; `calm` for small pictures, which may be some seconds behind and are not
   *  compared with what is recorded. */
  constructor(video, room, tell = () => {}, calm = false) {
    video.muted = true;
    super(video, { room, tell, calm, choice: keptChoice(), compare: calm ? null : (one) => Comparison.of(one) });
  }
}

/** The words of a player's rung and of the reason for it. */
export function rungWords(player) {
  return [t(`badge.${player.rung}`), player.why ? t(`rung.why.${player.why}`) : t(`rung.note.${player.rung}`)];
}

/** The badge and its menu: which rung plays and why; the viewer may choose one. Gives what to call when it changes. */
export function rungMenu(box, player) {
  const [badge, note] = [box.querySelector("summary"), box.querySelector("p")];
  const buttons = [...box.querySelectorAll("button[data-rung]")];
  const draw = () => {
    const [word, why] = rungWords(player);
    if (badge.textContent !== word) badge.textContent = word;
    badge.title = note.textContent = why;
    badge.dataset.why = player.why;
    badge.classList.toggle("on", player.rung !== "text");
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.rung === player.choice));
  };
  for (const button of buttons) button.addEventListener("click", () => {
    player.choose(button.dataset.rung);
    if (!keepChoice(player.choice)) note.dataset.storage = "none"; // kept for this page only
    box.open = false;
    draw();
  });
  const close = (event) => { if (event.key === "Escape" || (event.type === "click" && !box.contains(event.target))) box.open = false; };
  for (const kind of ["click", "keydown"]) document.addEventListener(kind, close);
  return draw;
}

/** Say beside the picture that it is the one being recorded, or that it is not; nothing where nobody can tell. */
export function sayCompared(box, player) {
  const { state = "", at = null } = player.comparison ?? {};
  box.hidden = !state;
  if (!state) return;
  box.classList.toggle("bad", state === "differs");
  say(box.lastElementChild, t(`compared.${state}`));
  box.title = t(`compared.${state}.note`, { time: clock(at) });
}
