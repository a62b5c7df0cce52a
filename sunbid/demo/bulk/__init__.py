"""The bulk load, which only the demonstration uses: millions of records into an empty ledger."""
