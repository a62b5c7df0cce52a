"""Benchmarks (`sunbid bench`): each prints its figures beside those of a peer measured in the same run."""
