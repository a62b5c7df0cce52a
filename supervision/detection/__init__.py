"""Detection: what prices, shared tenders, scores and files say about who may act together. Pure functions.

`screens` describes the bids of a tender, `ties` who has met whom, `channels` ranks tenders by price pattern and by ring
and says which of both the market supports, `groups` finds rings, `tendency` compares a reviewer with the panel.
Everything works on arrays and reads no label; docs/detection.md has the formulas' sources and the measured figures.
"""
