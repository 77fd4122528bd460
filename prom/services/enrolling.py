"""Enrol patients and their procedures: one by one from a form, or in batches from a file, by the same steps.

Another procedure, side or date of a known person is a second episode of the same patient. What a new enrolment says
differently about a known person is told, never silently changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from prom.domain import scoring
from prom.services import enrolment_matching as matching
from prom.services import enrolments, planning, repeating
from prom.services.enrolment_matching import Person
from prom.services.enrolments import Checked, Enrolment, EnrolmentError, Problem
from prom.storage import answers, audit, audit_batch, consents, episodes, patients, plans, sites
from prom.storage.answers import NewAnswer
from prom.storage.consents import NewConsent
from prom.storage.episodes import NewCsi
from prom.storage.models import Episode, EpisodeState, Purpose, Site, Source

UNDATED = "undated"
PAIN_SERIES = "average_24h"


@dataclass(slots=True)
class Outcome:
    """What became of one enrolment: a new episode, the same one that was there already, or problems."""

    episode: Episode | None = None
    same: bool = False
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Accepted:
    checked: Checked
    person: Person
    episode: Episode
    consents: list[NewConsent]
    first_of_person: bool


def enrol(session: Session, enrolment: Enrolment, actor: audit.Actor, now: datetime) -> Episode:
    """Store one enrolment and return its episode, or raise EnrolmentError with everything that is wrong."""
    checked = enrolments.check(enrolment, site_of(session, enrolment), now)
    (outcome,) = enrol_all(session, [checked], actor, now)
    _raise_unless_new(outcome)
    assert outcome.episode is not None
    return session.get_one(Episode, outcome.episode.id)


def preview(session: Session, enrolment: Enrolment, now: datetime) -> tuple[Problem, ...]:
    """Return what is to be looked at before enrolling (a shared phone, a contradiction), or raise EnrolmentError."""
    checked = enrolments.check(enrolment, site_of(session, enrolment), now)
    outcome, _ = _Batch(session, [checked], now).decide(checked)
    _raise_unless_new(outcome)
    return tuple(outcome.warnings)


def site_of(session: Session, enrolment: Enrolment) -> Site:
    """Return the site an enrolment names, by id or by name, or raise EnrolmentError."""
    if enrolment.site_id is not None:
        site = session.get(Site, enrolment.site_id)
    else:
        site = sites.by_name(session, enrolment.site_name.strip())
    if site is None:
        raise EnrolmentError([Problem("site", f"there is no site {enrolment.site_name!r}")])
    return site


def _raise_unless_new(outcome: Outcome) -> None:
    if outcome.same:
        raise EnrolmentError([Problem("procedure_at", "this procedure of this patient is already enrolled")])
    if outcome.problems:
        raise EnrolmentError(outcome.problems)


def enrol_all(session: Session, checked: Sequence[Checked], actor: audit.Actor, now: datetime) -> list[Outcome]:
    """Store the enrolments that are new and sound, and return what became of each, in the same order."""
    batch = _Batch(session, checked, now)
    decided = [batch.decide(one) for one in checked]
    _store(session, [accepted for _, accepted in decided if accepted is not None], actor, now)
    return [outcome for outcome, _ in decided]


class _Batch:
    """What is known before some hundred enrolments are looked at: a statement a table, not ten a row."""

    def __init__(self, session: Session, checked: Sequence[Checked], now: datetime) -> None:
        self.session, self.now = session, now
        self.people = matching.known(session, checked)
        self.phone_owners = _phone_owners(session, checked)

    def decide(self, one: Checked) -> tuple[Outcome, _Accepted | None]:
        """Return what should become of one enrolment; nothing is stored yet."""
        person = self._person(one)
        outcome = Outcome(warnings=[*one.warnings, *matching.contradictions(one, person)])
        twin = matching.twin(one, person)
        if twin is not None:
            outcome.problems = matching.differences(one, *twin)
            outcome.same = not outcome.problems
            outcome.episode = twin[0]
            return outcome, None
        outcome.warnings += self._shared_phone(one, person)
        outcome.episode = self._episode(one, person)
        given, refused = _consents(one, person)
        outcome.warnings += refused
        first = person.new and not person.procedures
        person.procedures.append((outcome.episode, matching.facts(one)))
        return outcome, _Accepted(one, person, outcome.episode, given, first)

    def _person(self, one: Checked) -> Person:
        key = matching.key_of(self.session, one)
        if key not in self.people:
            self.people[key] = matching.new(self.session, one, self.now)
        return self.people[key]

    def _shared_phone(self, one: Checked, person: Person) -> list[Problem]:
        if one.phone is None or not person.new:
            return []
        owners = self.phone_owners.setdefault((one.site.id, patients.phone_index(self.session, one.phone)), set())
        others = owners - {person.patient.record_index}
        owners.add(person.patient.record_index)
        return [Problem("phone", "another patient of this site has the same phone")] if others else []

    def _episode(self, one: Checked, person: Person) -> Episode:
        given = one.enrolment
        return Episode(
            patient_id=person.patient.id,
            site_id=one.site.id,
            plan_id=0,
            procedure=given.procedure,
            target=given.target,
            side=given.side,
            level=given.level,
            indication=given.indication,
            state=EpisodeState.DONE if one.done else EpisodeState.PLANNED,
            procedure_at=one.procedure_at,
            done_at=self.now if one.done else None,
            created_at=self.now,
        )


def _phone_owners(session: Session, checked: Sequence[Checked]) -> dict[tuple[int, str], set[str]]:
    indexes = {patients.phone_index(session, one.phone) for one in checked if one.phone}
    owners: dict[tuple[int, str], set[str]] = {}
    for phone_index, site_id, record_index in patients.by_phone_indexes(session, indexes):
        owners.setdefault((site_id, phone_index), set()).add(record_index)
    return owners


def _consents(one: Checked, person: Person) -> tuple[list[NewConsent], list[Problem]]:
    given = []
    if one.consent_data_at is not None:
        given.append(_consent(one, Purpose.DATA_USE, one.consent_data_at))
    at = one.consent_sms_at
    if at is None or person.texting:
        return given, []
    if person.texting_withdrawn_at is not None and at <= person.texting_withdrawn_at:
        return given, [Problem("consent_sms_at", "was withdrawn since: the withdrawal stands and no text is sent")]
    person.texting = True
    return [*given, _consent(one, Purpose.TEXTING, at)], []


def _consent(one: Checked, purpose: Purpose, given_at: datetime) -> NewConsent:
    given = one.enrolment
    of_data = given.consent_data_version if purpose is Purpose.DATA_USE else ""
    return NewConsent(
        site_id=one.site.id,
        purpose=purpose,
        version=of_data or given.consent_version,
        language=given.language,
        method=given.consent_method,
        given_at=given_at,
    )


def _store(session: Session, rows: Sequence[_Accepted], actor: audit.Actor, now: datetime) -> None:
    """Insert everything accepted, parents first."""
    _store_people(session, rows)
    _choose_plans(session, rows, now)
    ids = episodes.add_all(session, [row.episode for row in rows])
    for row in rows:
        row.episode.id = ids[row.episode.public_id]
        for consent in row.consents:
            consent.patient_id = row.person.patient.id
    consents.add_all(session, [consent for row in rows for consent in row.consents])
    baseline = [answer for row in rows for answer in _baseline_answers(row.checked, row.episode, actor)]
    answers.add_all(session, baseline, now)
    records = [_csi(row.checked, row.episode) for row in rows]
    episodes.add_sensitization(session, [record for record in records if record is not None], now)
    planning.start(session, [planning.Started(r.episode, r.person.patient, r.person.texting) for r in rows], now)
    audit_batch.record_all(session, actor, [entry for row in rows for entry in _entries(row)], now)
    repeating.propose_all(session, [row.episode for row in rows if len(row.person.procedures) > 1], now, actor)


def _store_people(session: Session, rows: Sequence[_Accepted]) -> None:
    fresh = {row.person.patient.public_id: row.person for row in rows if row.person.new}
    ids = patients.add_all(session, [(person.patient, person.identity) for person in fresh.values()])
    for public_id, person in fresh.items():
        person.patient.id = ids[public_id]
    for row in rows:
        row.episode.patient_id = row.person.patient.id


def _choose_plans(session: Session, rows: Sequence[_Accepted], now: datetime) -> None:
    kinds = {(row.episode.site_id, row.episode.procedure) for row in rows}
    chosen = {kind: plans.row_for(session, *kind, now).id for kind in sorted(kinds)}
    for row in rows:
        row.episode.plan_id = chosen[row.episode.site_id, row.episode.procedure]


def _entries(row: _Accepted) -> list[audit_batch.Entry]:
    site_id, patient = row.episode.site_id, row.person.patient
    entries = [audit_batch.Entry("enrolled", "episode", row.episode.public_id, site_id)]
    if row.first_of_person:
        entries.insert(0, audit_batch.Entry("patient added", "patient", patient.public_id, site_id))
    return entries + [
        audit_batch.Entry(f"consent given: {consent.purpose}", "consent", consent.public_id, site_id)
        for consent in row.consents
    ]


def _baseline_answers(one: Checked, episode: Episode, actor: audit.Actor) -> list[NewAnswer]:
    facts = matching.facts(one)
    given: list[tuple[str, str, int, int | None]] = []
    if facts.baseline_nrs is not None:
        given.append(("nrs", PAIN_SERIES, 0, facts.baseline_nrs))
    given += [("csi", "", number, value) for number, value in enumerate(facts.csi_items or (), start=1)]
    if facts.csi_total is not None:
        given.append(("csi_total", "", 0, facts.csi_total))
    return [
        NewAnswer(
            episode_id=episode.id,
            patient_id=episode.patient_id,
            site_id=episode.site_id,
            occasion=matching.BASELINE,
            instrument=instrument,
            series=series,
            item=item,
            value=value,
            answered_at=one.baseline_at,
            source=one.enrolment.source,
            staff_id=actor.staff_id,
            rule=UNDATED if one.undated_baseline else "",
        )
        for instrument, series, item, value in given
    ]


def _csi(one: Checked, episode: Episode) -> NewCsi | None:
    facts = matching.facts(one)
    if facts.csi_items is not None:
        result = scoring.csi(facts.csi_items)
    elif facts.csi_total is not None:
        result = scoring.csi_total(facts.csi_total)
    else:
        return None
    source = Source(one.enrolment.source).value
    return NewCsi(episode.id, result.answered, result.min_total, result.max_total, source, one.baseline_at)
