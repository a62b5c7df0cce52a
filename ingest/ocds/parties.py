"""The organisations of an OCDS release: parties, and references that name one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ingest.envelope import canonical
from ingest.files.pieces import Piece
from ingest.ocds import codelists as ocdsmap
from ingest.ocds.heads import Telling
from ingest.ocds.values import fit, section, text, words
from records.identifiers import looks_like_uscc

Json = dict[str, Any]
_COUNTRY = re.compile(r"^([A-Z]{2})-.+")


def _name(party: Json) -> str | None:
    return text(party.get("name")) or text(section(party, "identifier").get("legalName"))


class Parties(Telling):
    """A release and its organisations."""

    def organisation(self, party: Json | None) -> str | None:
        """The key of the organisation a reference names; None for no reference."""
        given = text(party.get("id"), 1000) if party else None
        full = self.parties.get(given, party or {}) if given else party or {}
        given = given or ocdsmap.registered(full)
        code = str(section(full, "identifier").get("id") or given).removeprefix("CN-USCC-").upper()
        if looks_like_uscc(code):
            return code
        if given is None:
            name = _name(full)
            return None if name is None else fit(f"{self.scope}:{name}")
        return fit(given if _COUNTRY.match(given) else f"{self.scope}:{given}")

    def party(self, party: Json) -> Iterator[Piece]:
        """An organisation as the release describes it, newer than what this run said of it before if it differs."""
        key, name = self.organisation(party), _name(party)
        if key is None:
            return
        self.sent.add(key)
        data = {"name": name or text(party.get("id")) or key, **ocdsmap.registration(party, key)}
        data = {field: value for field, value in data.items() if value}
        version, last = self.version, self.reader.memory.last("organisation", key)
        if name is None and len(data) == 1:
            yield from self._by_id(key, data)
            return
        if last and canonical(last[1]) == canonical(data):
            version = last[0]
        elif last and last[0]:
            version = max(version, last[0] + 1)
        self.reader.memory.keep("organisation", key, version, data)
        yield self.send("organisation", key, data, version)

    def mention(self, party: Json | None) -> Iterator[Piece]:
        """An organisation named by a reference alone; what is known of it better is not overwritten."""
        key = self.organisation(party)
        if party is None or key is None or key in self.sent:
            return
        self.sent.add(key)
        told, last = _name(party), self.reader.memory.last("organisation", key)
        if told is None:
            country = _COUNTRY.match(key)
            data = {"name": text(party.get("id")) or key, "country": country.group(1) if country else None}
            yield from self._by_id(key, data)
        elif last is None or last[1].get("name") != told:
            yield from self.party(party)

    def _by_id(self, key: str, data: Json) -> Iterator[Piece]:
        """An organisation of which nothing is known but its id: said once a run."""
        if self.reader.memory.last("organisation", key) is None:
            self.reader.memory.keep("organisation", key, 0, data)
            yield self.send("organisation", key, data, version=0)

    def buyers(self) -> tuple[Json | None, Json | None]:
        """(tenderer 招标人, agency 招标代理): the buyer, and the procuring entity where it is another one."""
        by_role = {role: p for p in self.parties.values() for role in words(p.get("roles"))}
        buyer = section(self.release, "buyer") or by_role.get("buyer")
        entity = section(self.tender, "procuringEntity") or by_role.get("procuringEntity")
        if buyer is None or self.organisation(buyer) is None:
            return entity or None, None
        same = entity is None or self.organisation(entity) == self.organisation(buyer)
        return buyer, None if same else entity
