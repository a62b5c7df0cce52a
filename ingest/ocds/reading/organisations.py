"""The organisations of an OCDS release: its parties, and references that name one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ingest.envelope import canonical
from ingest.files.pieces import Piece
from ingest.ocds.codelists import ROLES
from ingest.ocds.reading.release import Release
from ingest.ocds.values import children, fit, section, text, words
from records.identifiers import looks_like_uscc

Json = dict[str, Any]
_COUNTRY = re.compile(r"^([A-Z]{2})-.+")
_SCHEME = re.compile(r"^[A-Z]{2}-[A-Z0-9_-]+$")
"""Schemes of org-id.guide begin with a country."""


class Organisations:
    """The organisations of one release, and which of them have been sent."""

    def __init__(self, release: Release) -> None:
        self._release, self._last = release, release.source.last_sent
        parties = enumerate(children(release.json.get("parties")))
        self._parties = {text(p.get("id"), 1000) or f"\x00{index}": p for index, p in parties}
        self._sent: set[str] = set()

    def key(self, reference: Json | None) -> str | None:
        """The key of the organisation a reference names; None for no reference.

        A USCC, or an identifier that begins with a country code; any other is unique in its scope only.
        """
        given = text(reference.get("id"), 1000) if reference else None
        party = self._parties.get(given, reference or {}) if given else reference or {}
        given = given or _registered_number(party)
        code = str(section(party, "identifier").get("id") or given).removeprefix("CN-USCC-").upper()
        if looks_like_uscc(code):
            return code
        if given is None:
            name = _name(party)
            return None if name is None else fit(f"{self._release.scope}:{name}")
        return fit(given if _COUNTRY.match(given) else f"{self._release.scope}:{given}")

    def keys(self, references: list[Json]) -> list[str]:
        """The different keys of references, in their order."""
        return list(dict.fromkeys(key for one in references if (key := self.key(one))))

    def named(self, references: Any) -> list[Json]:
        """Those references of a list that name an organisation."""
        return [one for one in children(references) if self.key(one)]

    def parties(self) -> Iterator[Piece]:
        """Every party of the release."""
        for party in self._parties.values():
            yield from self._party(party)

    def _party(self, party: Json) -> Iterator[Piece]:
        """A party as the release describes it; newer than what this run said of it before if it differs."""
        key, name = self.key(party), _name(party)
        if key is None:
            return
        self._sent.add(key)
        data = {"name": name or text(party.get("id")) or key, **_registration(party, key)}
        data = {field: value for field, value in data.items() if value}
        if name is None and len(data) == 1:
            yield from self._by_id(key, data)
            return
        version = self._version(key, data)
        self._last.put("organisation", key, version, data)
        yield self._release.envelope("organisation", key, data, version)

    def _version(self, key: str, data: Json) -> int:
        version, last = self._release.version, self._last.get("organisation", key)
        if last and canonical(last[1]) == canonical(data):
            return last[0]
        return max(version, last[0] + 1) if last and last[0] else version

    def mentioned(self, references: list[Json]) -> Iterator[Piece]:
        """Organisations named by references alone; what is known of them better is not overwritten."""
        for reference in references:
            key = self.key(reference)
            if key is not None and key not in self._sent:
                self._sent.add(key)
                yield from self._mention(key, reference)

    def _mention(self, key: str, reference: Json) -> Iterator[Piece]:
        name, last = _name(reference), self._last.get("organisation", key)
        if name is None:
            country = _COUNTRY.match(key)
            data = {
                "name": text(reference.get("id")) or key,
                "country": country.group(1) if country else None,
            }
            yield from self._by_id(key, data)
        elif last is None or last[1].get("name") != name:
            yield from self._party(reference)

    def _by_id(self, key: str, data: Json) -> Iterator[Piece]:
        """An organisation of which nothing is known but its id: said once a run, as version 0."""
        if self._last.get("organisation", key) is None:
            self._last.put("organisation", key, 0, data)
            yield self._release.envelope("organisation", key, data, version=0)

    def buyer_and_agency(self) -> tuple[Json | None, Json | None]:
        """(buyer 招标人, agency 招标代理): the buyer, and the procuring entity where it is another one."""
        by_role = {role: p for p in self._parties.values() for role in words(p.get("roles"))}
        buyer = section(self._release.json, "buyer") or by_role.get("buyer")
        entity = section(self._release.tender, "procuringEntity") or by_role.get("procuringEntity")
        if buyer is None or self.key(buyer) is None:
            return entity or None, None
        same = entity is None or self.key(entity) == self.key(buyer)
        return buyer, None if same else entity


def _name(party: Json) -> str | None:
    return text(party.get("name")) or text(section(party, "identifier").get("legalName"))


def _registered_number(party: Json) -> str | None:
    """The number a party has in a register (https://org-id.guide), after its scheme; None where it names none."""
    identifier = section(party, "identifier")
    scheme, number = text(identifier.get("scheme")), text(identifier.get("id"), 1000)
    return f"{scheme}-{number}" if scheme and number and _SCHEME.match(scheme) else None


def _registration(party: Json, key: str) -> Json:
    """What a party says of itself beyond its name."""
    address = section(party, "address")
    lines = [text(address.get(part)) for part in ("region", "locality", "streetAddress")]
    scheme = str(section(party, "identifier").get("scheme") or "")
    country = re.match(r"^([A-Z]{2})-", scheme or key)
    return {
        "roles": list(dict.fromkeys(ROLES[role] for role in words(party.get("roles")) if role in ROLES)),
        "address": " ".join(line for line in lines if line)[:2000],
        "country": country.group(1) if country else None,
    }
