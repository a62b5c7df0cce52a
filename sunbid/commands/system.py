"""Commands on this installation: settings, doctor, bench."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from messages import local
from sunbid import output

JsonOption = Annotated[bool, typer.Option("--json", help=local("cli.print_json"))]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for command in (settings, doctor):
        app.command(help=local(f"command.{command.__name__}"))(command)
    app.command(
        help=local("command.bench"),
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    )(bench)


def settings(as_json: JsonOption = False) -> None:
    """Every setting with value, source and meaning."""
    from sunbid.settings import NAMES, SettingsError, describe, load, shown_value

    try:
        loaded = load()
    except SettingsError as error:
        output.fail(str(error), output.BAD_USE)
    rows = [
        {
            "name": name,
            "value": shown_value(loaded.settings, name),
            "source": loaded.origins[name],
            "meaning": describe(name),
        }
        for name in NAMES
    ]
    output.report(rows, ("name", "value", "source", "meaning"), as_json)


def doctor(as_json: JsonOption = False) -> None:
    """What is missing or wrong on this machine, with the remedy."""
    from sunbid.doctor import run

    with output.waiting(local("cli.checking_2")):
        checks = list(run(output.settings()))
    if as_json:
        output.emit([check.as_json() for check in checks])
    else:
        for check in checks:
            print(f"{local(f'doctor.state_{check.state}')}  {check.label}: {check.found}")
            if check.remedy:
                print(f"        → {check.remedy}")
    if any(check.state == "error" for check in checks):
        raise SystemExit(output.FAILED)


def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help=local("cli.name_benchmark"))],
) -> None:
    """Run a benchmark; further options, --help among them, are its own."""
    if name in ("--help", "-h"):
        context.help_option_names = ["--help"]  # left to the benchmark otherwise
        print(context.get_help())
        return
    import importlib
    import pkgutil

    import benchmarks

    folder = Path(benchmarks.__path__[0])
    modules = sorted(module.name for module in pkgutil.iter_modules([str(folder)]))
    known = [name for name in modules if "\ndef main(" in (folder / f"{name}.py").read_text(encoding="utf-8")]
    if name not in known:
        output.fail(
            local("cli.unknown_benchmark", name=name, names=known),
            output.BAD_USE,
        )
    module = importlib.import_module(f"benchmarks.{name}")
    sys.argv = [f"sunbid bench {name}", *context.args]
    raise SystemExit(module.main() or 0)
