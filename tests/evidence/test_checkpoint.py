"""Signed notes as C2SP writes them: its worked examples, keys in files, cosignatures."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from evidence import checkpoint
from evidence.verify import COSIGNATURE, ED25519, Head, Note, VerifierKey, canonical

GO_KEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)  # the example of Go's golang.org/x/mod/sumdb/note
HEAD = Head("sunbid.example/log", 7, bytes(range(32)))


def test_the_worked_example_of_gos_notes() -> None:
    key = VerifierKey.parse(GO_PUBLIC)
    assert str(key) == GO_PUBLIC
    note = Note.parse(GO_NOTE)
    assert note.check(key) == (True, None)
    signer = checkpoint.Ed25519Signer.parse(GO_KEY)
    assert str(signer) == GO_KEY and signer.verifier == key
    assert f"{note.text}\n{checkpoint.signature_line(signer, note.text)}" == GO_NOTE


def test_a_head_is_signed_and_read_back() -> None:
    log = checkpoint.Ed25519Signer("sunbid.example/log", ED25519, bytes(32))
    note = Note.parse(checkpoint.sign(log, HEAD))
    assert Head.parse(note.text) == HEAD and note.check(log.verifier) == (True, None)


def test_a_witness_signs_with_the_time_and_a_second_time_replaces_the_first() -> None:
    log = checkpoint.Ed25519Signer("sunbid.example/log", ED25519, bytes(32))
    witness = checkpoint.Ed25519Signer("notary.example/w", COSIGNATURE, b"\1" * 32)
    whole = checkpoint.sign(log, HEAD)
    for _ in range(2):
        whole = checkpoint.cosign(whole, checkpoint.signature_line(witness, HEAD.text))
    note = Note.parse(whole)
    assert [name for name, _, _ in note.signatures] == ["sunbid.example/log", "notary.example/w"]
    signed, when = note.check(witness.verifier)
    assert signed and when and when > 1_700_000_000 and note.check(log.verifier)[0]
    other = checkpoint.Ed25519Signer("other.example/w", COSIGNATURE, b"\2" * 32)
    assert note.check(other.verifier) == (False, None)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_any_changed_byte_of_a_signed_head_is_refused(at: int, turn: int) -> None:
    log = checkpoint.Ed25519Signer("sunbid.example/log", ED25519, bytes(32))
    raw = bytearray(checkpoint.sign(log, HEAD).encode())
    raw[at % len(raw)] ^= turn
    try:
        good = Note.parse(raw.decode()).check(log.verifier)[0]
    except ValueError:
        good = False
    assert not good


@pytest.mark.parametrize(
    "text", ["", "a\n", "a\n\n", "a\n\nb\n", "a\x01\n\n— n AAAAAAA=\n", "a\n\n— n+n AAAAAAA=\n"]
)
def test_what_is_no_note(text: str) -> None:
    with pytest.raises(ValueError):
        Note.parse(text)


@pytest.mark.parametrize("text", ["a\n01\nAA==\n", "a\n1\nAA==\n", "\n1\n" + "A" * 43 + "=\n", "a\n"])
def test_what_is_no_head(text: str) -> None:
    with pytest.raises(ValueError):
        Head.parse(text)


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "log.key"
    made = checkpoint.load_or_make(path, "sunbid.example/log", ED25519)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and [path] == list(path.parent.iterdir())
    assert checkpoint.load_or_make(path, "another.example", ED25519) == made
    path.write_text("PRIVATE+KEY+x+00000000+AAAA")
    with pytest.raises(ValueError):
        checkpoint.load_or_make(path, "x", ED25519)


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="ascii")), inner),
)


@given(PLAIN)
def test_canonical_json_is_that_of_rfc_8785(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]
