"""What Typer says of its own (headings of help, errors of use), put into the words of this process.

Typer writes most of it as English sentences in its code, so it is told by its patterns; what is not known stays as it is.
"""

from __future__ import annotations

import io
import re
import sys
import unicodedata
from functools import partial
from typing import IO, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from messages import Fault, language_of_environment, local

_PATTERNS = tuple(
    (re.compile(pattern, re.MULTILINE), key)
    for pattern, key in (
        (r"^Usage: ", "typer.usage"),
        (r" \[OPTIONS\]", "typer.some_options"),
        (r" COMMAND \[ARGS\]\.\.\.", "typer.some_command"),
        (r"^Try '(?P<command>.+?)' for help\.", "typer.try_help"),
        (r"^Arguments:$", "typer.arguments"),
        (r"^Options:$", "typer.options"),
        (r"^Commands:$", "typer.commands"),
        (r"Show this message and exit\.", "typer.show_help"),
        (r"\[required\]", "typer.required"),
        (r"\[default: (?P<value>[^\]]*?)(?P<more>; [^\]]*)?\]", "typer.default"),
        (r"^Aborted!", "typer.aborted"),
        (r"Missing argument '(?P<name>[^']*)'\.", "typer.missing_argument"),
        (r"Missing option '(?P<name>.*?)'\.", "typer.missing_option"),
        (r"Missing command\.", "typer.missing_command"),
        (r"No such option: (?P<name>\S+)", "typer.no_such_option"),
        (r"\(Possible options: (?P<names>.*)\)", "typer.possible_options"),
        (r"No such command '(?P<name>[^']*)'\.?", "typer.no_such_command"),
        (r" ?Did you mean (?P<names>.*)\?", "typer.did_you_mean"),
        (r"Option '(?P<name>[^']*)' requires an argument\.", "typer.option_requires_one"),
        (r"Option '(?P<name>[^']*)' requires (?P<n>\d+) arguments\.", "typer.option_requires"),
        (r"Option '(?P<name>[^']*)' does not take a value\.", "typer.option_takes_none"),
        (r"Got unexpected extra arguments?(?:\(s\))? \((?P<given>.*)\)", "typer.extra_arguments"),
        (r"Invalid value for (?P<name>.*?): ", "typer.invalid_value_for"),
        (r"Invalid value: ", "typer.invalid_value"),
        (r"(?P<value>'.*?') is not one of (?P<choices>.*)\.$", "typer.not_one_of"),
        (r"(?i:File|Directory|Path) '(?P<name>[^']*)' does not exist\.", "typer.no_such_path"),
        (r"(?i:File|Directory|Path) '(?P<name>[^']*)' is a file\.", "typer.is_a_file"),
        (r"(?i:File|Directory|Path) '(?P<name>[^']*)' is a directory\.", "typer.is_a_directory"),
        (r"(?i:File|Directory|Path) '(?P<name>[^']*)' is not readable\.", "typer.not_readable"),
        (r"(?P<value>'.*?') does not match the formats? .*\.$", "typer.no_day"),
        (r"^Error: ", "typer.error"),
    )
)
"""What Typer says → the message that says it; an earlier one goes first."""
_TYPES = {
    "str": "typer.type.text", "int": "typer.type.number", "float": "typer.type.number", "path": "typer.type.path",
    "Path": "typer.type.path", "file": "typer.type.path", "dir": "typer.type.path",
}  # fmt: skip
"""What Typer calls the type of a value → what it is called in words."""
_TYPE = re.compile(r"<(?:list\[)?(?P<name>\w+)\]?>(?P<gap> *)")
_REQUIRED = re.compile(r"\{([\w.=-]+)\}")
"""An argument that must be given, as a line of usage writes it."""


def in_words(text: str) -> str:
    """Typer's text in the language of this process, aligned as it was."""
    for pattern, key in _PATTERNS:
        text = pattern.sub(partial(_put, key), text)
    return _TYPE.sub(_typed, _REQUIRED.sub(r"\1", text))


def _put(key: str, found: re.Match[str]) -> str:
    return local(key, **{name: value or "" for name, value in found.groupdict().items()})


def _typed(found: re.Match[str]) -> str:
    """The type of a value; the blanks behind it make up for the width of its name, so that columns stay."""
    if found["name"] not in _TYPES:
        return found[0]
    name = f"<{local(_TYPES[found['name']])}>"
    return name + " " * max(len(found[0]) - _width(name), bool(found["gap"]))


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


class Command(TyperCommand):
    """A command whose help speaks the language of this process."""

    def get_short_help_str(self, limit: int = 45) -> str:
        """What it does, in a list of commands: whole, however long the line."""
        return self.help or super().get_short_help_str(limit)

    def get_help(self, ctx: Any) -> str:
        """Its help."""
        return in_words(super().get_help(ctx))

    def get_usage(self, ctx: Any) -> str:
        """Its line of usage."""
        return in_words(super().get_usage(ctx))


class Group(TyperGroup):
    """A group of commands whose help and whose errors speak the language of this process."""

    def get_help(self, ctx: Any) -> str:
        """Its help."""
        return in_words(super().get_help(ctx))

    def get_usage(self, ctx: Any) -> str:
        """Its line of usage."""
        return in_words(super().get_usage(ctx))

    def make_context(self, *args: Any, **more: Any) -> Any:
        """The context of a run; a wrong use says so in words."""
        try:
            return super().make_context(*args, **more)
        except TyperException as error:
            raise _speaking(error) from None

    def invoke(self, ctx: Any) -> Any:
        """Run a command; a wrong use says so in words."""
        try:
            return super().invoke(ctx)
        except TyperException as error:
            raise _speaking(error) from None


def _speaking(error: TyperException) -> TyperException:
    if error.__cause__ is not None:
        error.message = _why(error.__cause__, error.message)
    if not hasattr(error, "theirs"):
        error.theirs = error.show  # type: ignore[attr-defined]
        error.show = partial(_show, error.theirs)  # type: ignore[attr-defined]
    return error


def _why(cause: BaseException, said: str) -> str:
    """What is wrong with a value; pydantic, which checks it, is imported only then."""
    from pydantic import ValidationError

    from records.wrong_values import explain

    if not isinstance(cause, ValidationError):
        return said
    fault = cause.errors()[0].get("ctx", {}).get("error")
    if fault is not None and not isinstance(fault, Fault):
        return str(fault)  # a sentence of Typer's own, which `in_words` knows
    return explain(cause)[1].text(language_of_environment())


def _show(theirs: Any, file: IO[str] | None = None) -> None:
    said = io.StringIO()
    theirs(file=said)
    print(in_words(said.getvalue()), end="", file=file or sys.stderr)


def speaking(app: typer.Typer) -> None:
    """Let an app, its groups and all their commands speak the language of this process."""
    app.info.cls = Group
    for command in app.registered_commands:
        command.cls = Command
    for group in app.registered_groups:
        group.cls = Group
        if group.typer_instance is not None:
            speaking(group.typer_instance)
