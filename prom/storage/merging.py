"""Moving what belongs to one patient's row to another's, when two rows turn out to be one person.

What is sealed with the patient's own key is sealed anew with the other's. Audit rows are never changed: they keep the
key of the row they were written for, which stays for that.
"""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import delete, func, update
from sqlmodel import Session, col, select

from prom.storage import answers
from prom.storage.models import (
    Alert,
    Answer,
    Consent,
    CoTreatment,
    Episode,
    Event,
    Inbound,
    Invitation,
    Message,
    NameIndex,
    Patient,
    Prompt,
    Review,
    Sensitization,
    Task,
)
from prom.storage.session import vault_of
from prom.storage.types import new_public_id

COUNTED: tuple[tuple[str, type[Any]], ...] = (
    ("episodes", Episode),
    ("answers", Answer),
    ("messages", Message),
    ("inbound", Inbound),
    ("consents", Consent),
    ("events", Event),
    ("treatments", CoTreatment),
    ("tasks", Task),
)
# A procedure that is there twice stays with its prompts where it is; all else follows the person.
BY_PERSON: tuple[type[Any], ...] = (Message, Inbound, Consent, Task, Invitation)
BY_EPISODE: tuple[type[Any], ...] = (Prompt, Answer, Event, CoTreatment, Alert)


def counts(session: Session, patient: Patient) -> dict[str, int]:
    """Return how many rows of each kind belong to a patient."""
    return {
        name: session.exec(select(func.count()).select_from(model).where(model.patient_id == patient.id)).one()
        for name, model in COUNTED
    }


def reseal(session: Session, drop: Patient, keep: Patient) -> None:
    """Seal with the kept patient's key what is sealed with the other's and will move."""
    for row in session.exec(select(Message).where(col(Message.patient_id) == drop.id)):
        for column in ("body", "variables", "phone"):
            _sealed_anew(session, row, f"{column}_sealed", f"message|{column}|{row.public_id}", drop, keep)
    for event in session.exec(select(Event).where(col(Event.patient_id) == drop.id)):
        _sealed_anew(session, event, "note_sealed", f"event|note|{event.public_id}", drop, keep)
    for treatment in session.exec(select(CoTreatment).where(col(CoTreatment.patient_id) == drop.id)):
        _sealed_anew(session, treatment, "note_sealed", f"cotreatment|note|{treatment.public_id}", drop, keep)
    ids = select(Episode.id).where(col(Episode.patient_id) == drop.id)
    for review in session.exec(select(Review).where(col(Review.episode_id).in_(ids))):
        _sealed_anew(session, review, "note_sealed", f"review|note|{review.public_id}", drop, keep)
    session.flush()


def _sealed_anew(session: Session, row: Any, column: str, place: str, drop: Patient, keep: Patient) -> None:
    sealed = getattr(row, column)
    if sealed is not None:
        vault = vault_of(session)
        setattr(row, column, vault.seal(keep.key_sealed, place, vault.open(drop.key_sealed, place, sealed)))
        session.add(row)


def move(session: Session, drop: Patient, keep: Patient, twins: Collection[int]) -> None:
    """Give the kept patient everything of the other's, but for the procedures that both have."""
    session.flush()
    for model in BY_PERSON:
        _move(session, model, model.patient_id == drop.id, keep)
    for model in BY_EPISODE:
        # The answers, events and reviews of a twin follow one by one. Answers are found by episode.
        theirs = model.episode_id.in_(select(Episode.id).where(col(Episode.patient_id) == drop.id))
        _move(session, model, theirs & model.episode_id.not_in(list(twins)), keep)
    _move(session, Episode, (col(Episode.patient_id) == drop.id) & col(Episode.id).not_in(list(twins)), keep)
    session.expire_all()


def _move(session: Session, model: type[Any], where: Any, keep: Patient) -> None:
    session.execute(update(model).where(where).values(patient_id=keep.id).execution_options(synchronize_session=False))


def forget_name_words(session: Session, patient: Patient) -> None:
    """Let no search by name find a row any more."""
    session.execute(delete(NameIndex).where(col(NameIndex.patient_id) == patient.id))


def new_links(session: Session, episode_ids: Iterable[int]) -> None:
    """Kill the links of the prompts of some procedures: they were sent to another phone."""
    for prompt in session.exec(select(Prompt).where(col(Prompt.episode_id).in_(list(episode_ids)))):
        prompt.nonce = new_public_id()
        session.add(prompt)
    session.flush()


def answers_of(session: Session, episode_id: int) -> list[Answer]:
    """Return all answers of a procedure, those that no longer count included."""
    return list(session.exec(select(Answer).where(col(Answer.episode_id) == episode_id).order_by(col(Answer.id))))


def rebind(session: Session, row: Answer, to: Episode, prompt_id: int | None) -> None:
    """Give an answer to another procedure of the same person, with a new authentication code."""
    row.episode_id, row.patient_id, row.prompt_id = to.id, to.patient_id, prompt_id
    row.mac = answers.mac(vault_of(session), row)
    session.add(row)
    session.flush()


def follow_twin(session: Session, twin: Episode, to: Episode, prompts: dict[int, int]) -> None:
    """Give treatments, events, reviews, texts and the sensitization record of a doubled procedure to the kept one."""
    known = {(row.kind, row.happened_on) for row in _rows(session, Event, to)}
    fresh = [row for row in _rows(session, Event, twin) if (row.kind, row.happened_on) not in known]
    for model in (CoTreatment, Review, Invitation):
        fresh += _rows(session, model, twin)
    if not _rows(session, Sensitization, to):
        fresh += _rows(session, Sensitization, twin)
    for row in fresh:
        row.episode_id = to.id
        if hasattr(row, "patient_id"):
            row.patient_id = to.patient_id
        session.add(row)
    for about_prompt in (Message, Inbound, Task):
        _follow_prompt(session, about_prompt, prompts)
    session.flush()


def _follow_prompt(session: Session, model: type[Any], prompts: dict[int, int]) -> None:
    """Bind what was about a question of the doubled procedure to the same question of the kept one."""
    for row in session.exec(select(model).where(model.prompt_id.in_(list(prompts)))):
        row.prompt_id = prompts[row.prompt_id]
        session.add(row)


def _rows(session: Session, model: type[Any], episode: Episode) -> list[Any]:
    return list(session.exec(select(model).where(model.episode_id == episode.id)))
