"""CSV packs and workbooks, read and written."""
