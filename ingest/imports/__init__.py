"""Files and folders brought into the ledger, and what of them was refused."""
