"""The verdict on one procedure as the page tells it: headline, badge, rule in words, and the numbers beside it."""

from fractions import Fraction

from prom.domain import relief, scoring
from prom.domain.relief import State
from prom.domain.scoring import CsiResult
from prom.services.reviewing_views import Badge, Csi, Verdict
from prom.services.trajectory import Course
from prom.storage.models import Sensitization

_WATCHED = {State.SUSPECTED_LOSS, State.HELD_BELOW_THRESHOLD, State.NON_RESPONDER}
_GOOD = {State.SUSTAINED_RESPONDER, State.IN_RELIEF_ONGOING}
Replies = tuple[int, int, int]


def badge(verdict: relief.Relief) -> Badge:
    """Return the badge of a verdict at its own threshold: a loss of 50 % relief is amber, of 30 % red."""
    if isinstance(verdict, relief.Lost):
        return Badge.AMBER if verdict.threshold == relief.WANING_PERCENT else Badge.RED
    return badge_of_state(verdict.state)


def badge_of_state(state: State) -> Badge:
    """Return the badge of a state without a confirmed loss."""
    if state in _WATCHED:
        return Badge.WATCH
    return Badge.GOOD if state in _GOOD else Badge.NONE


def leading(waning: relief.Relief, loss: relief.Relief) -> relief.Relief:
    """Return the verdict that is told first: a loss of 30 % before one of 50 %, else the one at 50 %."""
    return loss if isinstance(loss, relief.Lost) else waning


def headline(verdict: relief.Relief) -> str:
    """Return a verdict in a few words, with the day of a loss."""
    match verdict:
        case relief.Lost(threshold=relief.LOSS_PERCENT):
            return f"Relief lost at day {verdict.lost_by_day}"
        case relief.Lost():
            return f"Relief waning since day {verdict.lost_by_day}"
        case relief.Holding(state=State.SUSPECTED_LOSS):
            return f"Loss suspected since day {verdict.pending_bad_day}"
    return relief.state_label(verdict.state)


def verdict(course: Course, replies: Replies) -> Verdict:
    """Return the verdict on a course, with how many questions were answered, asked, and not sent."""
    waning, loss = course.verdict(relief.WANING_PERCENT), course.verdict(relief.LOSS_PERCENT)
    first, readings, baseline = leading(waning, loss), course.readings, course.baseline
    mean = None if baseline is None else baseline.mean
    latest = (readings[-1].day, readings[-1].nrs) if readings else None
    held = first.last_held_day if isinstance(first, relief.Lost | relief.Holding) else None
    return Verdict(
        headline=headline(first),
        rule=relief.rule_in_words(first),
        badge=badge(first),
        state_50=waning.state.value,
        state_30=loss.state.value,
        badge_50=badge(waning),
        badge_30=badge(loss),
        rule_50=relief.rule_in_words(waning),
        rule_30=relief.rule_in_words(loss),
        baseline=None if mean is None else float(mean),
        latest=latest,
        relief_latest=percent(mean, None if latest is None else latest[1]),
        relief_best=percent(mean, min((reading.nrs for reading in readings), default=None)),
        lost_between=(first.last_held_day, first.lost_by_day) if isinstance(first, relief.Lost) else None,
        last_held_day=held,
        days_of_silence=course.stopped[0] - (readings[-1].day if readings else 0),
        flares=first.flares if isinstance(first, relief.Lost | relief.Holding) else (),
        answered=replies[0],
        asked=replies[1],
        not_sent=replies[2],
    )


def percent(baseline: Fraction | None, nrs: int | None) -> float | None:
    """Return relief in percent of baseline, or None when there is nothing to compare."""
    if baseline is None or nrs is None:
        return None
    found = relief.relief_percent(baseline, nrs)
    return None if found is None else float(found)


def csi(result: CsiResult) -> Csi:
    """Return a scored questionnaire as the page tells it."""
    return Csi(
        low=result.min_total,
        high=result.max_total,
        answered=result.answered,
        band=result.severity,
        words=scoring.csi_at_least(result),
        reaches_40=result.ge40,
    )


def csi_result(record: Sensitization | None) -> CsiResult | None:
    """Return the baseline questionnaire of a sensitization record, or None when there is none."""
    if record is None or record.csi_min is None or record.csi_max is None:
        return None
    return scoring.csi_from_bounds(record.csi_answered, record.csi_min, record.csi_max)


def csi_of(record: Sensitization | None) -> Csi | None:
    """Return the baseline questionnaire of a record as the page tells it."""
    result = csi_result(record)
    return None if result is None else csi(result)
