"""A wired app on the test database, and clients signed in by role."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from prom import config, wiring
from prom.app import create_app
from prom.clock import Clock
from prom.messaging.simulated import SimulatedGateway
from prom.services import signing_in
from prom.storage import staff
from prom.storage.models import Role, Staff

PASSWORD = "plenty of quiet knees"


@pytest.fixture
def wired(store, instance):
    """Return the wired app of the test instance: simulated gateway, no second factor, real clock."""
    settings = config.read({"PROM_INSTANCE": str(instance), "PROM_TOTP": "off"})
    clock = Clock(instance, movable=True)
    gateway = SimulatedGateway(instance / "simulated.db", clock.now)
    yield wiring.App(settings, store, gateway, clock)
    gateway.close()


@pytest.fixture
def app(wired, now) -> Flask:
    """Return the Flask app, its clock moved to the tests' time."""
    wired.clock.move_to(now)
    flask_app = create_app(wired)
    flask_app.config.update(TESTING=False, WTF_CSRF_ENABLED=False)
    return flask_app


@pytest.fixture
def app_with(wired) -> Callable[..., Flask]:
    """Return a maker of apps on the same database with other settings, as in the environment."""

    def make(**environ: str) -> Flask:
        settings = config.read({"PROM_INSTANCE": str(wired.settings.instance), "PROM_TOTP": "off"} | environ)
        flask_app = create_app(replace(wired, settings=settings))
        flask_app.config.update(TESTING=False, WTF_CSRF_ENABLED=False)
        return flask_app

    return make


@pytest.fixture
def account(store, site, now, password_hash) -> Staff:
    """Return a coordinator's account with the password PASSWORD."""
    with store.writing() as session:
        row = staff.add(session, "mina@clinic.example", "Mina", Role.COORDINATOR, site.id, now)
        row.password = password_hash
    return row


@pytest.fixture(scope="session")
def password_hash() -> str:
    """Return the hash of PASSWORD: argon2id is slow on purpose, once a session is enough."""
    return signing_in.hash_password(PASSWORD)


@pytest.fixture
def client_as(app, store, site, now, password_hash) -> Callable[..., FlaskClient]:
    """Return a maker of clients signed in as a role, of the site "main" unless told."""

    def make(role: str, site_id: int | None = None) -> FlaskClient:
        email = f"{role}{site_id or ''}@clinic.example"
        with store.writing() as session:
            if staff.by_email(session, email) is None:
                mine = None if role in {"admin", "auditor"} else site_id or site.id
                account = staff.add(session, email, role.title(), Role(role), mine, now)
                account.password = password_hash
        client = app.test_client()
        answer = client.post("/login", data={"email": email, "password": PASSWORD})
        assert answer.status_code == 302, answer.get_data(as_text=True)
        return client

    return make
