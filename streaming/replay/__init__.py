"""Replay 录播回看 of openings that are over: recordings cut to what the public saw, served by byte ranges."""
