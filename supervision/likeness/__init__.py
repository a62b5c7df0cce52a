"""Likeness of bid files (F27): the same text, origin, contacts or price ratios in files of different bidders.

`reading` opens PDF, Word and Excel in child processes with limits, `comparing` is pure. Nothing of a file is kept.
"""
