"""Pain of similar patients at each time point: same procedure and CSI band, widened while there are fewer than 20.

The percentiles are made by the job that refreshes the cohort's figures and read by the patient's page.
"""

import json
from collections.abc import Iterable

import numpy as np
from sqlmodel import Session

from prom.services.comparing_columns import FIVE, TWO, Floats, Ints
from prom.services.reviewing_views import Csi, Similar, SimilarPoint
from prom.storage import cohort_pages as pages

FEWEST_PATIENTS = 20
FEWEST_ANSWERS = 12
PERCENTILES = (10, 25, 50, 75, 90)
EVERYONE = "all"
_WORDS = {
    EVERYONE: "same procedure, any CSI",
    TWO[0]: "same procedure, CSI below 40",
    TWO[1]: "same procedure, CSI 40 or more",
}


def key(site_id: int, procedure: str) -> str:
    """Return the key of the snapshot of one site and procedure."""
    return f"similar|{site_id}|{procedure}"


def bands_of(csi: Csi | None) -> tuple[str, ...]:
    """Return the bands to look in, the narrowest first."""
    half = () if csi is None or csi.reaches_40 is None else (TWO[int(csi.reaches_40)],)
    return (*(() if csi is None or csi.band is None else (csi.band,)), *half, EVERYONE)


def read(session: Session, site_id: int, procedure: str, csi: Csi | None) -> Similar | None:
    """Return the narrowest group with enough patients, or the widest there is; None before the first snapshot."""
    snapshot = pages.snapshot(session, key(site_id, procedure))
    if snapshot is None:
        return None
    groups = json.loads(snapshot.content)
    found = [(band, groups[band]) for band in bands_of(csi) if band in groups]
    for band, (n, points) in found:
        if n >= FEWEST_PATIENTS or band == EVERYONE:
            words = _WORDS.get(band, f"same procedure and CSI band ({band})")
            return Similar(words, n, tuple(SimilarPoint(*point) for point in points))
    return None


def content(day: Ints, nrs: Floats, whose: Ints, five: Ints, two: Ints) -> str:
    """Return the snapshot: for each band the patients and, at each day with enough answers, the percentiles.

    The arrays hold one answer each: nominal day, score, patient, and the patient's bands.
    """
    groups = {EVERYONE: np.ones(day.size, dtype=np.bool_)}
    groups |= {name: five == place for place, name in enumerate(FIVE)}
    groups |= {name: two == place for place, name in enumerate(TWO)}
    return json.dumps({
        name: [int(np.unique(whose[chosen]).size), list(_points(day[chosen], nrs[chosen]))]
        for name, chosen in groups.items()
    })  # fmt: skip


def _points(day: Ints, nrs: Floats) -> Iterable[list[float]]:
    for nominal in np.unique(day):
        scores = nrs[day == nominal]
        if scores.size >= FEWEST_ANSWERS:
            ends = np.percentile(scores, PERCENTILES)
            yield [int(nominal), int(scores.size), *(round(float(end), 2) for end in ends)]
