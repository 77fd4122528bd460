"""The words a patient agrees to: the clinic's own where it has them, else the shipped ones; and agreeing on a page.

A version that was shown is never changed. What a patient agreed to is kept with the version and language they read.
"""

import re
from datetime import datetime

from sqlmodel import Session

from prom.domain import consent, wording
from prom.domain.consent import Document
from prom.services import consenting
from prom.storage import audit, consent_texts, consents, tasks
from prom.storage.models import Consent, ConsentText, Patient, Purpose, Site, TaskKind

_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,23}")
PAGE, TABLET = "page", "tablet"


class TextError(ValueError):
    """A consent text that cannot be used; `problems` are (field, what is wrong)."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(words for _, words in problems))
        self.problems = problems


class StaleError(ValueError):
    """The text that a patient agreed to is not the one in use any more: they must see the new one first."""


def current(session: Session, site: Site, purpose: Purpose, language: str) -> Document:
    """Return the document that patients of a site read now in a language."""
    row = consent_texts.newest(session, site.id, purpose, language)
    if row is not None:
        return _own(row, site)
    return consent.document(consent.Purpose(purpose.value), language, clinic=site.label, phone=site.phone)


def version_in_use(session: Session, patient: Patient, purpose: Purpose) -> str:
    """Return the version that a patient of this site and language reads now, for a consent given by other ways."""
    return current(session, session.get_one(Site, patient.site_id), purpose, patient.language).version


def _own(row: ConsentText, site: Site) -> Document:
    purpose = consent.Purpose(row.purpose.value)
    return consent.own(purpose, row.version, row.language, row.text, clinic=site.label, phone=site.phone)


def everything(session: Session, site: Site, language: str) -> list[Document]:
    """Return the documents of all purposes in a language."""
    return [current(session, site, purpose, language) for purpose in Purpose]


def versions(session: Session, site: Site) -> list[ConsentText]:
    """Return all of a clinic's own versions, the newest first."""
    return consent_texts.everything(session, site.id)


def add(
    session: Session,
    site: Site,
    purpose: Purpose,
    language: str,
    version: str,
    text: str,
    actor: audit.Actor,
    now: datetime,
) -> ConsentText:
    """Keep a new version of a document; patients read it from now on. A version is never changed."""
    version, text = version.strip(), text.strip()
    problems = [("text", words) for words in consent.check(text)]
    problems += [("version", words) for words in _version_problems(session, site, purpose, language, version)]
    if language not in wording.LANGUAGES:
        problems.append(("language", "Choose one of the languages."))
    if problems:
        raise TextError(problems)
    row = consent_texts.add(
        session,
        site_id=site.id,
        purpose=purpose,
        language=language,
        version=version,
        text=text,
        staff_id=actor.staff_id,
        now=now,
    )
    audit.record(session, actor, "consent text added", site, now, reason=f"{purpose} {language} {version}")
    return row


def _version_problems(session: Session, site: Site, purpose: Purpose, language: str, version: str) -> list[str]:
    if not _VERSION.fullmatch(version):
        return ["The version is a short name of letters, digits, dots and dashes, such as 2026.1."]
    if version in consent.shipped_versions(consent.Purpose(purpose.value)):
        return ["This version came with the product: name yours otherwise."]
    taken = {(row.purpose, row.language, row.version) for row in consent_texts.everything(session, site.id)}
    return (
        ["This version is there already; a version is never changed."] if (purpose, language, version) in taken else []
    )


def standing(session: Session, patient: Patient) -> dict[Purpose, Consent]:
    """Return the consents of a patient that are in force, by purpose."""
    found = ((purpose, consents.live(session, patient.id, purpose)) for purpose in Purpose)
    return {purpose: row for purpose, row in found if row is not None}


def agree(
    session: Session,
    patient: Patient,
    shown: Document,
    version: str,
    method: str,
    actor: audit.Actor,
    now: datetime,
) -> Consent:
    """Record that a patient agreed on a page to the document it showed; `version` is what the page says it was."""
    if version != shown.version:
        raise StaleError("the text has changed since it was shown")
    return consenting.give(
        session,
        patient,
        Purpose(shown.purpose.value),
        version=shown.version,
        language=shown.language,
        method=method,
        given_at=now,
        actor=actor,
        now=now,
    )


def take_back(session: Session, patient: Patient, purpose: Purpose, actor: audit.Actor, now: datetime) -> bool:
    """Withdraw a consent as the patient wishes, and tell the clinic; False when there was none."""
    if not consenting.withdraw(session, patient, purpose, now, actor, now):
        return False
    tasks.open_task(
        session,
        site_id=patient.site_id,
        kind=TaskKind.STOPPED,
        reason="consent_withdrawn",
        dedupe_key=f"consent_withdrawn|{patient.public_id}|{purpose}|{now:%Y-%m-%dT%H:%M}",
        patient_id=patient.id,
        now=now,
    )
    return True
