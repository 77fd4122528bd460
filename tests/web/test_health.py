"""Alive, ready, and counts for a monitor that name nobody."""

import re

from tests import people
from tests.web.signing import text


def test_the_metrics_count_what_waits_and_name_nobody(app, store, site, now):
    with store.writing() as session:
        people.asha(session, site, now)
    answer = app.test_client().get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    page = text(answer)
    assert re.search(r"^prom_texts_due \d+\.0$", page, re.MULTILINE)
    assert 'prom_channel_halted{channel="' in page or "prom_channel_halted" in page
    for secret in ("Asha", "+9190", "main", "R-101"):
        assert secret not in page


def test_health_needs_no_database_answer_and_readiness_needs_a_tick(app):
    assert app.test_client().get("/healthz").get_json() == {"status": "ok"}
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.get_json()["ready"]) == (503, False)
