"""Keep the projections: relief states that time alone changes, and the ready-made parts of the cohort's pages.

All is read in reading transactions: a large cohort takes seconds, in which replies must still get in.
"""

from threading import Event

from prom.services import comparing, watching
from prom.wiring import App


def run(app: App, _stop: Event) -> str:
    """Judge anew what may have changed, then bring the parts of the pages that it changes up to date."""
    now = app.clock.now()
    with app.store.writing() as session:
        judged = watching.refresh_stale(session, now)
    with app.store.reading() as session:
        counted = comparing.prepared(session, now)
    stored = comparing.stored(app.store, counted)
    with app.store.reading() as session:
        fitted = comparing.fitted(session, now, unhurried=True)
    stored += comparing.stored(app.store, fitted)
    return f"judged {judged}, stored {stored}" if stored else f"judged {judged}"
