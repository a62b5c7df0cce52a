"""The demonstration market: synthetic records, rooms on air, and the larger city."""
