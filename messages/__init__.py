"""The words of the product in every language: one gettext catalogue whose msgids are keys (`room.unknown`).

Code carries a `Message`, a key and its parameters; whoever shows it to somebody (a page, an HTTP answer, the command
line, a log) puts it into that reader's language with `.text(lang)`. The words stand in `messages/<lang>.po`, sorted by
key, parameters in braces; a new language is one more such file. To add words, append `msgid`/`msgstr` pairs to every
.po and run `python -m messages.tidy`; `python -m messages.extract` lists keys without words and words without use.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache, reduce
from typing import Any, NoReturn, TypeAlias, Union

from messages.catalogue import DEFAULT, DOCUMENTED, LANGUAGES, table

__all__ = [
    "DEFAULT", "Fault", "Invalid", "Message", "Parameter", "Unknown", "called", "clauses", "dated", "joined", "known", "language_of",
    "language_of_environment", "languages", "lines", "local", "named", "say", "words",
]  # fmt: skip

Parameter: TypeAlias = Union[str, int, float, Decimal, date, "Message", "Sequence[Parameter]", None]
"""What may stand in a message's braces; a list is joined with the reader's comma."""

FORGIVING = True
"""Whether a key without words, or words without their parameter, show as they stand; the tests make it an error."""


class Message:
    """A key of the catalogue and the parameters its words name; frozen, comparable, picklable, and JSON by `to_json`."""

    __slots__ = ("key", "parameters")
    key: str
    parameters: Mapping[str, Parameter]

    def __init__(self, key: str, /, **parameters: Parameter) -> None:
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "parameters", parameters)

    def text(self, lang: str) -> str:
        """The message in words of `lang`."""
        return say(self.key, lang, **self.parameters)

    def texts(self, prefix: str = "") -> dict[str, str]:
        """Its words by language, each language's code after `prefix`: for programs that answer to several readers."""
        return {f"{prefix}{lang}": self.text(lang) for lang in LANGUAGES}

    def in_every_language(self) -> str:
        """The words of all languages, Chinese first: for what is kept until nobody knows who reads it."""
        return " / ".join(self.text(lang) for lang in LANGUAGES)

    def documented(self, between: str = " / ") -> str:
        """The words of the languages of docs/: for the documents made from the code."""
        return between.join(self.text(lang) for lang in DOCUMENTED)

    def to_json(self) -> dict[str, Any]:
        """`{"key": …, "parameters": {…}}` of plain JSON values; a time or an exact number as its text."""
        return {
            "key": self.key,
            "parameters": {name: _plain(value) for name, value in self.parameters.items()},
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Message:
        """The message that `to_json` wrote down. Raises KeyError if it is not one."""
        return cls(found["key"], **{name: _parameter(value) for name, value in found["parameters"].items()})

    def __setattr__(self, name: str, _value: object) -> NoReturn:
        raise AttributeError(f"a message is frozen: {name}")

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.key, self.parameters)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and (self.key, self.parameters) == (other.key, other.parameters)

    def __hash__(self) -> int:
        return hash((self.key, *self.parameters))

    def __str__(self) -> str:
        return self.text(language_of_environment())

    def __repr__(self) -> str:
        return f"Message({', '.join([repr(self.key), *(f'{n}={v!r}' for n, v in self.parameters.items())])})"


class Fault(Exception):
    """Something went wrong or was refused; `message` says what. As a string: in the language of this process."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return str(self.message)


class Invalid(Fault, ValueError):
    """A value that cannot be used."""


class Unknown(Fault, LookupError):
    """Something is named that does not exist."""


def say(key: str, lang: str, /, **parameters: object) -> str:
    """The words of `key` in `lang`, its `{parameters}` filled in; without any, the words as they stand."""
    found = table(lang).get(key)
    if found is None:
        return _missing(key)
    if not parameters:
        return found
    try:
        return found.format_map(_Shown(parameters, lang))
    except KeyError as missing:
        return _missing(f"{key} {missing}")


def local(key: str, /, **parameters: object) -> str:
    """The words of `key` in the language of this process: for the command line and what it prints."""
    return say(key, language_of_environment(), **parameters)


def named(family: str, code: str, lang: str) -> str:
    """The name of a code (`family.code`) in the reader's language; the code itself where it has none."""
    return table(lang).get(f"{family}.{code}", code)


def called(chinese: str, english: str | None, lang: str) -> str:
    """What the ledger holds in Chinese and perhaps in English, for a reader of `lang`: others than Chinese readers get
    the English where there is one."""
    return chinese if lang == DEFAULT else english or chinese


def joined(found: Sequence[str], lang: str) -> str:
    """Texts one after the other with the reader's comma between them."""
    return table(lang).get("common.comma", ", ").join(found)


def clauses(found: Sequence[str], lang: str) -> str:
    """Texts that hold commas themselves, one after the other with the reader's semicolon between them."""
    return table(lang).get("common.semicolon", "; ").join(found)


@lru_cache(maxsize=4096)
def dated(day: date, lang: str, form: str, /) -> str:
    """A date as readers expect it; `form` is the key of its pattern (Unicode's, as Babel takes it)."""
    from babel.dates import format_date

    return format_date(day, say(form, lang), locale=lang)


def lines(found: Sequence[Message]) -> Message:
    """Several messages, at least one, as one: each on a line of its own."""
    return reduce(lambda first, following: Message("common.lines", first=first, following=following), found)


def known(key: str) -> bool:
    """Whether the catalogue has words for a key."""
    return key in table(DEFAULT)


def words(lang: str, prefix: str = "") -> dict[str, str]:
    """All words of a language whose key begins with `prefix`, by the rest of their key."""
    return {key[len(prefix) :]: text for key, text in table(lang).items() if key.startswith(prefix)}


def languages() -> tuple[str, ...]:
    """The languages there are words in, the default first."""
    return LANGUAGES


def language_of(accepted: str | None) -> str:
    """The language an Accept-Language header asks for (RFC 9110 §12.5.4); the default if it asks for none there is."""
    wanted: dict[str, float] = {}
    for choice in (accepted or "").split(","):
        tag, _, parameter = choice.partition(";")
        lang = tag.strip().lower().partition("-")[0]
        wanted[lang] = max(wanted.get(lang, 0.0), _quality(parameter))
    weights = {lang: wanted.get(lang, wanted.get("*", 0.0)) for lang in LANGUAGES}
    by_place = sorted(LANGUAGES, key=[*wanted, *LANGUAGES].index)
    best = max(by_place, key=weights.__getitem__)
    return best if weights[best] > 0 else DEFAULT


def language_of_environment(environment: Mapping[str, str] = os.environ) -> str:
    """The language of the command line and of logs, as POSIX looks for it: LC_ALL, LC_MESSAGES, LANG."""
    locale = next(filter(None, map(environment.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    lang = locale.lower().partition("_")[0].partition(".")[0]
    return lang if lang in LANGUAGES else DEFAULT


class _Shown(dict[str, object]):
    """Parameters that are put into words when a message names them."""

    def __init__(self, parameters: Mapping[str, object], lang: str) -> None:
        super().__init__(parameters)
        self._lang = lang

    def __getitem__(self, name: str) -> object:
        return _shown(super().__getitem__(name), self._lang)


def _quality(parameter: str) -> float:
    """The weight behind `q=`, 0 to 1; 1 where none is given, 0 for what is none."""
    name, _, weight = parameter.partition("=")
    if name.strip().lower() != "q" or not weight.strip():
        return 1.0
    try:
        found = float(weight)
    except ValueError:
        return 0.0
    return min(found, 1.0) if found >= 0 else 0.0


def _shown(value: object, lang: str) -> object:
    if isinstance(value, str | int):
        return value
    if isinstance(value, Message):
        return value.text(lang)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, list | tuple):
        return joined([str(_shown(one, lang)) for one in value], lang)
    return value


def _plain(value: Parameter) -> Any:
    if isinstance(value, Message):
        return value.to_json()
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if isinstance(value, str | int | float | None) else str(_shown(value, DEFAULT))


def _parameter(value: Any) -> Parameter:
    if isinstance(value, dict):
        return Message.from_json(value)
    return [_parameter(one) for one in value] if isinstance(value, list) else value


def _again(key: str, parameters: Mapping[str, Parameter]) -> Message:
    return Message(key, **parameters)


def _missing(what: str) -> str:
    if not FORGIVING:
        raise KeyError(what)
    logging.getLogger(__name__).error("no words for %s", what)
    return what
