"""Fit the mixed models of the cohort pages, once a day: seconds of work, and memory that no page should need.

They are fitted in a reading transaction: replies must still get in meanwhile.
"""

from threading import Event

from prom.services import comparing, comparing_snapshots
from prom.wiring import App


def run(app: App, _stop: Event) -> str:
    """Fit every model anew."""
    now = app.clock.now()
    with app.store.reading() as session:
        models = comparing.Prepared(tuple(comparing_snapshots.packed_models(session, now)), now, 0)
    if not models.pages:
        return "nothing to fit"
    with app.store.writing() as session:
        return f"fitted {comparing.keep(session, models)}"
