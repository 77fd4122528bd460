"""Who an enrolment is about, and what it says differently from what is known.

A person is the same when site and record number are the same. A procedure is the same when it is of the same person,
target, side and level on the same date in the patient's zone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from prom.services.enrolments import Checked, Problem
from prom.storage import answers, consents, episodes, patients
from prom.storage.models import Answer, Consent, Episode, EpisodeState, Patient, Purpose
from prom.storage.patients import Identity
from prom.storage.session import vault_of
from prom.storage.vault import normalised

BASELINE = "baseline"
PersonKey = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Facts:
    """The baseline answers given with an enrolment, to tell the same enrolment from a different one."""

    baseline_nrs: int | None
    csi_items: tuple[int | None, ...] | None
    csi_total: int | None


@dataclass(slots=True)
class Person:
    """A patient with their procedures, stored or about to be."""

    patient: Patient
    identity: Identity
    new: bool
    texting: bool = False
    texting_withdrawn_at: datetime | None = None
    procedures: list[tuple[Episode, Facts]] = field(default_factory=list)


def key_of(session: Session, one: Checked) -> PersonKey:
    """Return what makes two enrolments be about one person: the site and the record number's index."""
    return one.site.id, patients.record_index(session, one.enrolment.record_number)


def known(session: Session, checked: Sequence[Checked]) -> dict[PersonKey, Person]:
    """Return the stored people these enrolments are about."""
    keys = {key_of(session, one) for one in checked}
    found = {
        (row.site_id, index): row
        for index, row in patients.numbered(session, [index for _, index in keys])
        if (row.site_id, index) in keys
    }
    # Two record numbers may be one person since a merge.
    by_id = {row.id: Person(row, _identity(session, row), new=False) for row in found.values()}
    people = {key: by_id[row.id] for key, row in found.items()}
    for consent in consents.of_patients(session, by_id):
        _note_consent(by_id[consent.patient_id], consent)
    rows = episodes.of_patients(session, by_id)
    facts = _stored_facts(session, [row.id for row in rows])
    for row in rows:
        by_id[row.patient_id].procedures.append((row, facts[row.id]))
    return people


def _identity(session: Session, patient: Patient) -> Identity:
    return Identity(
        patients.record_number(session, patient),
        patients.first_name(session, patient),
        patients.last_name(session, patient),
        patients.phone(session, patient),
    )


def _note_consent(person: Person, consent: Consent) -> None:
    if consent.purpose is not Purpose.TEXTING:
        return
    if consent.withdrawn_at is None:
        person.texting = True
    else:
        person.texting_withdrawn_at = max(consent.withdrawn_at, person.texting_withdrawn_at or consent.withdrawn_at)


def _stored_facts(session: Session, episode_ids: Sequence[int]) -> dict[int, Facts]:
    rows: dict[int, list[Answer]] = {episode_id: [] for episode_id in episode_ids}
    for answer in answers.of_episodes(session, episode_ids):
        if answer.occasion == BASELINE:
            rows[answer.episode_id].append(answer)
    return {episode_id: _facts_of(group) for episode_id, group in rows.items()}


def _facts_of(rows: Iterable[Answer]) -> Facts:
    values = {(row.instrument, row.item): row.value for row in rows}
    items = tuple(values[key] for key in sorted(values) if key[0] == "csi")
    return Facts(values.get(("nrs", 0)), items or None, values.get(("csi_total", 0)))


def facts(one: Checked) -> Facts:
    """Return the baseline answers an enrolment brings."""
    given = one.enrolment
    items = tuple(given.csi_items) if given.csi_items is not None else None
    # The total of a complete form says nothing more than its items.
    return Facts(given.baseline_nrs, items, given.csi_total if items is None else None)


def new(session: Session, one: Checked, now: datetime) -> Person:
    """Return a person who is not stored yet."""
    given = one.enrolment
    patient = Patient(
        site_id=one.site.id,
        key_sealed=vault_of(session).new_data_key(),
        record_index=patients.record_index(session, given.record_number),
        language=given.language,
        time_zone=given.time_zone,
        birth_year=given.birth_year,
        sex=given.sex or None,
        created_at=now,
    )
    return Person(patient, Identity(given.record_number, given.first_name, given.last_name, one.phone), new=True)


def contradictions(one: Checked, person: Person) -> list[Problem]:
    """Return what an enrolment says differently about a known person; blanks say nothing, case does not matter."""
    given, patient = one.enrolment, person.patient
    pairs = (
        ("first_name", given.first_name, person.identity.first_name),
        ("last_name", given.last_name, person.identity.last_name),
        ("phone", one.phone, person.identity.phone),
        ("birth_year", given.birth_year, patient.birth_year),
        ("sex", given.sex, patient.sex),
        ("language", given.language, patient.language),
        ("time_zone", given.time_zone, patient.time_zone),
    )
    return [
        Problem(name, "differs from what is stored for this record number; the stored one is kept")
        for name, said, stored in pairs
        if said and normalised(str(said)) != normalised(str(stored or ""))
    ]


def twin(one: Checked, person: Person) -> tuple[Episode, Facts] | None:
    """Return the person's episode that is the same procedure on the same date, or None."""
    said = _procedure_key(one.enrolment.procedure, one.enrolment.target, one.enrolment.side, one.enrolment.level)
    day = one.procedure_at.astimezone(one.zone).date()
    for episode, stored in person.procedures:
        key = _procedure_key(episode.procedure, episode.target, episode.side, episode.level)
        if key == said and episode.procedure_at.astimezone(ZoneInfo(person.patient.time_zone)).date() == day:
            return episode, stored
    return None


def _procedure_key(*parts: str) -> tuple[str, ...]:
    return tuple(normalised(part) for part in parts)


def differences(one: Checked, episode: Episode, stored: Facts) -> list[Problem]:
    """Return what keeps a repeated enrolment from being the same one; blanks say nothing."""
    found = []
    if episode.procedure_at != one.procedure_at:
        at = episode.procedure_at.astimezone(one.zone)
        found.append(Problem("procedure_at", f"this procedure is stored for the same day at {at:%H:%M}"))
    if episode.state is EpisodeState.CANCELLED:
        found.append(Problem("procedure_at", "this procedure is stored as cancelled: reopen it on the patient's page"))
    return found + _other_answers(facts(one), stored)


def _other_answers(said: Facts, stored: Facts) -> list[Problem]:
    return [
        Problem(name, "this procedure is stored with another value: correct it on the patient's page")
        for name in ("baseline_nrs", "csi_items", "csi_total")
        if getattr(said, name) is not None and getattr(said, name) != getattr(stored, name)
    ]
