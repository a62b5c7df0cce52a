"""The shell of every screen: page, frame, filters, cards and tables."""
