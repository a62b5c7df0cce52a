"""Contracting processes of the ledger written as OCDS releases."""
