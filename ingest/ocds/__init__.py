"""Open Contracting Data Standard 1.1, read and written."""
