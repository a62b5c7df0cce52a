// An opening in this page's words: its amounts and the sentences of its log.
import { exact } from "./amounts.js";
import { t, term } from "./site.js";
import * as story from "./story.js";

/** What the amounts of this page's opening are in. */
const COUNTED = document.body.dataset.currency || "CNY", NET = COUNTED.endsWith("-net"), CURRENCY = COUNTED.replace(/-net$/, "");
const UNIT = CURRENCY === "CNY" ? Number(t("money.yuan_a_unit")) : 1;
/** An amount without its unit: yuan in 万元 in Chinese; English and other currencies plain. */
export const figure = (amount) => (amount === undefined || amount === null ? "—" : exact(amount, UNIT));
/** An amount with its unit, of whose own VAT is `told`, as site/render.py says it. */
export function money(amount, told = null) {
  const text = CURRENCY === "CNY" ? t("money", { n: figure(amount) }) : `${CURRENCY} ${figure(amount)}`;
  const vat = told === null ? (NET ? "excluded" : null) : told === "excluded" || NET ? told : null;
  return vat ? t(`money.${vat}`, { amount: text }) : text;
}

const VOICE = { say: (key, values) => t(`say.${key}`, values), term, money };
/** One event as the text log says it. */
export const sentence = (message) => story.sentence(message, VOICE);
