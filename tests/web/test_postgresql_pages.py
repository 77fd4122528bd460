"""Every page a reader can reach by links opens on PostgreSQL too: it is stricter about queries than SQLite."""

from dataclasses import replace

import pytest

from prom import config, wiring
from prom.app import create_app
from prom.clock import Clock
from prom.messaging.simulated import SimulatedGateway
from prom.services import comparing
from prom.storage import sites, staff
from prom.storage.models import Role
from tests import people as persons
from tests.browser import pages
from tests.web import clinician_patients as known
from tests.web import desk
from tests.web.conftest import PASSWORD

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(240)]
STARTS = {
    "coordinator": ["/todo", "/enrol", "/enrol/list", "/data", "/reports", "/me", "/patients"],
    "clinician": ["/clinic", "/cohort", "/cohort?side=left&bands=five", "/patients?show=lost", "/settings/wordings"],
    "admin": ["/admin/users", "/admin/sites", "/admin/system", "/settings", "/cohort", "/reports", "/data"],
    "auditor": ["/admin/audit"],
}


class Noting:
    """A client that notes what answered with an error of ours."""

    def __init__(self, client):
        self.client, self.broken = client, []

    def get(self, address):
        answer = self.client.get(address)
        if answer.status_code >= 500:
            self.broken.append((address, answer.status_code))
        return answer


@pytest.fixture
def served(postgres_store, instance, now, password_hash):
    """Return an app on PostgreSQL with patients who lost relief and something in the queue."""
    settings = config.read({"PROM_INSTANCE": str(instance), "PROM_TOTP": "off"})
    clock = Clock(instance, movable=True)
    clock.move_to(now)
    gateway = SimulatedGateway(instance / "simulated.db", clock.now)
    with postgres_store.writing() as session:
        site = sites.add(session, "main", "Asha Clinic", "Asia/Kolkata")
        for role in Role:
            mine = None if role in {Role.ADMIN, Role.AUDITOR} else site.id
            account = staff.add(session, f"{role.value}@clinic.example", role.value, role, mine, now)
            account.password = password_hash
    known.cohort(postgres_store, now, each=6)
    asha = desk.done(postgres_store, persons.asha, site, now)
    desk.asked(postgres_store, asha)
    desk.texted(postgres_store, persons.ASHA_PHONE, "maybe six or seven", now)
    with postgres_store.writing() as session:
        persons.bikash(session, site, now, procedure_at=now)
        comparing.refresh_snapshots(session, now)
    app = create_app(replace(wiring.App(settings, postgres_store, gateway, clock)))
    app.config.update(WTF_CSRF_ENABLED=False)
    yield app
    gateway.close()


@pytest.mark.parametrize("role", list(STARTS))
def test_no_page_of_a_role_breaks(served, role):
    client = served.test_client()
    answer = client.post("/login", data={"email": f"{role}@clinic.example", "password": PASSWORD})
    assert answer.status_code == 302
    noting = Noting(client)
    found = pages.crawl(served, noting, STARTS[role], each_route=2)
    assert noting.broken == []
    assert len(found) >= len(STARTS[role]) - 1, sorted(found)
