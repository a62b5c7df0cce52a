"""Rooms 直播间 and their sessions: WHIP in, WHEP out, packets forwarded encoded from one publisher to its viewers."""
