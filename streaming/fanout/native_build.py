"""Builds the native fan-out step where a C compiler is present."""
