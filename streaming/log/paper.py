"""The opening record 开标记录 as a PDF: set by typst with a Chinese font of this machine, signed by pyHanko.

The signing certificate is this installation's own; it stands in the package, and the log vouches for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from evidence.files import write_whole
from messages import say
from records.clock import now
from records.currencies import vat_told
from records.typesetting import typeset
from streaming.site.render import clock, currency_of, money, named, term

YEARS = 20
"""How long the certificate is valid."""
TEMPLATE = Path(__file__).with_name("record.typ")
LANG = "zh"
"""The record is a Chinese document."""


Figures = Sequence[tuple[str, str]]
"""Names of figures and what they are, in words."""


def certificate(data_dir: Path, name: str) -> tuple[Path, Path]:
    """Key and certificate that sign records, made on first use, the key for its owner's eyes only."""
    key_file, cert_file = data_dir / "keys" / "record.key", data_dir / "keys" / "record.pem"
    if not cert_file.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        plain = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(plain)
        write_whole(cert_file, _signed(key, name).public_bytes(serialization.Encoding.PEM))
    return key_file, cert_file


def _signed(key: ec.EllipticCurvePrivateKey, name: str) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    begin = now()
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False, key_agreement=False,
        key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    )
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begin)
    builder = builder.not_valid_after(begin + timedelta(days=366 * YEARS)).add_extension(usage, critical=True)
    return builder.sign(key, hashes.SHA256())


def record_pdf(
    record: Mapping[str, Any], opening: Mapping[str, Any], figures: Figures, data_dir: Path, name: str
) -> bytes | None:
    """The record, signed, with its key figures (ceiling, coefficient, decryption) in words; None where no Chinese font is there. Raises RuntimeError where typst cannot set it."""
    plain = typeset(TEMPLATE, "record", content(record, opening, figures))
    return None if plain is None else _sign(plain, *certificate(data_dir, name))


def _sign(plain: bytes, key: Path, cert: Path) -> bytes:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import signers

    signer = signers.SimpleSigner.load(str(key), str(cert))  # type: ignore[no-untyped-call]
    if signer is None:
        raise OSError("record.key")
    out = BytesIO()
    meta = signers.PdfSignatureMetadata(field_name="Sunbid", reason="开标记录")
    signers.sign_pdf(IncrementalPdfFileWriter(BytesIO(plain)), meta, signer=signer, output=out)
    return out.getvalue()


def _why(record: Mapping[str, Any]) -> str | None:
    """Why the opening failed or was broken off, or that nobody said."""
    if record["result"] not in ("failed", "terminated"):
        return None
    return term(LANG, record["result_reason"]) or say("site.reason.untold", LANG)


def content(record: Mapping[str, Any], opening: Mapping[str, Any], figures: Figures) -> dict[str, Any]:
    """What stands on the paper, in words: all that record.json says of the opening."""
    currency = currency_of(opening)
    facts = {
        "opening": record["id"], "lot": record["lot"], "project": record["project"], "tenderer": record["tenderer"],
        "agency": record["agency"], "place": " ".join(str(opening[key]) for key in ("centre_name", "room_name") if opening.get(key)),
        "started": clock(record["started_at"], "%Y-%m-%d %H:%M:%S"), "ended": clock(record["ended_at"], "%Y-%m-%d %H:%M:%S"),
        "result": named(LANG, "result", record["result"]), "result_reason": _why(record),
    }  # fmt: skip
    columns = ("no", "name", "price", "duration", "quality", "remark", "read_at")
    return {
        "heading": say("paper.heading", LANG), "title": record["title"], "demo": say("site.demo", LANG) if record["demo"] else "",
        "facts": [*([say(f"paper.{key}", LANG), str(value)] for key, value in facts.items() if value), *map(list, figures)],
        "columns": [say(f"paper.{key}", LANG) for key in columns],
        "rows": [row for bid in record["bids"] for row in _rows(bid, currency)],
        "objections_heading": say("paper.objections", LANG),
        "objections": [_objection(one) for one in record["objections"]],
        "sign": say("site.record.sign", LANG),
        "chain": say("paper.chain", LANG, seq=str(record["chain"]["seq"]), hash=record["chain"]["hash"]),
        "none": say("paper.none", LANG),
    }  # fmt: skip


def _rows(bid: Mapping[str, Any], currency: str) -> Iterator[dict[str, Any]]:
    """The readings of one bid that were corrected, struck through, and the one that stands."""
    for first in bid.get("before", []):
        yield {"struck": True, "cells": _cells({**first, "no": bid["no"], "name": bid["name"]}, currency)}
    yield {"struck": False, "cells": _cells(bid, currency)}


def _cells(bid: Mapping[str, Any], currency: str) -> list[str]:
    price, quality, days, read_at = (bid.get(key) for key in ("price", "quality", "duration_days", "read_at"))
    over = say("site.list.over", LANG) if bid.get("over") else None
    apart = say("site.list.other_vat", LANG) if bid.get("other_vat") else None
    corrected = say("site.record.corrected", LANG) if bid.get("before") else None
    remarks = [over, apart, corrected, term(LANG, bid.get("remark"))]
    told = bid.get("other_vat") or vat_told(bid.get("remark"))
    return [
        str(bid["no"]), str(bid["name"]), "—" if price is None else money(price, LANG, currency, told),
        "" if days is None else str(days), term(LANG, quality) or "", "；".join(one for one in remarks if one),
        clock(read_at, "%H:%M:%S") if read_at else "",
    ]  # fmt: skip


def _objection(said: Mapping[str, Any]) -> dict[str, Any]:
    """An objection, the answers that were corrected, and how it stands: answered, kept open with the reason, or neither."""
    kept = said.get("kept_open")
    left = say("site.objections.kept", LANG, reason=kept) if kept else say("paper.unanswered", LANG)
    old = [first["answer"] for first in said.get("before", [])]
    return {
        "no": str(said["no"]),
        "content": str(said["content"] or ""),
        "old": old,
        "text": said.get("answer") or left,
    }
