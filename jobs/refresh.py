"""Keep the projections: relief states that time alone changes, and the snapshots of the cohort page."""

from threading import Event

from prom.services import comparing, watching
from prom.wiring import App


def run(app: App, _stop: Event) -> str:
    """Judge anew what may have changed since, and make the cohort pages anew if anything did."""
    now = app.clock.now()
    with app.store.writing() as session:
        judged = watching.refresh_stale(session, now)
    # The figures are computed in a reading transaction: on SQLite a writing one would keep replies waiting.
    with app.store.reading() as session:
        pages = comparing.prepared(session, now, unhurried=True)
    with app.store.writing() as session:
        kept = comparing.keep(session, pages)
    return f"judged {judged}, pages {kept}"
