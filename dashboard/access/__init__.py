"""Who may see the desk: accounts, sign-in, sessions and the gate before every request."""
