"""The hub's log of evidence: leaves, signed heads, and the sealing of an opening at its end."""
