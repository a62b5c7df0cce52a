"""Panels: larger parts of one screen each."""
