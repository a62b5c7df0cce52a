"""The fifteen screens of the desk, a file each, and the pages beside them."""
