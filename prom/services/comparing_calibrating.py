"""What similar patients of the clinic did: who counts as similar, and whether the expectation came true.

Sources:
    [P] Similar: the same procedure and CSI band, widened to the same side of the cut-off and then to all, until 20
        patients held relief beyond the landmark and 5 of them lost it later: our own definition, version 1. The
        methods have their sources in prom/statistics/landmark.py.
"""

import numpy as np

from prom.domain import procedures
from prom.services.comparing_columns import FIVE, PROCEDURES, TWO, Columns, Flags, Floats, Ints
from prom.services.comparing_figures import Bands
from prom.services.comparing_views import Calibration, CalibrationRow
from prom.statistics import landmark

FEWEST_PATIENTS = 20
FEWEST_EVENTS = 5
FEWEST_CALIBRATED = 50
PARTS = 5


def enough(n: int, events: int) -> bool:
    """Tell whether a group carries an expected course."""
    return n >= FEWEST_PATIENTS and events >= FEWEST_EVENTS


def calibration(of: Columns, two: Bands, five: Bands) -> Calibration:
    """Return expected against observed relief at the horizon, of a cohort of one procedure."""
    held = np.unique(of.procedure)
    windows = procedures.PROCEDURES[PROCEDURES[held[0]]].relief if held.size == 1 else None
    if windows is None:
        told = "choose one procedure: horizons differ between procedures" if held.size > 1 else "no procedure yet"
        return Calibration(0, 0, 0, (), told)
    start, end = windows.response_closes, windows.horizon
    members = of.responder
    time, lost = of.time[members], of.lost[members]
    groups = _groups(time, lost, start, two.place[members], five.place[members])
    predicted = landmark.held_out(groups, time, lost, start, end)
    n = int(np.isfinite(predicted).sum())
    if n < FEWEST_CALIBRATED:
        told = f"{n} patients with an expectation from the others; shown from {FEWEST_CALIBRATED}"
        return Calibration(start, end, n, (), told)
    rows = landmark.calibration(predicted, time, lost, end, parts=PARTS)
    return Calibration(
        start,
        end,
        n,
        tuple(CalibrationRow(r.n, r.events, r.predicted, r.observed, r.low, r.high) for r in rows),
        "",
    )


def _groups(time: Floats, lost: Flags, start: float, two: Ints, five: Ints) -> list[tuple[Flags, Flags]]:
    """Return (patients, those they are compared with): the narrowest group of each patient that carries it."""
    beyond = time > start
    left = np.ones(time.size, dtype=np.bool_)
    groups = [five == place for place in range(len(FIVE))] + [two == place for place in range(len(TWO))]
    found = []
    for members in (*groups, np.ones(time.size, dtype=np.bool_)):
        if enough(int((members & beyond).sum()), int((members & beyond & lost).sum())):
            found.append((members & left, members))
            left &= ~members
    return found
