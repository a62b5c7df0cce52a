"""The kinds of records: model, references, names and places of each."""
