"""Where the tests' markets are."""

from __future__ import annotations

from supervision.home import Place, Reference

HANGZHOU = Place("3301", name="杭州", name_en="Hangzhou")
PUBLISHED = Reference(34.15, 2023)
