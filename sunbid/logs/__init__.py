"""What the processes log: how a line looks, what never stands in one, and the file."""
