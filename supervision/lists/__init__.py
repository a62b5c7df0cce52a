"""Lists of the ledger that screens show and export: what stands in a table row by row, as the law lets its reader see it."""
