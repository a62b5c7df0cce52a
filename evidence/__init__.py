"""The proof: a Merkle log with signed heads, witnesses who cosign them, and packages anyone can check offline."""
