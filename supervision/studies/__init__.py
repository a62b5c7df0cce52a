"""Studies of the market: rings and expert tendencies, computed by the watch from time to time, read by S13 and S14.

A study is one JSON file in the data folder, replaced whole; who reads it never computes.
"""
