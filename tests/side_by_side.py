"""Tests that mostly wait, for pictures that come as fast as they are taken, wait at the same time.

The first of a file's tests that is asked for runs them all, so many at once, in one event loop; each then tells its own
result. What they share is that loop alone: every one has fixtures of its own, made by the file's `makers`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from records.ledger import Ledger
from tests.ledgers import new_ledger

Test = Callable[..., Awaitable[None]]
Maker = Callable[[Path], AbstractAsyncContextManager[Any]]
"""Makes a fixture for one test, given a folder of the test's own."""
AT_ONCE = 4
PATIENCE = 150.0
"""Seconds after which one of them has failed."""


@asynccontextmanager
async def _folder(folder: Path) -> AsyncIterator[Path]:
    yield folder


@asynccontextmanager
async def _ledger(folder: Path) -> AsyncIterator[Ledger]:
    book = new_ledger(folder / "ledger.db")
    yield book
    book.close()


OWN: Mapping[str, Maker] = {"tmp_path": _folder, "ledger": _ledger}


class Together:
    """The tests of one file that run side by side; `makers` are its fixtures by name, beside `tmp_path` and `ledger`."""

    def __init__(self, at_once: int = AT_ONCE, **makers: Maker) -> None:
        self._makers, self._at_once = OWN | makers, at_once
        self._told: dict[str, BaseException | None] = {}

    def __call__(self, test: Test) -> Callable[..., None]:
        """Decorates an async test. Its other parameters are pytest's: of `parametrize` alone."""
        names = inspect.signature(test).parameters
        kept = [one for name, one in names.items() if name not in self._makers]

        @wraps(test)
        def told(*_given: Any, request: pytest.FixtureRequest, **_named: Any) -> None:
            self._run(request)
            if (error := self._told[request.node.nodeid]) is not None:
                raise error

        asked = inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY)
        told.__signature__ = inspect.Signature([*kept, asked])  # type: ignore[attr-defined]
        told.side_by_side = self, test  # type: ignore[attr-defined]
        return told

    def _run(self, request: pytest.FixtureRequest) -> None:
        """Run what has not been run yet of the tests that are asked for."""
        if request.node.nodeid not in self._told:
            mine = [
                one
                for one in request.session.items
                if getattr(_function(one), "side_by_side", (0,))[0] is self
            ]
            folders = request.getfixturevalue("tmp_path_factory")
            asyncio.run(self._all(mine, folders))

    async def _all(self, items: list[pytest.Item], folders: pytest.TempPathFactory) -> None:
        room = asyncio.Semaphore(self._at_once)
        await asyncio.gather(*(self._one(item, folders.mktemp("beside"), room) for item in items))

    async def _one(self, item: Any, folder: Path, room: asyncio.Semaphore) -> None:
        test = _function(item).side_by_side[1]
        given = {**getattr(getattr(item, "callspec", None), "params", {})}
        own = [item.cls()] if item.cls else []
        try:
            async with room, asyncio.timeout(PATIENCE), AsyncExitStack() as stack:
                for name in inspect.signature(test).parameters:
                    if name in self._makers:
                        given[name] = await stack.enter_async_context(self._makers[name](folder))
                await test(*own, **given)
        except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001  told by the test whose it is
            self._told[item.nodeid] = error
        else:
            self._told[item.nodeid] = None


def _function(item: Any) -> Any:
    found = getattr(item, "function", None)
    return getattr(found, "__func__", found)
