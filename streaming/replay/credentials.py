"""Content credentials (C2PA) of a replay that is taken away as a file: who made it, of which opening, and a signature over
all its bytes that any C2PA reader checks.

Needs `c2pa-python` (the extra `credentials`); without it files are given without credentials. The key and its certificate
lie in `keys/c2pa` of the data folder; a centre puts there what its authority has issued, else the hub makes its own, which
readers call valid and unknown.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from records.clock import now

_SOURCES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
"""Where the kinds of sources are defined that C2PA's actions name."""
AVAILABLE = find_spec("c2pa") is not None
"""Whether files can be signed here."""
YEARS = 10
"""Life of the certificates the hub makes for itself."""


def manifest(title: str, opening: Mapping[str, Any], left_out: int, head: str | None) -> dict[str, Any]:
    """What the credentials say: the work, that it was made out of recordings by cutting, and the opening's chain."""
    actions = [
        {"action": "c2pa.created", "digitalSourceType": f"{_SOURCES}digitalCapture"},
        {"action": "c2pa.edited", "parameters": {"description": f"left out: {left_out}"}},
    ]
    facts = {key: opening[key] for key in ("id", "lot", "title", "started_at", "ended_at", "demo")}
    return {
        "claim_generator_info": [{"name": "sunbid", "version": "1"}],
        "title": title,
        "format": "video/mp4",
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}},
            {"label": "sunbid.opening", "data": {**facts, "chain": head}},
        ],
    }


def sign(source: Path, target: Path, claim: Mapping[str, Any], folder: Path) -> None:
    """Write `source` with credentials that say `told` to `target`, signed with the key in `folder`. Some seconds a GB."""
    import c2pa

    chain, key = identity(folder)

    def signature(data: bytes) -> bytes:
        # COSE wants the two numbers, 32 bytes each (RFC 9053 §2.1)
        pair = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
        return b"".join(number.to_bytes(32, "big") for number in pair)

    with (
        c2pa.Signer.from_callback(signature, c2pa.C2paSigningAlg.ES256, chain.decode()) as signer,
        c2pa.Builder(json.dumps(claim)) as builder,
    ):
        builder.sign_file(source, target, signer)


def identity(folder: Path) -> tuple[bytes, ec.EllipticCurvePrivateKey]:
    """The certificate chain (PEM, the signer's first) and the key of this hub; made where there is none."""
    chain, key = folder / "chain.pem", folder / "key.pem"
    if not key.exists():
        _make(folder)
    held = serialization.load_pem_private_key(key.read_bytes(), None)
    if not isinstance(held, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{key}: not a key of a P-256 curve")
    return chain.read_bytes(), held


def _make(folder: Path) -> None:
    """A root of our own and a certificate for signing content, as C2PA 2.1 §14.5.1 wants it."""
    root, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    above = _certificate("sunbid root", root, "sunbid root", root, authority=True)
    own = _certificate("sunbid hub", key, "sunbid root", root, authority=False)
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))  # for its owner's eyes only
    pem = serialization.Encoding.PEM
    (fresh / "chain.pem").write_bytes(own.public_bytes(pem) + above.public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (fresh / "key.pem").touch(0o600)
    (fresh / "key.pem").write_bytes(secret)
    try:
        fresh.rename(folder)  # both files at once; of two who make them the first wins
    except OSError:
        shutil.rmtree(fresh)
        if not (folder / "key.pem").exists():
            raise


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, by: str, signer: ec.EllipticCurvePrivateKey, *, authority: bool
) -> x509.Certificate:  # fmt: skip
    moment = now()
    built = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(by))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(days=1))
        .not_valid_after(moment + timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(_usage(authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if not authority:
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        built = built.add_extension(purposes, critical=True)
    return built.sign(signer, hashes.SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "sunbid"),
            x509.NameAttribute(NameOID.COMMON_NAME, text),
        ]
    )


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority, key_cert_sign=authority, crl_sign=authority, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
