"""Every setting of sunbid: one model, from which the command line, the documents and the checks follow.

Sources, the later winning: the defaults here, `sunbid.toml` in the working folder, variables `SUNBID_*`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from evidence.verify import COSIGNATURE, VerifierKey
from messages import Invalid, Message, lines, local
from records.legal_periods import holidays_of
from records.wrong_values import reason

PREFIX = "SUNBID_"
SECRETIVE = ("database_url", "edges", "notice_webhook", "notice_secret", "notice_mail")
"""Settings that may hold a password: what was typed is never printed."""
FILE = "sunbid.toml"
ANY_HOST = ("0.0.0.0", "::")

Port = int
Fanout = Literal["auto", "native", "abi", "plain"]
LogLevel = Literal["debug", "info", "warning", "error"]
NoticeLevel = Literal["red", "orange", "yellow"]


class SettingsError(Invalid):
    """A setting that is unknown or invalid; the message names it, its source and the remedy."""


class Settings(BaseSettings):
    """The settings, by their names in `sunbid.toml`; in the environment `SUNBID_` and the name in capitals."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    host: str = Field(
        "127.0.0.1",
        min_length=1,
    )
    public_host: str = Field(
        "",
    )
    hub_port: Port = Field(8600, ge=1, le=65535)
    media_port: Port = Field(0, ge=0, le=65535)
    desk_port: Port = Field(8601, ge=1, le=65535)
    intake_port: Port = Field(8602, ge=1, le=65535)
    hub_url: str = Field(
        "",
        pattern=r"^(https?://[^\s/]+)?$",
    )
    desk_url: str = Field(
        "",
        pattern=r"^(https?://[^\s/]+)?$",
    )
    trusted_proxies: str = Field(
        "",
    )
    hub_inside: str = Field(
        "",
        pattern=r"^(https?://[^\s/]+)?$",
    )
    data: Path = Field(Path("var"))
    database_url: str = Field(
        "",
    )
    home_division: str = Field(
        "",
        pattern=r"^([0-9A-Za-z-]{2,12})?$",
    )
    home_province: str = Field(
        "",
        pattern=r"^([0-9A-Za-z-]{2,12})?$",
    )
    home_name: str = Field("")
    home_name_en: str = Field("")
    reference_share: float = Field(
        0,
        ge=0,
        le=100,
    )
    reference_year: int = Field(0, ge=0, le=9999)
    certificate_regions: str = Field(
        "",
        pattern=r"^(\d{2}(:(recognised|pilot|suspended))?( +\d{2}(:(recognised|pilot|suspended))?)*)?$",
    )
    holidays: str = Field("")
    deposit_rate: float = Field(
        0,
        ge=0,
        le=20,
    )
    fanout: Fanout = Field("auto")
    record: bool = Field(True)
    unmask_by_two: bool = Field(
        False,
    )
    rules_by_two: bool = Field(False)
    leads_by_two: bool = Field(True)
    learn_from_verdicts: bool = Field(False)
    edges: str = Field(
        "",
    )
    edges_after: int = Field(
        0,
        ge=0,
    )
    witnesses: str = Field("")
    archive: Path | None = Field(None)
    bid_files: Path | None = Field(None)
    notice_level: NoticeLevel = Field("orange")
    notice_webhook: str = Field("", pattern=r"^(https?://[^\s/]\S*)?$")
    notice_secret: str = Field("")
    notice_mail: str = Field("", pattern=r"^(smtps?://[^\s/]\S*)?$")
    notice_from: str = Field("", pattern=r"^([^\s@]+@[^\s@]+)?$")
    notice_to: str = Field("", pattern=r"^([^\s@]+@[^\s@]+( +[^\s@]+@[^\s@]+)*)?$")
    timestamp_url: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
    )
    timestamp_ca: Path | None = Field(None)
    log_level: LogLevel = Field("info")

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        """Only the databases the ledger is tested on; psycopg is the driver for PostgreSQL."""
        if not value:
            return value
        try:
            backend = make_url(value).get_backend_name()
        except ArgumentError as error:
            raise Invalid(Message("setting_error.no_database_url")) from error
        if backend not in ("sqlite", "postgresql"):
            raise Invalid(Message("setting_error.backend", backend=backend))
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _known_proxies(cls, value: str) -> str:
        """Addresses and networks only: a name would have to be asked for at every request."""
        for one in value.split():
            try:
                ip_network(one)
            except ValueError:
                raise Invalid(Message("setting_error.no_network", address=one)) from None
        return value

    @field_validator("witnesses")
    @classmethod
    def _known_witnesses(cls, value: str) -> str:
        """Public keys of witnesses, as `sunbid witness` prints them."""
        for one in value.split():
            try:
                if VerifierKey.parse(one).kind != COSIGNATURE:
                    raise ValueError(one)
            except ValueError:
                raise Invalid(Message("setting_error.no_witness", key=one)) from None
        return value

    @field_validator("holidays")
    @classmethod
    def _known_holidays(cls, value: str) -> str:
        """Days and spans of days: a holiday nobody can read would move no last day."""
        try:
            holidays_of(value)
        except ValueError as error:
            raise Invalid(Message("setting_error.no_holiday", given=str(error))) from None
        return value

    @field_validator("edges")
    @classmethod
    def _known_edges(cls, value: str) -> str:
        """Raises EdgeError, which names the entry and never its secrets."""
        if value:
            from streaming.edges.config import parse_edges

            parse_edges(value)
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """`load` has read and checked both sources already; nothing is read behind its back."""
        return (init_settings,)

    @property
    def proxies(self) -> tuple[str, ...]:
        """Addresses and networks of the proxies whose headers are believed."""
        return tuple(self.trusted_proxies.split())

    @property
    def effective_media_port(self) -> int:
        """The UDP port media arrives at."""
        return self.media_port or self.hub_port

    @property
    def announced_host(self) -> str:
        """The address viewers are told."""
        if self.public_host:
            return self.public_host
        return "127.0.0.1" if self.host in ANY_HOST else self.host

    @property
    def effective_hub_url(self) -> str:
        """Where browsers find the hub."""
        return self.hub_url or f"http://{_bracketed(self.announced_host)}:{self.hub_port}"

    @property
    def effective_desk_url(self) -> str:
        """Where browsers find the desk."""
        return self.desk_url or f"http://{_bracketed(self.announced_host)}:{self.desk_port}"

    @property
    def hub_inside_url(self) -> str:
        """Where this machine finds the hub, whatever stands in front of it."""
        return self.hub_inside or f"http://{_bracketed(self._own_host)}:{self.hub_port}"

    @property
    def intake_url(self) -> str:
        """Where this machine finds the intake."""
        return f"http://{_bracketed(self._own_host)}:{self.intake_port}"

    @property
    def intake_shown(self) -> str:
        """Where others find the intake."""
        return f"http://{_bracketed(self.announced_host)}:{self.intake_port}"

    @property
    def log_origin(self) -> str:
        """Name of the log of evidence: the hub's address without its scheme."""
        return self.effective_hub_url.partition("://")[2] + "/log"

    @property
    def _own_host(self) -> str:
        return "127.0.0.1" if self.host in ANY_HOST else self.host

    @property
    def effective_database_url(self) -> str:
        """The ledger's database, with an absolute path where it is SQLite inside the data folder."""
        return self.database_url or f"sqlite:///{self.data.resolve() / 'ledger.db'}"

    @property
    def database_shown(self) -> str:
        """The ledger's database without its password."""
        return make_url(self.effective_database_url).render_as_string(hide_password=True)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


NAMES = tuple(Settings.model_fields)


@dataclass(frozen=True)
class Loaded:
    """The settings and where each came from: `default`, the file's or the variable's name."""

    settings: Settings
    origins: Mapping[str, str]


def load(environ: Mapping[str, str] | None = None, folder: Path | None = None) -> Loaded:
    """Read, check and merge the sources. Raises SettingsError naming what is unknown or invalid."""
    values: dict[str, Any] = {}
    origins = dict.fromkeys(NAMES, "default")
    for source, given in (
        (FILE, _from_file((folder or Path()) / FILE)),
        (PREFIX, _from_environment(os.environ if environ is None else environ)),
    ):
        for name, value in given.items():
            origins[name] = source if source == FILE else variable(name)
            if source == PREFIX and value == "":
                values.pop(name, None)  # an empty variable asks for the default, whatever the file says
            else:
                values[name] = value
    try:
        return Loaded(Settings(**values), origins)
    except ValidationError as error:
        raise SettingsError(lines([_explain(item, origins) for item in error.errors()])) from None


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    given = {key: value for key, value in environ.items() if key.startswith(PREFIX)}
    unknown = sorted(key for key in given if key.removeprefix(PREFIX).lower() not in NAMES)
    if unknown:
        choices = ", ".join(map(variable, NAMES))
        raise SettingsError(Message("setting_error.unknown_variable", names=unknown, choices=choices))
    return {key.removeprefix(PREFIX).lower(): value for key, value in given.items()}


def _from_file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(Message("setting_error.no_toml", file=FILE, error=str(error))) from None
    unknown = sorted(set(given) - set(NAMES))
    if unknown:
        raise SettingsError(Message("setting_error.unknown", file=FILE, names=unknown, choices=list(NAMES)))
    return given


def _explain(item: Any, origins: Mapping[str, str]) -> Message:
    name = str(item["loc"][0]) if item["loc"] else "?"
    origin = origins.get(name, "?")
    where = origin if origin.startswith(PREFIX) else f"{origin}: {name}"
    shown = "" if name in SECRETIVE else f" = {item['input']!r}"
    return Message(
        "setting_error.invalid", where=where, shown=shown, why=_why(item), meaning=Message(f"setting.{name}")
    )


def _why(item: Any) -> Message:
    """What is wrong with a value."""
    return reason(item["type"], item.get("ctx", {}), item["input"])


def describe(name: str) -> str:
    """What a setting means, in the language of this process."""
    return local(f"setting.{name}")


def choices(name: str) -> tuple[str, ...]:
    """The values a setting may take, where they are few."""
    return get_args(Settings.model_fields[name].annotation)


def _shown_host(url: str) -> str:
    """An address without what may be a secret in it: user, password, path and query."""
    address = urlsplit(url)
    port = f":{address.port}" if address.port else ""
    return f"{address.scheme}://{_bracketed(address.hostname or '')}{port}/…" if url else ""


def shown_value(settings: Settings, name: str) -> Any:
    """The value in force, passwords masked: what an empty one stands for is spelled out."""
    special = {
        "media_port": settings.effective_media_port,
        "public_host": settings.announced_host,
        "hub_url": settings.effective_hub_url,
        "desk_url": settings.effective_desk_url,
        "hub_inside": settings.hub_inside_url,
        "database_url": settings.database_shown,
        "data": str(settings.data),
        "edges": _shown_edges(settings.edges),
        "notice_webhook": _shown_host(settings.notice_webhook),
        "notice_secret": "***" if settings.notice_secret else "",
        "notice_mail": _shown_host(settings.notice_mail),
    }
    return special.get(name, getattr(settings, name))


def _shown_edges(value: str) -> str:
    if not value:
        return ""
    from streaming.edges.config import shown_edges

    return shown_edges(value)
