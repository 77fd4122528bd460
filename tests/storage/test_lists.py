"""The page of a list is the same whether the few are sorted or the many walked."""

from datetime import timedelta

import pytest

from prom.services import watching
from prom.storage import lists
from tests import people

STATES = ["pending_response", "undetermined_response", "non_responder"]


@pytest.fixture
def many(store, site, now):
    """Return the ids of twelve judged procedures, the newest first."""
    with store.writing() as session:
        made = [
            people.asha(
                session, site, now, record_number=f"R-{place}", phone=f"+9190070{place:05d}",
                procedure_at=now - timedelta(days=100 + 7 * (place % 5), minutes=place), done=True,
            )
            for place in range(12)
        ]  # fmt: skip
        watching.refresh(session, [one.id for one in made], now)
    return [one.id for one in sorted(made, key=lambda one: (one.procedure_at, one.id), reverse=True)]


@pytest.mark.parametrize("walked_from", [0, 10_000])
def test_both_ways_give_the_newest_first_page_by_page(store, site, many, monkeypatch, walked_from):
    monkeypatch.setattr(lists, "WALKED_FROM", walked_from)
    with store.reading() as session:
        found, total = lists.page(session, [site.id], states=STATES, offset=0, limit=5)
        rest, _ = lists.page(session, [site.id], states=STATES, offset=5, limit=50)
        assert (found + rest, total) == (many, 12)
        assert lists.page(session, [site.id], states=["early_loss"], offset=0, limit=5) == ([], 0)
        assert lists.page(session, [site.id + 1], states=STATES, offset=0, limit=5) == ([], 0)
        assert lists.page(session, [site.id], offset=0, limit=50) == (many, 12)
