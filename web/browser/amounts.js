// Amounts as they were read aloud: exact to the hundredth of the currency in whatever unit they are shown, and what is said of
// their VAT. The hub writes the same in streaming/site/render.py, records/currencies.py.

/** An amount (a decimal string) in units of `size` of its currency, a power of ten: as many decimals as it takes, at least two. */
export function exact(amount, size) {
  const shift = Math.round(Math.log10(size));
  const form = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 + shift });
  return form.format(`${amount}e-${shift}`); // as text: no detour over binary fractions
}

const EXCLUDED = /[不未]含(增值)?税/, INCLUDED = /含(增值)?税/;
/** What a reading's remark says of VAT: "excluded", "included" or null. */
export const vatTold = (remark) => (EXCLUDED.test(remark ?? "") ? "excluded" : INCLUDED.test(remark ?? "") ? "included" : null);
/** Whether an amount counts as its lot's amounts do; one of which nobody says, does. */
export const isComparable = (vat, ofLot) => vat === null || (vat === "excluded") === (ofLot === "excluded");
