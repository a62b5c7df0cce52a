"""A page as its reader gets it: words, links with their targets, headings, tables, what is struck out, what is announced."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

_ALONE = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
"""Elements that hold nothing and are not closed."""
_UNREAD = frozenset(("head", "script", "style", "template"))
"""Elements whose contents nobody reads."""


class Element:
    """An element of a page; `attributes` without a value are empty text."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag, self.attributes = tag, attributes
        self.inside: list[Element | str] = []

    @property
    def hidden(self) -> bool:
        """Whether nobody reads it."""
        return self.tag in _UNREAD or "hidden" in self.attributes

    @property
    def text(self) -> str:
        """The words shown in it, single spaces between them."""
        return " ".join("".join(self._words()).split())

    @property
    def own(self) -> str:
        """The words that stand in it directly, without those of the elements inside."""
        return " ".join("".join(part for part in self.inside if isinstance(part, str)).split())

    @property
    def name(self) -> str:
        """What a screen reader calls it."""
        return self.attributes.get("aria-label") or self.text

    def _words(self) -> Iterator[str]:
        for part in self.inside:
            if isinstance(part, str):
                yield part
            elif not part.hidden:
                # cells and lines stand apart though no letter stands between them
                yield from (" ", *part._words(), " ")

    def all(self, *tags: str, **attributes: str) -> list[Element]:
        """Elements inside of one of these tags (any, where none is given) that have these attributes, in order."""
        return [
            one
            for one in self.elements()
            if (not tags or one.tag in tags)
            and all(one.attributes.get(name.replace("_", "-")) == value for name, value in attributes.items())
        ]

    def elements(self) -> Iterator[Element]:
        """Every element inside, in the order of the page."""
        for part in self.inside:
            if isinstance(part, Element):
                yield part
                yield from part.elements()

    @property
    def links(self) -> list[tuple[str, str]]:
        """(what it is called, where it leads) of each link."""
        return [(one.name, one.attributes["href"]) for one in self.all("a") if "href" in one.attributes]

    @property
    def targets(self) -> list[str]:
        """Where the links lead."""
        return [where for _, where in self.links]

    @property
    def struck(self) -> list[str]:
        """What is struck out: it was told, and is not what holds."""
        return [one.text for one in self.all("s", "del")]

    @property
    def rows(self) -> list[list[str]]:
        """The cells of every table row below a heading."""
        return [cells for row in self.all("tr") if (cells := [cell.text for cell in row.all("td")])]

    @property
    def headings(self) -> list[str]:
        """What heads the columns of its tables."""
        return [one.text for one in self.all("th")]

    @property
    def terms(self) -> list[tuple[str, str]]:
        """(term, what is said of it), one pair for each saying of a list of terms."""
        found, term = list[tuple[str, str]](), ""
        for one in self.all("dt", "dd"):
            if one.tag == "dt":
                term = one.text
            else:
                found.append((term, one.text))
        return found

    def announced(self, role: str = "status") -> list[str]:
        """What a screen reader is told of by itself, in what is shown."""
        return [one.text for one in self.all(role=role) if not one.hidden]

    @property
    def lang(self) -> str:
        """The language the page says it is in."""
        return self.all("html")[0].attributes.get("lang", "")

    @property
    def title(self) -> str:
        """What the window is called."""
        return self.all("title")[0].text


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in _ALONE:
            last = self._open[-1].inside[-1]
            assert isinstance(last, Element)
            self._open.append(last)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].inside.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        for place in range(len(self._open) - 1, 0, -1):
            if self._open[place].tag == tag:
                del self._open[place:]
                return

    def handle_data(self, data: str) -> None:
        self._open[-1].inside.append(data)


def read(markup: str) -> Element:
    """The page, or a part of one."""
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    return reader.root
