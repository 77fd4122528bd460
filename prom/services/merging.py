"""Two records of one person become one: everything moves to the record that is kept.

The other row stays, without phone and outside every search by name, so that its audit rows can be read and its record
number still finds the person. A procedure that both records have becomes one: its answers are kept, at most one of each
counts. Records of two sites are never merged. A merge cannot be taken back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from prom.services import consenting, entering, planning, replanning, watching
from prom.storage import audit, channels, consents, desk, episodes, patients, plans
from prom.storage import merging as rows
from prom.storage.models import Answer, AnswerState, Episode, EpisodeState, Patient, Prompt, PromptState, Purpose
from prom.storage.vault import normalised

MERGED = "merged"
MOST_CANDIDATES = 10
_NOT_ASKED = (PromptState.PLANNED, PromptState.NOT_SENT)
_WAITING = (PromptState.ASKED, PromptState.PARTLY)
Twin = tuple[Episode, Episode]


class MergeError(ValueError):
    """Two records that cannot be merged; the message says why in plain words."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a merge would do: what moves, which procedures are there twice, what differs between the records."""

    keep: Patient
    drop: Patient
    moves: dict[str, int]
    twins: tuple[Twin, ...]
    differs: tuple[tuple[str, str, str], ...]


def candidates(session: Session, patient: Patient) -> list[Patient]:
    """Return the records of the same site that may be the same person: the same phone, or the same name."""
    found: dict[int, Patient] = {}
    if patient.phone_index is not None:
        found |= {row.id: row for row in patients.by_phone_index(session, patient.phone_index)}
    name = patients.name(session, patient)
    for row in patients.by_name(session, name, [patient.site_id]) if name else []:
        if None in {row.birth_year, patient.birth_year} or row.birth_year == patient.birth_year:
            found[row.id] = row
    return [row for row in found.values() if row.id != patient.id and row.site_id == patient.site_id][:MOST_CANDIDATES]


def preview(session: Session, keep: Patient, drop: Patient) -> Preview:
    """Return what merging would do, or raise MergeError; nothing is stored."""
    _check(keep, drop)
    return Preview(
        keep,
        drop,
        rows.counts(session, drop),
        tuple(_twins(session, keep, drop)),
        tuple(_differences(session, keep, drop)),
    )


def _check(keep: Patient, drop: Patient) -> None:
    if keep.id == drop.id:
        raise MergeError("These are the same record.")
    if keep.site_id != drop.site_id:
        raise MergeError("These records belong to two sites: they are never merged.")
    if keep.merged_into_id is not None or drop.merged_into_id is not None:
        raise MergeError("One of these records was merged already.")


def _differences(session: Session, keep: Patient, drop: Patient) -> list[tuple[str, str, str]]:
    def facts(patient: Patient) -> dict[str, str]:
        return {
            "record_number": patients.record_number(session, patient),
            "name": patients.name(session, patient),
            "phone": patients.phone(session, patient) or "",
            "birth_year": str(patient.birth_year or ""),
            "sex": patient.sex or "",
            "language": patient.language,
            "time_zone": patient.time_zone,
        }

    one, other = facts(keep), facts(drop)
    return [(name, one[name], other[name]) for name in one if normalised(one[name]) != normalised(other[name])]


def _twins(session: Session, keep: Patient, drop: Patient) -> list[Twin]:
    """Return the procedures that both records have, each as (the kept one, the other)."""
    known = {_facts(one): one for one in episodes.of_patient(session, keep.id)}
    theirs = episodes.of_patient(session, drop.id)
    return [(known[_facts(one)], one) for one in theirs if _facts(one) in known]


def _facts(one: Episode) -> tuple[object, ...]:
    words = (one.procedure, one.target, one.side, one.level)
    return (*(normalised(word) for word in words), one.procedure_at)


def merge(session: Session, keep: Patient, drop: Patient, actor: audit.Actor, now: datetime) -> None:
    """Move everything to the record that is kept; the other one becomes a pointer to it."""
    _check(keep, drop)
    for index in sorted({one.phone_index for one in (keep, drop) if one.phone_index is not None}):
        channels.lock_phone(session, index)
    twins = _twins(session, keep, drop)
    moving = [one.id for one in episodes.of_patient(session, drop.id)]
    phone_moves = drop.phone_index is not None and keep.phone_index not in {None, drop.phone_index}
    for kept, twin in twins:
        _same_state(session, kept, twin, actor, now)
        planning.end(session, [twin.id], MERGED)
    rows.reseal(session, drop, keep)
    _record(session, keep, drop, actor, now)
    rows.move(session, drop, keep, [twin.id for _, twin in twins])
    for kept, twin in twins:
        _join(session, kept, twin)
    _take_over(session, keep, drop)
    if phone_moves:
        # Links of the other record are on a phone that is not the person's any more.
        rows.new_links(session, moving)
    _follow_up(session, keep, moving if drop.time_zone != keep.time_zone else [], actor, now)
    watching.refresh(session, [one.id for one in episodes.of_patient(session, keep.id)] + moving, now)


def _same_state(session: Session, kept: Episode, twin: Episode, actor: audit.Actor, now: datetime) -> None:
    """Let the kept procedure stand where the doubled one stands if that is further on; the doubled one is cancelled."""
    if kept.state is EpisodeState.CANCELLED and twin.state is not EpisodeState.CANCELLED:
        planning.reopen(session, kept, actor, now)
    if kept.state is EpisodeState.PLANNED and twin.state is EpisodeState.DONE:
        planning.mark_done(session, kept, twin.procedure_at, actor, now)
    twin.state = EpisodeState.CANCELLED
    session.add(twin)
    session.flush()


def _record(session: Session, keep: Patient, drop: Patient, actor: audit.Actor, now: datetime) -> None:
    numbers = patients.record_number(session, drop), patients.record_number(session, keep)
    change = audit.Change("record number", *numbers)
    audit.record(session, actor, "merged into another record", drop, now, patient=drop, change=change)
    change = audit.Change("merged", "", numbers[0])
    audit.record(session, actor, "a duplicate was merged into this record", keep, now, patient=keep, change=change)


def _join(session: Session, kept: Episode, twin: Episode) -> None:
    """Give the answers and all else of a doubled procedure to the kept one; of each answer at most one counts."""
    by_point = {prompt.time_point: prompt for prompt in plans.prompts(session, kept.id)}
    theirs = plans.prompts(session, twin.id)
    same = {prompt.id: by_point[prompt.time_point] for prompt in theirs if prompt.time_point in by_point}
    taken = {_slot(row) for row in rows.answers_of(session, kept.id) if _holds_slot(row)}
    for row in rows.answers_of(session, twin.id):
        if _holds_slot(row):
            if _slot(row) in taken and row.occasion == "import":
                # The same imported answer is there already.
                continue
            if _slot(row) in taken:
                row.state = AnswerState.SECOND
            taken.add(_slot(row))
        prompt = same.get(row.prompt_id) if row.prompt_id is not None else None
        rows.rebind(session, row, kept, prompt.id if prompt is not None else None)
    rows.follow_twin(session, twin, kept, {prompt_id: prompt.id for prompt_id, prompt in same.items()})
    for prompt in theirs:
        if prompt.id in same:
            _join_prompt(session, same[prompt.id], prompt)


def _holds_slot(row: Answer) -> bool:
    return row.state is AnswerState.CURRENT or row.occasion == "import"


def _slot(row: Answer) -> tuple[object, ...]:
    at = row.answered_at if row.occasion == "import" else None
    return row.occasion, row.instrument, row.series, row.item, at


def _join_prompt(session: Session, kept: Prompt, other: Prompt) -> None:
    """Let a question that was asked or answered under the other record not be asked again under this one."""
    if kept.state in _NOT_ASKED and other.asked_at is not None:
        kept.state, kept.reason = PromptState.ASKED, ""
        kept.asked_at, kept.last_text_at = other.asked_at, other.last_text_at
        plans.hold_back(session, [kept.id], MERGED)
    missing, asked = entering.unanswered(session, kept), kept.questions.split()
    if len(missing) < len(asked) and kept.state in {*_NOT_ASKED, *_WAITING, PromptState.MISSED}:
        kept.state = PromptState.PARTLY if missing else PromptState.ANSWERED
        kept.position = asked.index(missing[0]) if missing else len(asked)
        kept.answered_at = kept.answered_at or (None if missing else other.answered_at or other.asked_at)
        plans.hold_back(session, [kept.id], "answered")
    session.add(kept)
    session.flush()


def _take_over(session: Session, keep: Patient, drop: Patient) -> None:
    """Fill what the kept record does not know from the other, and turn the other into a pointer."""
    if keep.phone_index is None:
        patients.set_phone(session, keep, patients.phone(session, drop))
        keep.unusable_reason = drop.unusable_reason
    if not patients.name(session, keep):
        patients.set_name(session, keep, patients.first_name(session, drop), patients.last_name(session, drop))
    keep.birth_year = keep.birth_year or drop.birth_year
    keep.sex = keep.sex or drop.sex
    keep.died_on = keep.died_on or drop.died_on
    keep.withdrawn_on = keep.withdrawn_on or drop.withdrawn_on
    if drop.paused_until is not None and (keep.paused_until is None or keep.paused_until < drop.paused_until):
        keep.paused_until, keep.paused_reason = drop.paused_until, drop.paused_reason
    patients.set_phone(session, drop, None)
    drop.merged_into_id = keep.id
    rows.forget_name_words(session, drop)
    session.add_all([keep, drop])
    session.flush()


def _follow_up(session: Session, keep: Patient, elsewhere: Sequence[int], actor: audit.Actor, now: datetime) -> None:
    """Bring consent, plans and waiting texts of the joined record in order; some were laid out in another zone."""
    everything = episodes.of_patient(session, keep.id)
    _stricter_consent(session, keep, actor, now)
    if keep.died_on is not None or keep.withdrawn_on is not None:
        planning.end(session, [one.id for one in everything], "death" if keep.died_on else consenting.WITHDRAWN)
        return
    if keep.phone_index is not None:
        desk.repoint(session, keep.id, keep.phone_index)
    for one in _open(everything):
        if one.id in elsewhere:
            replanning.apply(session, one, one.procedure_at, keep.time_zone, now)
        planning.queue_texts(session, one, now)


def _open(everything: Sequence[Episode]) -> list[Episode]:
    return [one for one in everything if one.state is not EpisodeState.CANCELLED]


def _stricter_consent(session: Session, keep: Patient, actor: audit.Actor, now: datetime) -> None:
    """Let a withdrawal under either record stand, unless a consent was given after it."""
    texting = [row for row in consents.of_patient(session, keep.id) if row.purpose is Purpose.TEXTING]
    withdrawn = [row.withdrawn_at for row in texting if row.withdrawn_at is not None]
    given = [row.given_at for row in texting if row.withdrawn_at is None]
    if withdrawn and given and max(withdrawn) >= max(given):
        consenting.withdraw(session, keep, Purpose.TEXTING, now, actor, now)
