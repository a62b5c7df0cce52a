"""The settings: sources in order, refusals that name the culprit, documents that say the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from messages import Message
from sunbid import wiring
from sunbid.demo import home
from sunbid.settings import NAMES, Settings, SettingsError, load, shown_value, variable

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


def test_defaults_are_the_promised_ones(tmp_path: Path) -> None:
    settings = load({}, tmp_path).settings
    assert (settings.hub_port, settings.desk_port, settings.intake_port) == (8600, 8601, 8602)
    assert settings.effective_media_port == 8600
    assert settings.host == settings.announced_host == "127.0.0.1"
    assert settings.effective_database_url == f"sqlite:///{Path('var').resolve() / 'ledger.db'}"


def test_environment_wins_over_file_and_file_over_default(tmp_path: Path) -> None:
    (tmp_path / "sunbid.toml").write_text('hub_port = 1111\ndesk_port = 2222\nhost = "0.0.0.0"\n')
    loaded = load({"SUNBID_HUB_PORT": "3333", "HOME": "/x"}, tmp_path)
    assert (loaded.settings.hub_port, loaded.settings.desk_port) == (3333, 2222)
    assert loaded.origins["hub_port"] == "SUNBID_HUB_PORT"
    assert loaded.origins["desk_port"] == "sunbid.toml"
    assert loaded.origins["intake_port"] == "default"


def test_media_port_follows_the_hub_until_it_is_set() -> None:
    assert load({"SUNBID_HUB_PORT": "9000"}).settings.effective_media_port == 9000
    assert (
        load({"SUNBID_HUB_PORT": "9000", "SUNBID_MEDIA_PORT": "9001"}).settings.effective_media_port == 9001
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SUNBID_HUB_PORT", "70000"),
        ("SUNBID_HUB_PORT", "many"),
        ("SUNBID_DESK_PORT", "0"),
        ("SUNBID_FANOUT", "turbo"),
        ("SUNBID_LOG_LEVEL", "loud"),
        ("SUNBID_HUB_URL", "opening.example"),
        ("SUNBID_DATABASE_URL", "mysql://u@h/x"),
    ],
)
def test_an_invalid_value_is_refused_with_its_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load({name: value})


def test_an_unknown_variable_is_refused_with_its_name() -> None:
    with pytest.raises(SettingsError, match="SUNBID_HUBPORT"):
        load({"SUNBID_HUBPORT": "1"})


def test_an_unknown_key_of_the_file_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "sunbid.toml").write_text("hub_prt = 1\n")
    with pytest.raises(SettingsError, match="hub_prt"):
        load({}, tmp_path)


def test_a_broken_file_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "sunbid.toml").write_text("hub_port = \n")
    with pytest.raises(SettingsError, match=r"sunbid\.toml"):
        load({}, tmp_path)


def test_a_password_is_never_shown() -> None:
    settings = load({"SUNBID_DATABASE_URL": "postgresql+psycopg://u:geheim@h/x"}).settings
    assert "geheim" not in str(shown_value(settings, "database_url"))
    with pytest.raises(SettingsError) as refused:
        load({"SUNBID_DATABASE_URL": "mysql://u:geheim@h/x"})
    assert "geheim" not in str(refused.value)


def test_every_setting_is_described_and_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for name in NAMES:
        default = Settings.model_fields[name].default
        meaning = Message(f"setting.{name}").documented()
        row = f"| `{name}` | `{variable(name)}` | `{default}` | {meaning} |"
        assert row in text, f"docs/settings.md lacks: {row}"
    assert text.count("| `SUNBID_") == len(NAMES)


def test_an_empty_variable_asks_for_the_default_whatever_the_file_says(tmp_path: Path) -> None:
    (tmp_path / "sunbid.toml").write_text(
        'database_url = "postgresql+psycopg://real@host/real"\nhub_port = 9000\n'
    )
    loaded = load({"SUNBID_DATABASE_URL": "", "SUNBID_HUB_PORT": ""}, tmp_path)
    assert loaded.settings.database_url == "" and loaded.settings.hub_port == 8600
    assert loaded.settings.effective_database_url.startswith("sqlite:///")
    assert loaded.origins["database_url"] == "SUNBID_DATABASE_URL"


def test_the_desk_finds_the_hub_in_its_own_container() -> None:
    assert load({}).settings.hub_inside_url == "http://127.0.0.1:8600"
    assert load({"SUNBID_HUB_INSIDE": "http://hub:8600"}).settings.hub_inside_url == "http://hub:8600"
    compose = (Path(__file__).parents[2] / "docker" / "compose.yaml").read_text()
    assert "SUNBID_HUB_INSIDE: http://hub:8600" in compose and "\n  hub:\n" in compose


def test_the_home_is_a_setting_and_its_province_follows() -> None:
    given = {"SUNBID_HOME_DIVISION": "370211", "SUNBID_HOME_NAME": "黄岛"}
    place = wiring.home(load(given).settings)
    assert place.prefixes == ("370211", "37") and place.words() == "黄岛（370211）"
    assert wiring.home(load({**given, "SUNBID_HOME_PROVINCE": "99"}).settings).province == "99"


@pytest.mark.parametrize("value", ["3301'; DROP", "33 01", "3", "x" * 13])
def test_a_home_that_is_no_prefix_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="SUNBID_HOME_DIVISION"):
        load({"SUNBID_HOME_DIVISION": value})


def test_what_was_published_of_one_city_is_only_the_demonstrations(tmp_path: Path) -> None:
    plain = load({}, tmp_path).settings
    assert wiring.reference(plain) is None and plain.home_name == ""
    shown = wiring.reference(home.settled(plain))
    assert shown is not None and (shown.share, shown.year) == (34.15, 2023)
    assert home.environment(home.settled(plain))["SUNBID_HOME_NAME"] == "杭州"
    assert plain.home_division == "" and wiring.home(plain).prefixes == ("", "")
    assert home.environment(home.settled(plain))["SUNBID_HOME_DIVISION"] == "3301"
    elsewhere = load({"SUNBID_HOME_DIVISION": "3702"}, tmp_path).settings
    assert wiring.reference(home.settled(elsewhere)) is None
