"""Queries about sites, their text overrides, and what jobs remember."""

from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from prom.domain import instruments
from prom.storage.models import Heartbeat, Patient, Site, TextOverride
from prom.storage.session import vault_of


def by_name(session: Session, name: str) -> Site | None:
    """Return the site with a key, or None."""
    return session.exec(select(Site).where(col(Site.name) == name)).first()


def everything(session: Session) -> list[Site]:
    """Return all sites by name."""
    return list(session.exec(select(Site).order_by(col(Site.name))))


def visible(session: Session, site_id: int | None) -> list[Site]:
    """Return the sites somebody of a site may see: their own, or all for None."""
    return [site for site in everything(session) if site_id is None or site.id == site_id]


def add(session: Session, name: str, label: str, time_zone: str, country: str = "IN") -> Site:
    """Add a site with a fresh key."""
    site = Site(
        name=name, label=label, time_zone=time_zone, country=country, key_sealed=vault_of(session).new_data_key()
    )
    session.add(site)
    session.flush()
    return site


def overrides(session: Session, site_id: int) -> dict[tuple[str, str], str]:
    """Return a site's own texts by (key, language)."""
    rows = session.exec(select(TextOverride).where(col(TextOverride.site_id) == site_id))
    # The words of a clinic's own questionnaires come from its files; what it wrote on the page wins.
    return {**instruments.added().words, **{(row.text_key, row.language): row.text for row in rows}}


def zones(session: Session) -> dict[int, str]:
    """Return the time zone of each site by its id."""
    return dict(session.exec(select(Site.id, Site.time_zone)).all())


def heartbeat(session: Session, name: str, now: datetime, detail: str = "") -> None:
    """Note that a job ran."""
    row = session.exec(select(Heartbeat).where(col(Heartbeat.name) == name)).first() or Heartbeat(name=name, at=now)
    row.at, row.detail = now, detail[:120]
    session.add(row)


def last_beat(session: Session, name: str) -> Heartbeat | None:
    """Return when a job last ran, or None."""
    return session.exec(select(Heartbeat).where(col(Heartbeat.name) == name)).first()


def patient_count(session: Session) -> int:
    """Return how many patients there are, duplicates that were merged not counted."""
    return session.exec(select(func.count()).select_from(Patient).where(col(Patient.merged_into_id).is_(None))).one()
