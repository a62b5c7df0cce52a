"""From where the firms of a month's bids and awards are, and what follows for its lots: SQL over the rows as they were read."""

from __future__ import annotations

from datetime import timedelta

from supervision.home import Place
from supervision.lens.schema import OVERSEAS


def _outside(home: str) -> str:
    """Whether a firm is from outside a prefix: null if its place is unknown or too short to tell (§5.2)."""
    if not home:
        return "CAST(NULL AS BOOLEAN)"
    return (
        f"CASE WHEN division IS NULL THEN CASE WHEN foreign_firm THEN true END"
        f" WHEN starts_with(division, '{home}') THEN false WHEN starts_with('{home}', division) THEN NULL"
        f" ELSE true END"
    )


def _placed(table: str, home: Place) -> str:
    """A table with where its firm is from: its stated division, else digits 3–8 of its USCC (inferred).

    A firm of which only the country is known is from outside where the lot's own country is another
    one; in its own country it may be local or not: unknown.
    """
    city, province = home.prefixes
    return f"""
    SELECT *, {_outside(city)} AS outside_city, {_outside(province)} AS outside_province,
      CASE WHEN division IS NOT NULL THEN division[1:2] WHEN foreign_firm THEN '{OVERSEAS}' END AS province,
      CASE WHEN nullif(division_code, '') IS NOT NULL THEN coalesce(division_source, 'registration')
           WHEN division IS NOT NULL THEN 'uscc' END AS evidence
    FROM (SELECT r.*, coalesce(nullif(r.country, '') <> l.lot_country, false) AS foreign_firm,
      coalesce(nullif(r.division_code, ''),
        CASE WHEN regexp_full_match(r.uscc, '[0-9A-HJ-NPQRTUWXY]{{2}}[0-9]{{6}}[0-9A-HJ-NPQRTUWXY]{{10}}')
             THEN r.uscc[3:8] END) AS division
      FROM {table} r JOIN lot_country l ON l.lot_id = r.lot_id)"""


_AHEAD = int(timedelta(hours=8).total_seconds())
"""Seconds by which Beijing is ahead of UTC."""


def day_of(moment: str) -> str:
    """SQL: the Beijing day of a moment."""
    return f"({moment} AT TIME ZONE 'UTC' + INTERVAL {_AHEAD} SECOND)::DATE"


_LOT_COUNTRY = """
CREATE TABLE lot_country AS
  SELECT lot_id, CASE WHEN nullif(tenderer_country, '') IS NOT NULL THEN tenderer_country
    WHEN nullif(division_code, '') IS NOT NULL OR starts_with(currency, 'CNY') THEN 'CN' END AS lot_country
  FROM lot_raw;
"""
"""The country of a lot: its tenderer's; else China if it has a division or is paid in yuan; else unknown."""


def placed_rows(home: Place) -> str:
    """The tables and views that turn the rows of a month (`lot_raw`, `bid_raw`, `award_raw`) into its bids and lots."""
    elsewhere = (
        f"NOT starts_with(p.ca_region, '{home.province}')" if home.province else "CAST(NULL AS BOOLEAN)"
    )
    return f"""
{_LOT_COUNTRY}
CREATE TABLE placed AS {_placed("bid_raw", home)};
CREATE TABLE won AS {_placed("award_raw", home)};
CREATE TABLE winner AS
  SELECT lot_id, bidder_id AS winner_id, winner_name, division AS winner_division, province AS winner_province,
    outside_city AS winner_outside_city, outside_province AS winner_outside_province, award_price,
    award_currency, awarded_at, {day_of("awarded_at")} AS awarded_on
  FROM won QUALIFY row_number() OVER (PARTITION BY lot_id ORDER BY rank, bidder_id) = 1;
CREATE VIEW bid_full AS
  SELECT l.* EXCLUDE (status, source, demo, opened, estimate, tenderer_country), p.bidder_id,
    p.division AS bidder_division, p.province AS bidder_province, p.outside_city, p.outside_province, p.evidence AS division_source,
    p.ca_region, CASE WHEN nullif(p.ca_region, '') IS NULL THEN NULL
      ELSE {elsewhere} END AS ca_outside,
    p.price, p.status, p.rank, p.source, coalesce(p.demo, false) AS demo, p.mac, p.disk_serial, p.dongle_serial, p.file_id,
    p.upload_ip, p.received_at,
    EXISTS (SELECT 1 FROM won w WHERE w.lot_id = p.lot_id AND w.bidder_id = p.bidder_id) AS is_winner
  FROM placed p JOIN lot_raw l ON l.lot_id = p.lot_id WHERE l.opened;
CREATE VIEW lot_full AS
  SELECT l.*, l.lot_name AS title, c.* EXCLUDE (lot_id) REPLACE (CASE WHEN c.bids IS NULL AND (l.participants > 0 OR w.winner_id IS NOT NULL) THEN NULL
        ELSE coalesce(c.bids, 0) END AS bids,
      coalesce(c.valid_bids, 0) AS valid_bids, coalesce(c.outside_city_bids, 0) AS outside_city_bids,
      coalesce(c.outside_province_bids, 0) AS outside_province_bids,
      coalesce(c.unknown_city_bids, 0) AS unknown_city_bids,
      coalesce(c.unknown_province_bids, 0) AS unknown_province_bids),
    w.* EXCLUDE (lot_id)
  FROM lot_raw l
  LEFT JOIN (SELECT lot_id, count(*) AS bids, count(*) FILTER (WHERE status = 'valid') AS valid_bids,
      count(*) FILTER (WHERE outside_city) AS outside_city_bids,
      count(*) FILTER (WHERE outside_province) AS outside_province_bids,
      count(*) FILTER (WHERE outside_city IS NULL) AS unknown_city_bids,
      count(*) FILTER (WHERE outside_province IS NULL) AS unknown_province_bids FROM placed GROUP BY lot_id) c
    ON c.lot_id = l.lot_id
  LEFT JOIN winner w ON w.lot_id = l.lot_id;
"""
