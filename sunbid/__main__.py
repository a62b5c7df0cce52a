"""`python -m sunbid`."""

from sunbid.cli import main

main()
