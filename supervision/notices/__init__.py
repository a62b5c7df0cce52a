"""Notices of new warnings to people who are not looking at the desk: by webhook and by e-mail."""
