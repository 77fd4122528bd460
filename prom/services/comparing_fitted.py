"""What looks at every patient of a cohort again: models, the estimate between visits, patients drawn one by one."""

import math

import numpy as np

from prom.domain.relief import State
from prom.services import comparing_calibrating as calibrating
from prom.services import comparing_figures as figures
from prom.services import comparing_pain as pain
from prom.services.comparing_cohort import Cohort
from prom.services.comparing_columns import FIVE, PLACE_OF_STATE, STATES, Columns, Ints
from prom.services.comparing_figures import Bands
from prom.services.comparing_page import Fitted
from prom.services.comparing_views import Between, Box, Hazard, HeatRow, Lane, ScatterPoint, Test
from prom.statistics.cox import Coefficient

# More responders of a band than these make the estimate between visits slower, not sharper.
MOST_INTERVALS = 2_000
MOST_POINTS = 2_000
MOST_ROWS = 320
LANES = 24
_ONGOING = (State.SUSTAINED_RESPONDER, State.HELD_BELOW_THRESHOLD, State.IN_RELIEF_ONGOING)


def fitted(cohort: Cohort, threshold: int, cut_off: int) -> Fitted:
    """Return all that is fitted to a cohort or drawn of its patients at a threshold.

    Lanes carry the episode's id as text, until its public id is put there.
    """
    of = cohort.columns[threshold]
    two, five = figures.two_bands(of, cut_off), figures.five_bands(of)
    found = figures.hazards(of, cut_off)
    at = cohort.readings.at_prompts()
    return Fitted(
        as_of=cohort.as_of,
        hazards=_hazards(found),
        hazards_n=found.n,
        hazards_events=found.events,
        warnings=found.warnings,
        between_two=tuple(_between(of, two, name) for name in two.names),
        between_five=tuple(_between(of, five, name) for name in five.names),
        test_two=_interval_test(of, two),
        test_five=_interval_test(of, five),
        points=_points(of, at),
        swimmer=_lanes(of, cohort.readings.last_days()),
        rows=_rows(of, at),
        calibration=calibrating.calibration(of, two, five),
    )


def _hazards(found: figures.Hazards) -> tuple[Hazard, ...]:
    checks = [*found.checks, *([None] * (len(found.coefficients) - len(found.checks)))]
    return tuple(
        _hazard(one, None if check is None else check.p) for one, check in zip(found.coefficients, checks, strict=True)
    )


def _hazard(one: Coefficient, constant_p: float | None) -> Hazard:
    """Return a hazard ratio as the page shows it; an infinite limit is not shown."""
    high = one.high if one.high is None or math.isfinite(one.high) else None
    return Hazard(one.covariate, one.hr, one.low, high, one.p, constant_p)


def _between(of: Columns, bands: Bands, name: str) -> Between:
    found = figures.estimate(of, bands.members(name), MOST_INTERVALS)
    before, boxes = 1.0, []
    for box in found.boxes:
        after = max(before - box.mass, 0.0)
        boxes.append(Box(box.left, box.right if math.isfinite(box.right) else None, before, after))
        before = after
    return Between(name, int(found.n), tuple(boxes))


def _interval_test(of: Columns, bands: Bands) -> Test:
    found = figures.interval_test(of, bands, MOST_INTERVALS * len(bands.names))
    return Test("interval log-rank", found.chi2, found.df, found.p)


def _points(of: Columns, at: pain.Readings) -> tuple[ScatterPoint, ...]:
    found = pain.at_three_months(of, at)
    shown = figures.evenly(np.arange(found.who.size), MOST_POINTS)
    pairs = zip(found.csi[shown].tolist(), found.relief[shown].tolist(), strict=True)
    return tuple(ScatterPoint(int(csi), share) for csi, share in pairs)


def _lanes(of: Columns, last_reading: Ints) -> tuple[Lane, ...]:
    """Return the lanes of the 24 patients with the highest CSI whose response is known, the highest first."""
    csi = of.csi
    settled = of.responder | (of.state == PLACE_OF_STATE[State.NON_RESPONDER.value])
    able = np.flatnonzero(settled & ~np.isnan(csi))
    chosen = able[np.lexsort((of.episode[able], -csi[able]))][:LANES]
    few = of.only(chosen)
    return tuple(_lane(few, place, int(last_reading[one])) for place, one in enumerate(chosen.tolist()))


def _lane(of: Columns, one: int, last: int) -> Lane:
    end = _end(of, one)
    responded = bool(of.responder[one])
    until = (
        float(of.competing_day[one]) if end == "competing" else float(max(last, of.loss[one] if of.lost[one] else 0))
    )
    return Lane(
        public_id=str(of.episode[one]),
        csi=int(of.csi[one]),
        begins=float(of.first_day[one]) if responded else None,
        held_until=float(of.left[one]) if responded else None,
        until=until,
        end=end,
    )


def _end(of: Columns, one: int) -> str:
    state = STATES[of.state[one]]
    if of.lost[one]:
        return "lost"
    if state is State.NON_RESPONDER:
        return "never"
    if of.competing[one]:
        return "competing"
    if state is State.SUSPECTED_LOSS:
        return "suspected"
    return "ongoing" if state in _ONGOING else "silent"


def _rows(of: Columns, at: pain.Readings) -> tuple[tuple[HeatRow, ...], ...]:
    """Return a row for each patient, by band, the longest relief first; none for a cohort too large to draw so."""
    five = of.five
    members = pain.judged(of) & (five >= 0)
    if members.sum() > MOST_ROWS:
        return ((),) * len(FIVE)
    asked = np.unique(of.procedure[pain.judged(of)]).tolist()
    days = sorted({day for place in asked for day, _, safety in pain.GRID.points[place] if not safety})
    level = pain.levels(of, at)[:, pain.GRID.column[days]]
    lasted = np.where(of.responder, of.left, 0.0)
    found = []
    for place in range(len(FIVE)):
        inside = np.flatnonzero(members & (five == place))
        order = inside[np.argsort(-lasted[inside], kind="stable")]
        rows = zip(lasted[order].tolist(), level[order].tolist(), strict=True)
        found.append(tuple(HeatRow(days_held, tuple(row)) for days_held, row in rows))
    return tuple(found)
