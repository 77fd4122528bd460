"""Find whose site a public id is of, whatever table it stands in: for the trail of who tried another site's rows."""

import re
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Table
from sqlmodel import Session, SQLModel, col, select

from prom.storage.audit import Thing
from prom.storage.models import Patient, Site

_PUBLIC_ID = re.compile(r"[0-9a-f]{20}", re.ASCII)
MOST_LOOKED_AT = 40
LONGEST = 40


def first(session: Session, given: Iterable[str], site_ids: Collection[int]) -> Thing | None:
    """Return what the first of some public ids, or site keys, names outside the sites `site_ids`, or None."""
    given = [one for one in dict.fromkeys(given) if 0 < len(one) <= LONGEST and one.isprintable()][:MOST_LOOKED_AT]
    named = select(Site).where(col(Site.name).in_(given) | col(Site.public_id).in_(given))
    site = session.exec(named.where(col(Site.id).not_in(site_ids))).first()
    if site is not None:
        return Thing("site", site.public_id, site.id)
    ids = [one for one in given if _PUBLIC_ID.fullmatch(one)]
    for table in SQLModel.metadata.sorted_tables if ids else ():
        found = _in(session, table, ids, site_ids)
        if found is not None:
            return found
    return None


def _in(session: Session, table: Table, ids: list[str], site_ids: Collection[int]) -> Thing | None:
    columns = table.columns
    if "public_id" not in columns or table.name == "staff":
        return None
    owner: Any
    if "site_id" in columns:
        owner = columns.site_id
        query = select(columns.public_id, owner)
    elif "patient_id" in columns:
        owner = col(Patient.site_id)
        query = select(columns.public_id, owner).join(Patient, columns.patient_id == col(Patient.id))
    else:
        return None
    row = session.execute(query.where(columns.public_id.in_(ids), owner.not_in(site_ids))).first()
    return None if row is None else Thing(table.name, row[0], row[1])
