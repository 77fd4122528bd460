"""Fit the mixed models of the cohort pages, once a day: seconds of work, and memory that no page should need.

They are fitted in a reading transaction: replies must still get in meanwhile.
"""

from threading import Event

from prom.services import comparing
from prom.wiring import App


def run(app: App, _stop: Event) -> str:
    """Fit every model anew."""
    now = app.clock.now()
    with app.store.reading() as session:
        counted = comparing.prepared(session, now)
    comparing.stored(app.store, counted)
    with app.store.reading() as session:
        models = comparing.models(session, now)
    return f"fitted {comparing.stored(app.store, models)}"
