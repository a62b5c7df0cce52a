"""OCDS releases read into record envelopes."""
