"""The public rows: what the law lets everyone see, and from when; the hub reads nothing else."""
