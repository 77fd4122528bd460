"""Count the narrowed cohort pages that somebody waits for; a look costs one query when nobody does."""

from threading import Event

from prom.services import comparing, comparing_asking
from prom.wiring import App


def run(app: App, _stop: Event) -> str:
    """Count every page that is asked for."""
    with app.store.reading() as session:
        if not comparing_asking.asked(session):
            return "nobody waits"
        made = comparing.answered(session, app.clock.now())
    return f"counted {comparing.stored(app.store, made)}"
