"""Live state of the hub: rooms, openings and broadcast sessions as the ledger tells them, kept in memory and passed on."""
