"""Envelopes into the ledger, exactly once: judged, placed, parked or refused."""
