"""Likeness of bid files (F27): the same text, errors, origin, contacts or price ratios in files of different bidders.

`formats` opens PDF, Word and Excel in child processes that `reading` keeps within limits; `comparing` is pure. Nothing of a
file is kept but what two bidders share.
"""
