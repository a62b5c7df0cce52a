"""Rules of supervision: the registry, lot rules, market rules, and how they run."""
