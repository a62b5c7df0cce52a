"""The lens: a columnar copy of the ledger for questions over months and years."""
