"""Cohort pages that are narrowed: counted within the page while that is quick, or asked for and counted by the job.

A bounded number is kept. A page that is older than the cohort is shown with its own data cut-off, and asked for again.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from prom.services import comparing_assembling as assembling
from prom.services import comparing_cohort as cohorts
from prom.services import comparing_counted as counts
from prom.services import comparing_filters as filtering
from prom.services import comparing_fitted as fits
from prom.services import comparing_projection as projection
from prom.services import comparing_snapshots as snapshots
from prom.services import comparing_tally as tallies
from prom.services import packing
from prom.services.comparing_filters import Filters
from prom.services.comparing_loading import nobody
from prom.services.comparing_page import CohortView, Counted, Fitted
from prom.services.comparing_projection import Manifest, Place
from prom.storage import cohort_pages as pages

# Up to so many episodes a page counts by itself in some tens of milliseconds.
COUNTED_WITHIN_A_PAGE = 1_000
MOST_ASKED = 20
MOST_KEPT = 40
ASKED, KEPT = "asked|", "narrowed|"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A page that the job has to count: its key, whether it is asked for already, and how many it chooses from."""

    key: str
    asked: bool
    of: int
    scope: tuple[int, ...]


def narrowed(session: Session, known: Manifest, site_ids: Collection[int], filters: Filters) -> CohortView | Waiting:
    """Return a page narrowed to what filters name, or what is waited for."""
    every = sum(n for place, n in known.places.items() if place[0] in site_ids)
    places = _places(known, site_ids, filters)
    if sum(known.places[place] for place in places) <= COUNTED_WITHIN_A_PAGE:
        counted, fitted = _counted(session, known, places, filters)
        return assembling.view(counted, fitted, None, known.made_at, every)
    scope = tuple(sorted(site_ids))
    key = filters.key(str(scope))
    found = pages.snapshot(session, f"{KEPT}{key}")
    if found is None:
        return Waiting(key, pages.snapshot(session, f"{ASKED}{key}") is not None, every, scope)
    first, second = json.loads(found.content)
    counted, fitted = packing.unpacked(Counted, first), packing.unpacked(Fitted, second)
    return assembling.view(counted, fitted, None, fitted.as_of, every)


def _places(known: Manifest, site_ids: Collection[int], filters: Filters) -> frozenset[Place]:
    return frozenset(place for place in known.places if place[0] in site_ids and filters.procedure in {None, place[1]})


def _counted(session: Session, known: Manifest, places: Collection[Place], filters: Filters) -> tuple[Counted, Fitted]:
    whole, parts = tallies.nothing(), [nobody(known.made_at)]
    step = projection.one_in(known, places, snapshots.MOST_FITTED)
    for block in projection.each(session, known, places):
        part = filtering.chosen(block, filters)
        whole = whole + tallies.tally(part, filters.at_least)
        parts.append(projection.thinned(part, step))
    few = cohorts.joined(parts).ordered()
    counted = counts.counted(whole, filters.threshold, filters.at_least)
    fitted = snapshots.named(session, fits.fitted(few, filters.threshold, filters.at_least))
    return counted, snapshots.told_of(fitted, few.size, counted.n)


def ask(session: Session, waiting: Waiting, filters: Filters, now: datetime) -> None:
    """Ask the job for a page; more than the job can count soon are not taken."""
    asked = pages.marks(session, ASKED)
    if f"{ASKED}{waiting.key}" in asked or len(asked) >= MOST_ASKED:
        return
    content = json.dumps([list(waiting.scope), filters.as_json()])
    pages.keep(session, [(f"{ASKED}{waiting.key}", content)], now, 0)


def outdated(session: Session, site_ids: Collection[int], filters: Filters) -> Waiting | None:
    """Return what to ask for again when a page that was kept has seen less than the cohort by now."""
    known, scope = projection.manifest(session), tuple(sorted(site_ids))
    key = filters.key(str(scope))
    found = pages.snapshot(session, f"{KEPT}{key}")
    if known is None or found is None or found.made_at >= known.made_at:
        return None
    return Waiting(key, asked=False, of=0, scope=scope)


def asked(session: Session) -> bool:
    """Tell whether any page is asked for."""
    return bool(pages.marks(session, ASKED))


def answered(session: Session) -> tuple[list[pages.Kept], frozenset[str], int]:
    """Return the pages that are asked for, the keys to forget, and how far they saw."""
    known = projection.manifest(session)
    wanted = pages.marks(session, ASKED)
    if known is None:
        return [], frozenset(), 0
    made = []
    for key, text in pages.contents(session, list(wanted)).items():
        scope, told = json.loads(text)
        filters = filtering.from_json(told)
        parts = _counted(session, known, _places(known, scope, filters), filters)
        made.append((f"{KEPT}{key.removeprefix(ASKED)}", json.dumps([packing.packed(part) for part in parts])))
    kept = pages.marks(session, KEPT)
    oldest = sorted(kept, key=lambda key: kept[key])
    surplus = oldest[: max(0, len(kept) + len(made) - MOST_KEPT)]
    return made, frozenset(wanted) | (frozenset(surplus) - {key for key, _ in made}), known.watermark
