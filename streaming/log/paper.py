"""The opening record 开标记录 as a PDF: set by typst with a Chinese font of this machine, signed by pyHanko.

The signing certificate is this installation's own; it stands in the package, and the log vouches for it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
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
from records.typesetting import typeset
from streaming.site.render import clock, money, term

YEARS = 20
"""How long the certificate is valid."""
TEMPLATE = Path(__file__).with_name("record.typ")
LANG = "zh"
"""The record is a Chinese document."""


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
    record: Mapping[str, Any], opening: Mapping[str, Any], data_dir: Path, name: str
) -> bytes | None:
    """The record, signed; None where no Chinese font is there. Raises RuntimeError where typst cannot set it."""
    plain = typeset(TEMPLATE, "record", told_of(record, opening))
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


def told_of(record: Mapping[str, Any], opening: Mapping[str, Any]) -> dict[str, Any]:
    """What stands on the paper, in words."""
    currency = str(opening.get("currency") or "CNY")
    facts = {
        "opening": record["id"], "lot": record["lot"], "project": record["project"], "tenderer": record["tenderer"],
        "agency": record["agency"], "place": opening.get("centre_name"), "started": clock(record["started_at"], "%Y-%m-%d %H:%M:%S"),
        "ended": clock(record["ended_at"], "%Y-%m-%d %H:%M:%S"),
        "control": money(record["control_price"]["amount"], LANG, currency) if record["control_price"] else None,
    }  # fmt: skip
    return {
        "heading": say("paper.heading", LANG), "title": record["title"], "demo": say("site.demo", LANG) if record["demo"] else "",
        "facts": [[say(f"paper.{key}", LANG), str(value)] for key, value in facts.items() if value],
        "columns": [say(f"paper.{key}", LANG) for key in ("no", "name", "price", "duration", "quality", "read_at")],
        "rows": [_row(bid, currency) for bid in record["bids"]],
        "objections_heading": say("paper.objections", LANG),
        "objections": [[str(one["no"]), str(one["content"] or ""), str(one.get("answer") or "")] for one in record["objections"]],
        "chain": say("paper.chain", LANG, seq=str(record["chain"]["seq"]), hash=record["chain"]["hash"]),
        "none": say("paper.none", LANG),
    }  # fmt: skip


def _row(bid: Mapping[str, Any], currency: str) -> list[str]:
    price = (
        money(bid["price"], LANG, currency) if bid.get("price") is not None else str(bid.get("remark") or "—")
    )
    quality, days = bid.get("quality"), bid.get("duration_days")
    read_at = bid.get("read_at")
    return [
        str(bid["no"]), str(bid["name"]), price, "" if days is None else str(days), (term(LANG, quality) or "") if quality else "",
        clock(read_at, "%H:%M:%S") if read_at else "",
    ]  # fmt: skip
