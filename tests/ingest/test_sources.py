"""Data sources and their tokens."""

from __future__ import annotations

import pytest

from records import sources
from records.ledger import Ledger


def test_a_source_from_making_to_disabling(sqlite_ledger: Ledger) -> None:
    with sqlite_ledger.write() as session:
        token = sources.add_source(session, "杭州-1", demo=True)
        with pytest.raises(ValueError, match="更换"):
            sources.add_source(session, "杭州-1")
        fresh = sources.rotate(session, "杭州-1")
        sources.disable(session, "杭州-1")
    with sqlite_ledger.read() as session:
        assert sources.by_token(session, token) is None
        found = sources.by_token(session, fresh)
        assert found is not None and not found.enabled and found.demo
        assert fresh not in str(vars(found))
        assert [source.name for source in sources.list_sources(session)] == ["杭州-1"]


def test_bad_names_and_unknown_sources(sqlite_ledger: Ledger) -> None:
    with sqlite_ledger.write() as session:
        for name in ("", "a b", "../x", "x" * 101):
            with pytest.raises(ValueError, match="来源名称"):
                sources.add_source(session, name)
        with pytest.raises(LookupError, match="nobody"):
            sources.rotate(session, "nobody")


def test_a_source_made_by_an_import_may_get_a_token(sqlite_ledger: Ledger) -> None:
    with sqlite_ledger.write() as session:
        sources.ensure_source(session, "file")
        assert sources.add_source(session, "file")
