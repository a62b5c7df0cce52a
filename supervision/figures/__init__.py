"""The figures of the market (domain: M01–M52)."""
