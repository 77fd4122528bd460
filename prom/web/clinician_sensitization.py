"""The baseline sensitization record of one procedure as a page: every field, its ranges, its history."""

from dataclasses import dataclass, field
from typing import NamedTuple

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.domain import instruments, sensitization
from prom.services import reviewing, sensitizing, sensitizing_csi
from prom.services.reviewing_views import PatientView
from prom.services.sensitizing import CSI, NOT_DONE, Given, Problem, RefusedError
from prom.services.sensitizing_csi import CsiGiven
from prom.storage import episodes, staff
from prom.storage.models import Answer, Episode
from prom.web import clinician_sensitization_words as words
from prom.web import clinician_words, context, guards
from prom.web.clinician_blueprint import blueprint, not_here, note_read
from prom.web.clinician_blueprint import translated as _

NUMBERS = (*sensitizing.TESTING, *sensitizing.FORMS)
LONGEST = 240


class Source(NamedTuple):
    """Items that came one way on one day: how many, how, when, and their public ids are told elsewhere."""

    how: str
    number: int
    last: Answer


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form."""

    values: dict[str, str]
    items: dict[int, str]
    digits: str = ""
    total: str = ""
    found_on: str = ""
    reason: str = ""
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/patients/<public_id>/sensitization", endpoint="sensitization")
@guards.needs(guards.Permission.PATIENTS)
def show(public_id: str) -> ResponseReturnValue:
    """Show the record of a procedure, the latest unless another is chosen."""
    with context.reading() as session:
        seen, episode = _seen(session, public_id, request.args.get("episode"))
        page = _page(session, seen, episode, _recorded(session, episode))
    note_read(seen.public_id, "sensitization")
    return page


@blueprint.post("/patients/<public_id>/sensitization")
@guards.needs(guards.Permission.PATIENTS)
def save_sensitization(public_id: str) -> ResponseReturnValue:
    """Store what was typed; what is wrong is said at its field and nothing is stored."""
    typed = _from_form()
    if typed.errors:
        return _refused(public_id, typed, ())
    with context.reading() as session:
        # Its own transaction: the try of another site writes an audit row.
        seen, episode = _seen(session, public_id, request.form.get("episode"))
    given = Given(typed.values, CsiGiven(typed.items, typed.digits, typed.total), typed.found_on, typed.reason)
    try:
        stored = _stored(episode, given)
    except RefusedError as refusal:
        return _refused(public_id, typed, refusal.problems)
    flash(_("Recorded.") if stored.changed else _("Nothing was changed."))
    return redirect(url_for("clinician.sensitization", public_id=seen.public_id, episode=seen.episode.public_id), 303)


def _stored(episode: Episode, given: Given) -> sensitizing.Stored:
    may_copy = guards.may(guards.Permission.REVIEW)
    with context.writing() as session:
        fresh = episodes.by_ids(session, [episode.id])[0]
        return sensitizing.save(session, fresh, given, context.actor(), context.now(), may_copy=may_copy)


def _refused(public_id: str, typed: Typed, problems: tuple[Problem, ...]) -> ResponseReturnValue:
    typed.errors.update({one.field: words.problem(one) for one in reversed(problems)})
    with context.reading() as session:
        seen, episode = _seen(session, public_id, request.form.get("episode"))
        return _page(session, seen, episode, typed), 422


def _seen(session: Session, public_id: str, episode_id: str | None) -> tuple[PatientView, Episode]:
    sites = context.my_site_ids(session)
    seen = reviewing.patient_view(session, episode_id or public_id, sites, context.now())
    if seen is None or public_id not in {seen.public_id, seen.episode.public_id}:
        not_here(public_id)
    episode = episodes.by_public_id(session, seen.episode.public_id, sites)
    if episode is None:
        abort(404)
    return seen, episode


def _recorded(session: Session, episode: Episode) -> Typed:
    """Return what is in force. A total is told beside its field, never in it: typing digits would contradict it."""
    held = sensitizing_csi.held(session, episode)
    items = {item: str(row.value) for (kind, item), row in held.items() if kind == CSI and row.value is not None}
    return Typed(
        values=sensitizing.recorded(session, episode),
        items={number: items.get(number, "") for number in sensitizing_csi.ITEMS},
    )


def _from_form() -> Typed:
    form = request.form
    ticked = set(form.getlist("not_done"))
    names = [name for name in (*sensitizing.FINDINGS, *sensitizing.FACTS, CSI) if name in form]
    values = {name: form[name].strip()[:LONGEST] for name in names}
    # A value beside a ticked "not done" is an error to be seen, not a value to be dropped.
    both = {name for name in names if name in ticked and values[name] not in {"", NOT_DONE}}
    return Typed(
        values=values | dict.fromkeys((name for name in names if name in ticked - both), NOT_DONE),
        items={n: form[f"csi_{n:02d}"] for n in sensitizing_csi.ITEMS if f"csi_{n:02d}" in form},
        digits=form.get("csi_digits", "")[:LONGEST],
        total=form.get("csi_total", "")[:LONGEST],
        found_on=form.get("found_on", ""),
        reason=form.get("reason", "")[:LONGEST],
        errors=dict.fromkeys(both, _("A value and “not done” cannot both stand.")),
    )


def _page(session: Session, seen: PatientView, episode: Episode, typed: Typed) -> str:
    histories = sensitizing.histories(session, episode)
    return render_template(
        "clinician/sensitization.html",
        seen=seen,
        typed=typed,
        late=sensitizing.is_late(episode, seen.episode.time_zone, context.now()),
        may_copy=guards.may(guards.Permission.REVIEW),
        recorded=_recorded(session, episode),
        sources=_sources(session, episode),
        histories=histories,
        who={one.public_id: one.name or one.email for one in staff.everyone(session, None)},
        labels=words.labels(),
        hints=words.hints(),
        options=words.options(),
        ranges=sensitization.RANGES,
        groups=words.groups(),
        topics=instruments.CSI_TOPICS,
        names=clinician_words.findings(),
        not_done=NOT_DONE,
        section="clinician.patients",
    )


def _sources(session: Session, episode: Episode) -> list[Source]:
    """Return how the questionnaire came in: each way with the number of its items."""
    ways: dict[str, list[Answer]] = {}
    for row in sensitizing_csi.held(session, episode).values():
        if row.value is not None:
            ways.setdefault(row.source.value, []).append(row)
    return [
        Source(clinician_words.ways().get(way, way), len(rows), max(rows, key=lambda row: row.answered_at))
        for way, rows in ways.items()
    ]
