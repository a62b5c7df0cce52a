"""Red flags of OCDS releases: the eleven indicators of Cardinal (Open Contracting Partnership), exactly as it defines them."""
