"""Synthetic patients for rehearsals: enrolled through the services, some with a text due now."""

import random
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from prom.services import enrolling
from prom.services.enrolments import Enrolment
from prom.storage import audit, plans, rehearsal, sites
from prom.storage.models import Site
from prom.storage.session import Store

FIRST = ("Asha", "Bikash", "Chitra", "Devi", "Esha", "Farhan", "Gita", "Hari", "Indu", "Jaya", "Kamal", "Lata", "Mina")
LAST = ("Das", "Dey", "Ghosh", "Khan", "Kumar", "Nair", "Patel", "Rao", "Roy", "Sen", "Shah", "Singh")
FIRST_NUMBER = 9_007_000_000
BATCH = 200


def seed(store: Store, patients: int, due: int, number: int, now: datetime) -> None:
    """Add synthetic patients at the first site, with quiet hours off; the first `due` have a text due now."""
    chance = random.Random(number)  # noqa: S311 - synthetic patients, not secrets
    for start in range(0, patients, BATCH):
        with store.writing() as session:
            site = rehearsal_site(session)
            for index in range(start, min(start + BATCH, patients)):
                _one(session, site, number * 1_000_000 + index, due > index, chance, now)


def rehearsal_site(session: Session) -> Site:
    """Return the first site with quiet hours off, adding one when there is none."""
    every = sites.everything(session)
    site = every[0] if every else sites.add(session, "main", "Asha Clinic", "Asia/Kolkata")
    site.quiet_hours = False
    session.add(site)
    return site


def _one(session: Session, site: Site, index: int, due: bool, chance: random.Random, now: datetime) -> None:
    # A week after the procedure the day-7 prompt has its window open whatever the hour is.
    at = now - timedelta(days=7) if due else now + timedelta(days=30)
    episode = enrolling.enrol(session, synthetic(site, index, at, chance, now), audit.COMMAND, now)
    if due:
        day_7 = next(row for row in plans.prompts(session, episode.id) if row.time_point == "d7")
        rehearsal.make_due(session, day_7, now)


def synthetic(site: Site, index: int, procedure_at: datetime, chance: random.Random, now: datetime) -> Enrolment:
    """Return one made-up enrolment, done if its time is over; record number and phone follow from the index."""
    consent_at = min(procedure_at - timedelta(days=8), now)
    return Enrolment(
        record_number=f"S-{index:06d}",
        procedure="genicular_rfa",
        procedure_at=procedure_at,
        site_id=site.id,
        first_name=chance.choice(FIRST),
        last_name=chance.choice(LAST),
        phone=f"+91{FIRST_NUMBER + index % 900_000_000}",
        language="en",
        time_zone=site.time_zone,
        birth_year=chance.randint(1940, 1985),
        sex=chance.choice("FM"),
        target="knee",
        side=chance.choice(("left", "right")),
        indication="osteoarthritis",
        baseline_nrs=chance.randint(5, 9),
        baseline_at=consent_at,
        csi_items=[chance.randint(0, 3) for _ in range(25)],
        consent_sms_at=consent_at,
        consent_data_at=consent_at,
        done=procedure_at <= now,
    )


def state(session: Session) -> dict[str, list[dict[str, Any]]]:
    """Return every message, reply and score."""
    return {
        "messages": rehearsal.all_messages(session),
        "inbound": rehearsal.all_inbound(session),
        "scores": rehearsal.all_scores(session),
    }
