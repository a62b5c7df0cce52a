"""The hub 直播: the public plane, with media in and out, recordings, replays, evidence log and public pages."""
