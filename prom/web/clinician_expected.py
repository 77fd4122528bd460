"""The expected course on a patient's page: a sentence with its numbers and a bar, or why it is absent."""

from dataclasses import dataclass
from datetime import UTC

from prom.charts.figure import percent
from prom.domain import timetable
from prom.services import comparing_expected
from prom.services.comparing_expected import Expected
from prom.storage import episodes
from prom.web import context
from prom.web.clinician_blueprint import blueprint
from prom.web.clinician_blueprint import translated as _

BAR = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """What the block prints: the sentence, the bar's lower limit, mark and upper limit, and the small print."""

    sentence: str
    bar: tuple[int, int, int] | None
    note: str


@blueprint.app_template_global()
def expected_course(public_id: str) -> Shown | None:
    """Return the expected course of an episode of the reader's sites, or None where relief is not judged."""
    with context.reading() as session:
        episode = episodes.by_public_id(session, public_id, context.my_site_ids(session))
        if episode is None:
            return None
        zone = episodes.patient_of(session, episode).time_zone
        found = comparing_expected.expected_course(session, episode.id, context.now())
    return None if found is None else _shown(found, zone)


def _shown(found: Expected, zone: str) -> Shown:
    if found.probability is None or found.low is None or found.high is None:
        return Shown(_("No expected course: %(reason)s.", reason=found.absent), None, _note(found, zone))
    sentence = _(
        "Of %(n)s similar patients of this clinic who still held 50 %% relief after day %(held)s, an estimated "
        "%(share)s (95 %% CI %(low)s to %(high)s) held it to day %(horizon)s; %(events)s lost it.",
        n=found.n,
        held=found.landmark,
        share=percent(found.probability),
        low=percent(found.low),
        high=percent(found.high),
        horizon=found.horizon,
        events=found.events,
    )
    low, mark, high = (round(BAR * share) for share in (found.low, found.probability, found.high))
    return Shown(sentence, (low, mark, high), _note(found, zone))


def _note(found: Expected, zone: str) -> str:
    told = [_("Similar: %(group)s.", group=found.group)] if found.group else []
    if found.as_of is not None:
        at = f"{timetable.local(found.as_of.astimezone(UTC), zone):%Y-%m-%d %H:%M}"
        told.append(_("Definition version %(version)s; data as of %(at)s.", version=found.definition_version, at=at))
    told.append(_("What similar patients did is no promise; how often it came true is on the cohort page."))
    return " ".join(told)
