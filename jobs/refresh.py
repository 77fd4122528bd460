"""Keep the projections: relief states that time alone changes, and the ready-made pages of the cohort.

The pages are made in a reading transaction: a large cohort takes seconds, in which replies must still get in.
"""

from threading import Event

from prom.services import comparing, watching
from prom.wiring import App


def run(app: App, _stop: Event) -> str:
    """Judge anew what may have changed, then make the pages that it changes."""
    now = app.clock.now()
    with app.store.writing() as session:
        judged = watching.refresh_stale(session, now)
    with app.store.reading() as session:
        pages = comparing.prepared(session, now, unhurried=True)
    if not pages.pages:
        return f"judged {judged}"
    with app.store.writing() as session:
        return f"judged {judged}, pages {comparing.keep(session, pages)}"
