"""What is going on now: feeds, and JSON for the live components."""
