"""The people of the tests, enrolled the way staff do it: through the services.

asha responds well and has few symptoms of sensitization; bikash loses relief early and has many; chitra never answers;
devi has opted out. Dr Rao is a clinician, Mina a coordinator.
"""

from datetime import UTC, timedelta

from prom.services import enrolling
from prom.services.enrolments import Enrolment
from prom.storage import audit
from prom.storage.models import Purpose, Role, Staff

ASHA_PHONE = "+919007000101"
BIKASH_PHONE = "+919007000102"
CHITRA_PHONE = "+919007000103"
DEVI_PHONE = "+919007000104"
LOW_CSI = (1,) * 20 + (0,) * 5  # 20 points, subclinical
HIGH_CSI = (2,) * 25  # 50 points, severe
PROCEDURE_DAYS_AHEAD = 10
TARGETS = {"genicular_rfa": "knee", "epidural_steroid": "lumbar", "sympathetic_block": "stellate"}


def enrolment(number, now, **changes):
    """Return a sound enrolment of a genicular RFA ten days ahead at 10:00 in Kolkata; changes replace fields."""
    at = (now + timedelta(days=PROCEDURE_DAYS_AHEAD)).astimezone(UTC).replace(hour=4, minute=30, second=0)
    values = {
        "site_name": "main",
        "record_number": f"R-{number:03d}",
        "first_name": "Person",
        "last_name": "Number",
        "phone": f"+9190070{number:05d}",
        "language": "en",
        "time_zone": "Asia/Kolkata",
        "birth_year": 1960,
        "sex": "F",
        "procedure": "genicular_rfa",
        "target": "knee",
        "side": "left",
        "indication": "osteoarthritis",
        "procedure_at": at,
        "baseline_nrs": 7,
        "csi_items": LOW_CSI,
        "consent_sms_at": now - timedelta(days=1),
    }
    return Enrolment(**(values | changes))


def asha(session, site, now, **changes):
    """Enrol Asha: baseline 8, CSI 20."""
    given = {
        "site_name": site.name,
        "record_number": "R-101",
        "first_name": "Asha",
        "last_name": "Das",
        "phone": ASHA_PHONE,
        "baseline_nrs": 8,
        "csi_items": LOW_CSI,
    }
    return enrolling.enrol(session, enrolment(101, now, **(given | changes)), audit.COMMAND, now)


def bikash(session, site, now, **changes):
    """Enrol Bikash: baseline 7, CSI 50, in Bengali."""
    given = {
        "site_name": site.name,
        "record_number": "R-102",
        "first_name": "Bikash",
        "last_name": "Roy",
        "phone": BIKASH_PHONE,
        "language": "bn",
        "sex": "M",
        "birth_year": 1955,
        "baseline_nrs": 7,
        "csi_items": HIGH_CSI,
    }
    return enrolling.enrol(session, enrolment(102, now, **(given | changes)), audit.COMMAND, now)


def chitra(session, site, now, **changes):
    """Enrol Chitra, who never answers: baseline 6, one CSI item left open."""
    given = {
        "site_name": site.name,
        "record_number": "R-103",
        "first_name": "Chitra",
        "last_name": "Sen",
        "phone": CHITRA_PHONE,
        "baseline_nrs": 6,
        "csi_items": (*LOW_CSI[:-1], None),
    }
    return enrolling.enrol(session, enrolment(103, now, **(given | changes)), audit.COMMAND, now)


def devi(session, site, now, **changes):
    """Enrol Devi, who then withdraws her consent to texts."""
    from prom.services import consenting
    from prom.storage import episodes

    given = {
        "site_name": site.name,
        "record_number": "R-104",
        "first_name": "Devi",
        "last_name": "Pal",
        "phone": DEVI_PHONE,
    }
    episode = enrolling.enrol(session, enrolment(104, now, **(given | changes)), audit.COMMAND, now)
    consenting.withdraw(session, episodes.patient_of(session, episode), Purpose.TEXTING, now, audit.COMMAND, now)
    return episode


def staff(session, email, name, role, site_id, now):
    """Return a new member of staff without a password."""
    row = Staff(email=email, name=name, role=role, site_id=site_id, created_at=now)
    session.add(row)
    session.flush()
    return row


def dr_rao(session, site, now):
    """Return Dr Rao, clinician of the site."""
    return staff(session, "rao@clinic.example", "Dr Rao", Role.CLINICIAN, site.id, now)


def mina(session, site, now):
    """Return Mina, coordinator of the site."""
    return staff(session, "mina@clinic.example", "Mina", Role.COORDINATOR, site.id, now)


def actor(member):
    """Return a member of staff as the actor of a change."""
    return audit.Actor(member.public_id, staff_id=member.id)
