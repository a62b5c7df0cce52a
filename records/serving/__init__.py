"""What every server process of ours stands on: how it is asked, its workers, its keys and its private files."""
