"""What Typer says of its own comes in the language of the process: headings of help, errors of use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from sunbid import cli, settings

ENGLISH = re.compile(
    r"\b(Usage|Options|Arguments|Commands|Show this|required|default|Try|for help|Error|Missing|No such|Invalid|"
    r"Did you mean|requires|does not|unexpected|Input should)\b|<[A-Za-z\[\]]+>|\[OPTIONS\]|COMMAND|\[ARGS\]|\{\w+\}"
)


def paths(app: typer.Typer, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield before
    for command in app.registered_commands:
        function = command.callback
        yield (*before, command.name or (function.__name__.strip("_").replace("_", "-") if function else ""))
    for group in app.registered_groups:
        if group.typer_instance is not None:
            yield from paths(group.typer_instance, (*before, str(group.name)))


@pytest.mark.parametrize("words", [*paths(cli.app)], ids=" ".join)
def test_help_is_all_chinese(words: tuple[str, ...]) -> None:
    told = CliRunner().invoke(cli.app, [*words, "--help"])
    assert told.exit_code == 0 and "用法：" in told.output and "显示本说明" in told.output
    assert not ENGLISH.search(re.sub(r"RULE\.PARAM=VALUE", "", told.output)), told.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["room", "add"], "缺少参数 ID"), (["room", "add", "x"], "缺少选项 --name"), (["nonsense"], "没有命令 nonsense"),
        (["rooom"], "是否指 'room'"), (["room", "list", "--bad"], "没有选项 --bad"), (["room", "add", "x", "--name"], "须带一个值"),
        (["room", "list", "--json=3"], "不带值"), (["room", "list", "one"], "多余的参数：one"),
    ],
)  # fmt: skip
def test_wrong_use_is_said_in_chinese(words: list[str], said: str) -> None:
    told = CliRunner().invoke(cli.app, words)
    assert told.exit_code == 2 and "错误：" in told.output and said in told.output
    assert not ENGLISH.search(told.output), told.output


def test_a_value_of_the_wrong_type_is_said_in_chinese() -> None:
    app = typer.Typer(rich_markup_mode=None)
    app.command()(lambda: None)

    @app.command()
    def count(n: int) -> None: ...

    cli.speaking(app)
    told = CliRunner().invoke(app, ["count", "many"])
    assert told.exit_code == 2 and "的值无效：应为整数" in told.output and not ENGLISH.search(told.output)


def test_a_setting_of_the_wrong_type_is_said_in_chinese(tmp_path: Path) -> None:
    with pytest.raises(settings.SettingsError) as refused:
        settings.load({"SUNBID_HUB_PORT": "many"}, tmp_path)
    assert "应为整数" in str(refused.value) and not ENGLISH.search(str(refused.value))
