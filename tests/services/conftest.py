"""The people of the tests as fixtures, each enrolled in a transaction of its own."""

from types import SimpleNamespace

import pytest

from prom.messaging.simulated import SimulatedGateway
from tests import outbox, people


def _enrolled(store, enrol, site, now):
    with store.writing() as session:
        return enrol(session, site, now)


@pytest.fixture
def asha(store, site, now):
    """Return Asha's episode, ten days ahead."""
    return _enrolled(store, people.asha, site, now)


@pytest.fixture
def bikash(store, site, now):
    """Return Bikash's episode, ten days ahead."""
    return _enrolled(store, people.bikash, site, now)


@pytest.fixture
def chitra(store, site, now):
    """Return Chitra's episode, ten days ahead."""
    return _enrolled(store, people.chitra, site, now)


@pytest.fixture
def devi(store, site, now):
    """Return Devi's episode, ten days ahead; she has withdrawn her consent to texts."""
    return _enrolled(store, people.devi, site, now)


@pytest.fixture
def dr_rao(store, site, now):
    """Return the clinician."""
    return _enrolled(store, people.dr_rao, site, now)


@pytest.fixture
def mina(store, site, now):
    """Return the coordinator."""
    return _enrolled(store, people.mina, site, now)


@pytest.fixture
def wired_clock(store):
    """Return a maker of what a job needs: the store, and a clock that stands at an instant."""

    def at(instant):
        return SimpleNamespace(store=store, clock=SimpleNamespace(now=lambda: instant))

    return at


@pytest.fixture
def phones(instance, now):
    """Return the simulated phones, at the tests' time."""
    gateway = SimulatedGateway(instance / "simulated.db", lambda: now)
    yield gateway
    gateway.close()


@pytest.fixture
def settings(instance):
    """Return settings of a rehearsal with a rate too high to be felt."""
    return outbox.settings(instance)
