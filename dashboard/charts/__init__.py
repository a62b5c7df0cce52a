"""Charts of the screens."""
