"""Logging of the processes: how a line looks, what is redacted, and the file."""
