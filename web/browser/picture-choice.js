// What the viewer has chosen to be shown: the ladder of pictures by itself, or one of its rungs alone.

/** What a viewer may choose: the ladder by itself, or one rung alone. */
export const CHOICES = ["auto", "realtime", "near", "text"];
const KEPT = "picture";

/** The viewer's choice, kept from page to page. */
export function keptChoice() {
  try {
    const kept = localStorage.getItem(KEPT);
    return CHOICES.includes(kept) ? kept : "auto";
  } catch {
    return "auto"; // storage may be forbidden
  }
}

/** Keep it; false where storage is forbidden, so that it holds for this picture only. */
export function keepChoice(choice) {
  try {
    localStorage.setItem(KEPT, choice);
    return true;
  } catch {
    return false;
  }
}
