"""Exports 导出: the tables of the screens as files."""
