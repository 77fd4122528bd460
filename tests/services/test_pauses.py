"""A pause begins with a text, ends by itself or by START, and never shortens one that only staff may end."""

from datetime import timedelta

import pytest

from prom.messaging.simulated import SimulatedGateway
from prom.services import conversing, receiving
from prom.storage.models import MessageState, Patient, PromptState
from tests import outbox as people
from tests import replies

WEEK = timedelta(days=7)


@pytest.fixture
def phones(instance, now):
    gateway = SimulatedGateway(instance / "simulated.db", lambda: now)
    yield gateway
    gateway.close()


@pytest.fixture
def asha(store, site, now):
    return replies.asked(store, site, now)


def says(store, asha, body, at):
    with store.writing() as session:
        receiving.receive(session, replies.text(asha.phone, body, at), at)


def standing(store, asha):
    with store.reading() as session:
        patient = session.get_one(Patient, asha.patient.id)
        return patient.paused_until, patient.paused_reason


@pytest.mark.parametrize(
    ("first", "reason"), [("wrong number", "wrong_number"), ("this is her son, she died last week", "death")]
)
def test_a_pause_that_staff_must_end_is_not_shortened_by_a_text(store, asha, now, first, reason):
    says(store, asha, first, now)
    assert standing(store, asha) == (conversing.UNTIL_STAFF_RESUME, reason)
    says(store, asha, "PAUSE", now + timedelta(minutes=5))
    assert standing(store, asha) == (conversing.UNTIL_STAFF_RESUME, reason)
    says(store, asha, "START", now + timedelta(minutes=9))
    assert standing(store, asha) == (conversing.UNTIL_STAFF_RESUME, reason)


def test_a_pause_of_the_patients_own_is_longer_with_the_next_pause(store, asha, now):
    says(store, asha, "PAUSE", now)
    assert standing(store, asha) == (now + WEEK, "asked")
    says(store, asha, "pause", now + timedelta(days=2))
    assert standing(store, asha) == (now + timedelta(days=9), "asked")


def test_a_question_whose_days_outlast_the_pause_is_asked_when_it_ends(store, phones, instance, site, asha, now):
    says(store, asha, "PAUSE", now)
    with store.writing() as session:
        prompt, message = people.add_prompt(
            session, asha.patient, asha.episode, now, key="d14", closes_at=now + timedelta(days=12)
        )
    settings = people.settings(instance)
    people.send(store, phones, settings, now + timedelta(minutes=1))
    waits = people.fresh(store, message)
    assert (waits.state, waits.send_at, waits.reason) == (MessageState.PENDING, now + WEEK, "paused")
    people.send(store, phones, settings, now + WEEK + timedelta(hours=1))
    assert people.fresh(store, message).state is MessageState.ACCEPTED
    assert people.fresh(store, prompt).state is PromptState.ASKED
