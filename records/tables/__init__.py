"""The tables 账本表, a file a subject."""
