"""The wall 大屏: a page of its own, fed by push, that shows screens one after the other for days."""
