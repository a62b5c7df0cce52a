"""Compiles every messages/<lang>.po into its .mo; run at install: python -m messages.build."""

from __future__ import annotations

from messages.catalogue import FOLDER, LANGUAGES, compile_po

if __name__ == "__main__":
    for lang in LANGUAGES:
        with (FOLDER / f"{lang}.mo").open("wb") as out:
            compile_po(lang, out)
