"""Commands on evidence: check a package offline, follow a hub's log as a witness."""

from __future__ import annotations

import json
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from messages import local
from sunbid import output

if TYPE_CHECKING:
    from evidence.checkpoint import Signer
    from evidence.verify import VerifierKey
    from evidence.witness import Refused, Seen, Unreachable, Witness

EVERY = 20.0
"""Seconds between two looks at a log."""
JsonOption = Annotated[bool, typer.Option("--json", help=local("cli.print_json"))]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command(help=local("command.verify"))(verify)
    app.command(help=local("command.witness"))(witness)


def verify(
    path: Annotated[Path, typer.Argument(metavar="PATH", help=local("cli.verify_path"))],
    key: Annotated[Path | None, typer.Option("--key", help=local("cli.verify_key"))] = None,
    as_json: JsonOption = False,
) -> None:
    """Check an evidence package offline; exit code 1, naming file and place, if anything differs."""
    from evidence import verify as checking

    try:
        keys = checking.read_keys(key) if key else []
    except (OSError, ValueError) as error:
        output.fail(_no_keys(key, error), output.BAD_USE)
    with output.measuring(local("cli.verifying", path=path.name)) as measured:

        def progress(step: str, done: int, total: int) -> None:
            if step == "files":
                measured(done, total, "")

        verdict, code = checking.checked(path, keys, progress)
    checking.answer(verdict, as_json=as_json)
    if code:
        raise SystemExit(code)


def witness(
    log: Annotated[str, typer.Option("--log", metavar="URL", help=local("cli.witness_log"))],
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help=local("cli.witness_key"))],
    once: Annotated[bool, typer.Option("--once", help=local("cli.witness_once"))] = False,
    name: Annotated[str, typer.Option("--name", help=local("cli.witness_name"))] = "",
    log_key: Annotated[
        Path | None, typer.Option("--log-key", metavar="FILE", help=local("cli.witness_log_key"))
    ] = None,
    compare: Annotated[
        Path | None, typer.Option("--compare", metavar="FILE", help=local("cli.witness_compare"))
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Follow a hub's log: check that it only grows, cosign its heads, keep a copy beside the key.

    With --json one object a look: the log, its keys, the sizes it has and had, whether the cosignature
    was taken, and whether the log shows an older state (with --once exit code 1).
    """
    from evidence.witness import Refused, Unreachable, Witness

    address, published = _address(log), _published(log_key)
    shown = _checkpoint(compare) if compare else None
    signer, copy = _witness_key(key, name), key.with_name(f"{key.name}.copy")
    stream = sys.stderr if as_json else sys.stdout
    print(local("cli.witness_public", key=signer.verifier), file=stream)
    try:
        made = Witness(address, copy, signer, published)
        print(local("cli.witness_of", name=made.key.name, key=made.key), file=stream)
        if shown is not None:
            _compared(made, shown, as_json)
        else:
            _follow(made, address, once, as_json)
    except Unreachable as error:
        output.fail(_unreachable(error, address))
    except Refused as refusal:
        _refuse(refusal)
    except OSError:
        output.fail(local("cli.witness_copy", path=copy))


def _address(log: str) -> str:
    from evidence.witness import log_address

    try:
        return log_address(log)
    except ValueError:
        output.fail(local("cli.witness_no_address", log=log), output.BAD_USE)


def _checkpoint(path: Path) -> str:
    """The checkpoint in a file."""
    from evidence.verify import Head, Note

    try:
        text = path.read_text("utf-8")
        Head.parse(Note.parse(text).text)
    except OSError:
        output.fail(local("cli.no_file", path=path), output.BAD_USE)
    except ValueError:
        output.fail(local("cli.witness_no_checkpoint", path=path), output.BAD_USE)
    return text


def _unreachable(error: Unreachable, log: str) -> str:
    why = local(f"cli.witness_unreachable.{error.why}", log=log, status=error.status)
    return local("cli.witness_unreachable", log=log, why=why)


def _witness_key(path: Path, name: str) -> Signer:
    """The witness' own key, made on first use."""
    from evidence import checkpoint
    from evidence.verify import COSIGNATURE

    try:
        signer = checkpoint.load_or_make(path, name or f"{socket.gethostname()}/witness", COSIGNATURE)
    except OSError:
        output.fail(local("cli.witness_key_place", path=path), output.BAD_USE)
    except ValueError:
        output.fail(local("cli.witness_no_key", path=path), output.BAD_USE)
    if signer.kind != COSIGNATURE:
        output.fail(local("cli.witness_no_key", path=path), output.BAD_USE)
    return signer


def _published(path: Path | None) -> VerifierKey | None:
    """The log's key as its operator published it."""
    from evidence import verify as checking

    try:
        return next(k for k in checking.read_keys(path) if k.kind != checking.COSIGNATURE) if path else None
    except (OSError, ValueError) as error:
        output.fail(_no_keys(path, error), output.BAD_USE)


def _no_keys(path: Path | None, error: Exception) -> str:
    """Why a file gave no public keys."""
    from evidence import verify as checking

    why = "no_file" if isinstance(error, OSError) else "no_key_file"
    lang = checking.language(file=sys.stderr)
    return checking.plain(checking.WORDS[lang][why].format(path=path))


def _compared(made: Witness, shown: str, as_json: bool) -> None:
    """A head that somebody else was shown, against the own copy."""
    try:
        head = made.compare(shown)
    except LookupError:
        output.fail(local("cli.witness_newer"))
    print(
        json.dumps({"log": made.key.name, "same": True, "size": head.size})
        if as_json
        else local("cli.witness_same", size=head.size)
    )


def _follow(made: Witness, log: str, once: bool, as_json: bool) -> None:
    from evidence.witness import Unreachable

    while True:
        try:
            seen = made.look()
            _tell(made, seen, as_json)
            if once and (seen.older or not seen.taken):
                raise SystemExit(output.FAILED)
        except Unreachable as error:
            if once:
                raise
            print(_unreachable(error, log), file=sys.stderr, flush=True)
        if once:
            return
        time.sleep(EVERY)


def _tell(made: Witness, seen: Seen, as_json: bool) -> None:
    """What a look found; that a log shows an older state goes to where errors go, too."""
    if as_json:
        print(_as_json(made, seen), flush=True)
    if seen.older:
        print(local("cli.witness_older", size=seen.size, before=seen.before), file=sys.stderr, flush=True)
    elif not as_json:
        print(_in_words(seen), flush=True)


def _as_json(made: Witness, seen: Seen) -> str:
    return json.dumps(
        {
            "log": made.key.name,
            "size": seen.size,
            "before": seen.before,
            "taken": seen.taken,
            "older": seen.older,
        }
    )


def _in_words(seen: Seen) -> str:
    state = local("cli.witness_taken") if seen.taken else local("cli.witness_not_taken")
    return local("cli.witness_seen", size=seen.size, before=seen.before, state=state)


def _refuse(refusal: Refused) -> None:
    output.fail(local(f"cli.witness_refused.{refusal.why}") + (f"  {refusal.kept}" if refusal.kept else ""))
