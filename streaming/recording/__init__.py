"""Recordings 录像: when a room is recorded, its files and their rows, what is missing, and how long it is kept."""
