"""A procedure done again at the same site and side: an event that ends the course of the earlier one.

What comes after the second procedure says nothing about the first, so the earlier episode must stop there. Staff need
not remember to record it: whoever marks a procedure done, or brings one in from a file, calls this.

The same site and side means: the same procedure, the same target, the same side, and no two different levels. Without a
target nobody can tell, and staff record the event themselves.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby, pairwise

from sqlmodel import Session

from prom.domain import timetable
from prom.services import ending, watching
from prom.storage import audit, episodes
from prom.storage.models import Episode, EpisodeState, Event, EventKind, Patient

NOTE = "the same procedure was done again"


def propose(session: Session, new_episode: Episode, now: datetime, actor: audit.Actor = audit.CLOCK) -> list[Event]:
    """Record a repeat on the earlier procedure that a new one repeats, judge it anew, and return the events."""
    return propose_all(session, [new_episode], now, actor)


def propose_all(
    session: Session, new_episodes: Iterable[Episode], now: datetime, actor: audit.Actor = audit.CLOCK
) -> list[Event]:
    """Record the repeats that some new procedures make, in whatever order they were brought in."""
    fresh = [one for one in new_episodes if one.state is EpisodeState.DONE]
    if not fresh:
        return []
    found: list[Event] = []
    theirs = sorted(episodes.of_patients(session, [one.patient_id for one in fresh]), key=lambda one: one.patient_id)
    for _, rows in groupby(theirs, key=lambda one: one.patient_id):
        found += _of_patient(session, [one for one in rows if one.state is EpisodeState.DONE], now, actor)
    watching.refresh(session, {event.episode_id for event in found}, now)
    return found


def _of_patient(session: Session, done: Sequence[Episode], now: datetime, actor: audit.Actor) -> list[Event]:
    found = []
    for course in _same_place(done):
        zone = session.get_one(Patient, course[0].patient_id).time_zone
        for earlier, later in pairwise(course):
            on = timetable.local(later.procedure_at, zone).date()
            if on == timetable.local(earlier.procedure_at, zone).date():
                continue
            known = {event.kind for event in episodes.events(session, [earlier.id]) if event.happened_on <= on}
            # A repeat, surgery or explant recorded before stops the course already, and may be the better date.
            if known - {EventKind.OPTOUT}:
                continue
            event = ending.record(session, earlier, EventKind.REPEAT, on, actor, now, note=NOTE)
            found += [event] if event is not None else []
    return found


def _same_place(done: Sequence[Episode]) -> list[list[Episode]]:
    """Return the procedures of one patient at the same site and side, each course by time."""
    courses: list[list[Episode]] = []
    for episode in sorted(done, key=lambda one: (one.procedure_at, one.id)):
        course = next((one for one in courses if is_repeat(one[-1], episode)), None)
        if course is None:
            courses.append([episode])
        else:
            course.append(episode)
    return courses


def is_repeat(earlier: Episode, later: Episode) -> bool:
    """Tell whether two procedures of a patient are the same one at the same site and side."""
    if not _plain(earlier.target) or earlier.patient_id != later.patient_id:
        return False
    levels = {_plain(earlier.level), _plain(later.level)} - {""}
    return _place(earlier) == _place(later) and len(levels) < 2


def _place(episode: Episode) -> tuple[str, str, str]:
    return episode.procedure, _plain(episode.target), episode.side


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
