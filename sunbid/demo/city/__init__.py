"""The city market: four years of a city of fourteen centres, with the totals of the reference year."""
