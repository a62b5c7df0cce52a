"""From the settings to the small frozen configurations of the packages. Imports only what is asked for."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from records.legal_periods import holidays_of
from sunbid.settings import Settings

if TYPE_CHECKING:
    from dashboard.config import DeskConfig
    from ingest.config import IntakeConfig
    from records.ledger import Ledger
    from streaming.config import HubConfig
    from supervision.config import WatchConfig
    from supervision.home import CertificateRegion, Place, Reference
    from supervision.notices.channel import Channel


def ledger(settings: Settings) -> Ledger:
    """The ledger these settings name."""
    from records.ledger import Ledger

    return Ledger(settings.effective_database_url)


def opened(settings: Settings) -> Ledger:
    """The ledger, brought up to date: for commands that may be the first to touch it."""
    found = ledger(settings)
    if not found.is_sqlite or found.schema_version() != found.newest_version():
        found.upgrade()  # takes the write lock, for which a command that only reads need not wait
    return found


class _Site(TypedDict):
    """What hub and desk are told alike."""

    database_url: str
    data_dir: Path
    host: str
    trusted_proxies: tuple[str, ...]


def _site(settings: Settings) -> _Site:
    return {
        "database_url": settings.effective_database_url,
        "data_dir": settings.data.resolve(),
        "host": settings.host,
        "trusted_proxies": settings.proxies,
    }


def hub_config(settings: Settings) -> HubConfig:
    """What the hub needs to know."""
    from streaming.config import HubConfig

    return HubConfig(
        **_site(settings),
        port=settings.hub_port,
        media_port=settings.effective_media_port,
        public_host=settings.announced_host,
        desk_origin=settings.effective_desk_url,
        fanout=settings.fanout,
        record=settings.record,
        edges=settings.edges,
        edges_after=settings.edges_after,
        log_origin=settings.log_origin,
        witnesses=tuple(settings.witnesses.split()),
        archive=settings.archive.resolve() if settings.archive else None,
        timestamp_url=settings.timestamp_url,
        timestamp_ca=settings.timestamp_ca.resolve() if settings.timestamp_ca else None,
    )


def desk_config(settings: Settings) -> DeskConfig:
    """What the desk needs to know."""
    from dashboard.config import DeskConfig

    return DeskConfig(
        **_site(settings),
        port=settings.desk_port,
        hub_url=settings.effective_hub_url,
        unmask_by_two=settings.unmask_by_two,
        rules_by_two=settings.rules_by_two,
        leads_by_two=settings.leads_by_two,
        hub_inside=settings.hub_inside_url,
        public_url=settings.desk_url,
        home=home(settings),
        holidays=holidays_of(settings.holidays),
        deposit_rate=Decimal(str(settings.deposit_rate)),
        reference=reference(settings),
        certificates=certificates(settings),
    )


def intake_config(settings: Settings) -> IntakeConfig:
    """What the intake needs to know."""
    from ingest.config import IntakeConfig

    return IntakeConfig(
        database_url=settings.effective_database_url,
        data_dir=settings.data.resolve(),
        host=settings.host,
        port=settings.intake_port,
        trusted_proxies=settings.proxies,
    )


def watch_config(settings: Settings) -> WatchConfig:
    """What the watch needs to know."""
    from supervision.config import WatchConfig
    from supervision.rules.finding import LEVELS

    return WatchConfig(
        database_url=settings.effective_database_url,
        data_dir=settings.data.resolve(),
        home=home(settings),
        reference=reference(settings),
        bid_files=settings.bid_files and settings.bid_files.resolve(),
        desk_url=settings.effective_desk_url,
        notice_levels=LEVELS[: LEVELS.index(settings.notice_level) + 1],
        channels=channels(settings),
        learn_from_verdicts=settings.learn_from_verdicts,
    )


def channels(settings: Settings) -> tuple[Channel, ...]:
    """The ways in which new warnings are told beside the desk; none where none is set."""
    from supervision.notices.mail import Mail
    from supervision.notices.webhook import Webhook

    found: list[Channel] = []
    if settings.notice_webhook:
        found.append(Webhook(settings.notice_webhook, settings.notice_secret))
    if settings.notice_mail and settings.notice_to:
        receivers = tuple(settings.notice_to.split())
        found.append(Mail(settings.notice_mail, settings.notice_from or receivers[0], receivers))
    return tuple(found)


def home(settings: Settings) -> Place:
    """The place whose market is supervised."""
    from supervision.home import Place

    return Place(settings.home_division, settings.home_province, settings.home_name, settings.home_name_en)


def reference(settings: Settings) -> Reference | None:
    """The published share charts are compared with, where one is set."""
    from supervision.home import Reference

    return Reference(settings.reference_share, settings.reference_year) if settings.reference_share else None


def certificates(settings: Settings) -> tuple[CertificateRegion, ...]:
    """The provinces whose certificates are recognised here, and how far that has come."""
    from supervision.home import CertificateRegion

    listed = (one.partition(":") for one in settings.certificate_regions.split())
    return tuple(CertificateRegion(province, state or "recognised") for province, _, state in listed)
