"""The hub's side of HTTP: its server, the headers and errors of its answers, its health."""
