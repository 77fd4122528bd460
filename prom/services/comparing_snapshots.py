"""Make the parts of the cohort page ahead of time, so that a page reads a few ready-made rows.

Counted parts are read from tallies and follow every change at once. Fitted parts look at every patient again: of a
large cohort they are made in their own time, and say their own data cut-off. Nothing here is called by a page but
`page`, and the mixed model, which needs statsmodels, is fitted here only.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from sqlmodel import Session

from prom.domain import scoring
from prom.services import comparing_counted as counts
from prom.services import comparing_fitted as fits
from prom.services import comparing_projection as projection
from prom.services import comparing_tally as tallies
from prom.services import packing, similar
from prom.services.comparing_cohort import THRESHOLDS, Cohort
from prom.services.comparing_columns import Columns
from prom.services.comparing_page import Fitted
from prom.services.comparing_pain import Readings
from prom.services.comparing_projection import Manifest, Place, Update
from prom.services.comparing_tally import Tally
from prom.services.comparing_views import Mixed, MixedTerm
from prom.storage import cohort as rows
from prom.storage import cohort_pages as pages
from prom.storage import sites
from prom.storage.cohort_pages import Kept

EVERY = "all"
REST_AN_EPISODE = timedelta(milliseconds=10)
# Models of more episodes than these use an even choice of them.
MOST_FITTED = 200_000


@dataclass(frozen=True, slots=True)
class Group:
    """The episodes of one page: its scope (a site's id, or all), a procedure or all, and where they are kept."""

    scope: str
    procedure: str
    places: frozenset[Place]

    def key(self, part: str, threshold: int) -> str:
        """Return the key of a part of the page at a threshold."""
        return f"{part}|{self.scope}|{self.procedure}|{threshold}"

    @property
    def model_key(self) -> str:
        """Return the key of the mixed model of the page."""
        return f"mixed|{self.scope}|{self.procedure}"


def scope_of(session: Session, site_ids: Collection[int]) -> str | None:
    """Return how a set of sites is named in keys: "all" for all there are, or the only one; None for others."""
    every = {site.id for site in sites.everything(session)}
    if every <= set(site_ids):
        return EVERY
    return str(next(iter(site_ids))) if len(site_ids) == 1 else None


def groups(session: Session, known: Manifest) -> list[Group]:
    """Return every page that is made ahead, all procedures together first."""
    every = [site.id for site in sites.everything(session)]
    scopes = [(EVERY, set(every)), *([(str(one), {one}) for one in every] if len(every) > 1 else [])]
    found = []
    for scope, ids in scopes:
        here = frozenset(place for place in known.places if place[0] in ids)
        found.append(Group(scope, EVERY, here))
        found += [
            Group(scope, procedure, frozenset(place for place in here if place[1] == procedure))
            for procedure in sorted({procedure for _, procedure in here})
        ]
    return found


def counted(session: Session, update: Update) -> Iterator[Kept]:
    """Yield the counted parts of the pages that an update changes."""
    known: dict[Place, Tally] = {}
    for group in groups(session, update.manifest):
        if not (update.whole or group.places & update.places):
            continue
        for place in group.places - known.keys():
            text = update.kept.get(projection.tally_key(place))
            found = projection.tally(session, [place]) if text is None else tallies.unpacked(text)
            known |= {} if found is None else {place: found}
        parts = [known[place] for place in sorted(group.places) if place in known]
        whole = tallies.together(parts or [tallies.nothing()])
        for threshold in THRESHOLDS:
            view = counts.counted(whole, threshold, scoring.CUT_OFF)
            yield group.key("counted", threshold), packing.packed(view)


def due(session: Session, known: Manifest, now: datetime, *, unhurried: bool) -> list[Group]:
    """Return the pages whose fitted parts lag behind their counts; unhurried, only those that have rested enough."""
    marks = pages.marks(session, "fitted|")
    sizes = known.places
    found = []
    for group in groups(session, known):
        made_at, seen = marks.get(group.key("fitted", THRESHOLDS[0]), (None, -1))
        rest = REST_AN_EPISODE * sum(sizes[place] for place in group.places) if unhurried else timedelta(0)
        if made_at is None or (_lags(made_at, seen, known) and made_at + rest <= now):
            found.append(group)
    return found


def _lags(made_at: datetime, seen: int, known: Manifest) -> bool:
    return seen < known.watermark or made_at < known.made_at


def fitted(session: Session, known: Manifest, chosen: Collection[Group]) -> Iterator[Kept]:
    """Yield the fitted parts of some pages, and the similar patients of their sites and procedures."""
    for group in chosen:
        cohort = projection.read(session, known, group.places, MOST_FITTED)
        if cohort is None:
            continue
        every = sum(known.places[place] for place in group.places)
        for threshold in THRESHOLDS:
            found = told_of(fits.fitted(cohort, threshold, scoring.CUT_OFF), cohort.size, every)
            view = named(session, found)
            yield group.key("fitted", threshold), packing.packed(view)
        if len(group.places) == 1:
            ((site_id, procedure),) = group.places
            yield similar.key(site_id, procedure), _similar(cohort)


def told_of(view: Fitted, used: int, every: int) -> Fitted:
    """Return a fitted part that says so when it stands on an even choice of a very large cohort."""
    if used >= every:
        return view
    told = f"models and patients drawn one by one use an even choice of {used} of {every} episodes"
    return replace(view, warnings=(told, *view.warnings))


def named(session: Session, view: Fitted) -> Fitted:
    """Return a fitted part with public ids in the place of the ids of the few patients it shows one by one."""
    names = rows.public_ids(session, {int(lane.public_id) for lane in view.swimmer})
    lanes = tuple(replace(lane, public_id=names.get(int(lane.public_id), "")) for lane in view.swimmer)
    return replace(view, swimmer=lanes)


def models(session: Session, known: Manifest) -> Iterator[Kept]:
    """Yield the mixed model of every page."""
    for group in groups(session, known):
        cohort = projection.read(session, known, group.places, MOST_FITTED)
        if cohort is not None:
            yield group.model_key, packing.packed(_mixed(cohort.waning, cohort.readings))


def _mixed(of: Columns, readings: Readings) -> Mixed:
    from prom.statistics import mixed

    csi = of.csi
    known = ~np.isnan(csi[readings.who])
    who = readings.who[known]
    if not who.size:
        return Mixed((), 0, 0, 0, "no answers of patients with a complete CSI")
    fit = mixed.fit(who, readings.day[known].astype(np.float64), readings.nrs[known], csi[who])
    if isinstance(fit, mixed.NotFitted):
        return Mixed((), int(who.size), 0, 0, fit.reason)
    terms = tuple(MixedTerm(one.name, one.coef, one.low, one.high, one.p) for one in fit.terms)
    return Mixed(terms, fit.answers, fit.patients, fit.patients_used, "")


def _similar(cohort: Cohort) -> str:
    of, at = cohort.waning, cohort.readings.at_prompts()
    return similar.content(at.nominal, at.nrs, at.who, of.five[at.who], of.halves()[at.who])
