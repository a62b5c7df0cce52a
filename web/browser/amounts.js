// Amounts as they were read aloud: exact to the hundredth of the currency in whatever unit they are shown. The hub writes the
// same in streaming/site/render.py.

/** An amount (a decimal string) in units of `size` of its currency, a power of ten: as many decimals as it takes, at least two. */
export function exact(amount, size) {
  const shift = Math.round(Math.log10(size));
  const form = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 + shift });
  return form.format(`${amount}e-${shift}`); // as text: no detour over binary fractions
}
