"""Patients with a course for the clinician's pages, brought in as files the way a clinic would."""

import csv
import io
from datetime import timedelta

from prom.services import importing
from prom.storage import audit, episodes, patients

HIGH_CSI, LOW_CSI = 2, 0
BIKASH = {7: 4, 14: 3, 30: 3, 60: 6, 64: 6, 90: 6}
ASHA = {7: 4, 14: 2, 30: 2, 60: 2, 90: 3}
DAYS_AGO = 126
COLUMNS = (
    *("record_id", "site", "first_name", "last_name", "phone", "language", "time_zone", "birth_year", "sex"),
    *("procedure", "target", "side", "level", "indication", "procedure_at", "baseline_nrs"),
    *(f"csi_{number:02d}" for number in range(1, 26)),
    "consent_sms_at",
)


def _file(header, rows):
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def _at(now, days_ago=DAYS_AGO):
    return (now - timedelta(days=days_ago)).replace(hour=5, minute=0, second=0)


def bring_in(store, now, people, site="main", procedure="genicular_rfa"):
    """Import people given as (record, first name, CSI of each item, baseline, {day: pain}); return public ids."""
    at = _at(now)
    agreed = (at - timedelta(days=8)).isoformat()
    rows = []
    for place, (record, first, item, baseline, _scores) in enumerate(people):
        person = (record, site, first, "Roy", f"+9190071{place:05d}", "en", "Asia/Kolkata", 1960, "F")
        treated = (procedure, "knee", "left", "", "osteoarthritis", at.isoformat(), baseline)
        rows.append((*person, *treated, *([item] * 25), agreed))
    scores = [
        (record, at.isoformat(), "nrs", "average_24h", nrs, (at + timedelta(days=day)).isoformat(), "sms")
        for record, _first, _item, _baseline, course in people
        for day, nrs in course.items()
    ]
    header = ("record_id", "procedure_at", "instrument", "item", "value", "answered_at", "source")
    with store.writing() as session:
        for load, text in ((importing.episodes, _file(COLUMNS, rows)), (importing.answers, _file(header, scores))):
            report = load(session, text, audit.COMMAND, now)
            assert report.errors == []
    return [public_id(store, record) for record, *_rest in people]


def public_id(store, record):
    """Return the public id of a patient by record number."""
    with store.reading() as session:
        found = patients.by_record_indexes(session, [patients.record_index(session, record)])
        return found[0].public_id


def episode_of(session, patient_id):
    """Return a patient's latest procedure."""
    patient = patients.by_public_id(session, patient_id, None)
    return episodes.of_patient(session, patient.id)[-1]


def bikash_and_asha(store, now):
    """Bring in Bikash, who lost relief early with a high CSI, and Asha, who did not; return their public ids."""
    return bring_in(store, now, [("R-102", "Bikash", HIGH_CSI, 7, BIKASH), ("R-101", "Asha", LOW_CSI, 8, ASHA)])


def cohort(store, now, each=14):
    """Bring in two groups: those with a high CSI lose relief by day 60, those with a low one by day 90 or not."""
    people = []
    for place in range(each):
        people.append((f"H-{place:03d}", "High", HIGH_CSI, 7, BIKASH if place % 4 else ASHA))
        late = {**ASHA, 90: 7, 94: 7} if place % 2 else ASHA
        people.append((f"L-{place:03d}", "Low", LOW_CSI, 8, late))
    return bring_in(store, now, people)
