"""Live data of the desk: feeds, and JSON for the live components."""
