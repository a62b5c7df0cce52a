"""The folder an export is written into."""

from __future__ import annotations

from pathlib import Path

from messages import Fault, Message


class NotEmpty(Fault, FileExistsError):
    """The folder holds something already."""


def new_folder(folder: Path) -> None:
    """Make sure of an empty folder. Raises NotEmpty, which is a FileExistsError."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise NotEmpty(Message("files.not_empty", folder=str(folder)))
