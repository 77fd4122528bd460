"""Consent: what may be texted, and what a withdrawal ends."""

from datetime import timedelta

import pytest

from prom.services import consenting
from prom.storage import audit, consents, episodes, messages, plans
from prom.storage.models import MessageState, PromptState, Purpose
from tests import people


def _texts(session, episode):
    rows = [text for prompt in plans.prompts(session, episode.id) for text in messages.of_prompt(session, prompt.id)]
    return [(text.state, text.reason) for text in rows]


def _give(session, episode, now, **changes):
    values = {"version": "2", "language": "en", "method": "paper", "given_at": now, "actor": audit.COMMAND, "now": now}
    patient = episodes.patient_of(session, episode)
    return consenting.give(session, patient, Purpose.TEXTING, **(values | changes))


def test_without_consent_nothing_waits_to_be_sent(store, site, now):
    with store.writing() as session:
        episode = people.asha(session, site, now, consent_sms_at=None)
        assert _texts(session, episode) == []
        assert consenting.texting(session, episodes.patient_of(session, episode)) is None


def test_a_consent_given_later_queues_what_is_planned(store, site, now):
    with store.writing() as session:
        episode = people.asha(session, site, now, consent_sms_at=None)
        given = _give(session, episode, now)
        assert _texts(session, episode) == [(MessageState.PENDING, "")] * 2
        assert _give(session, episode, now).id == given.id


def test_a_consent_of_tomorrow_is_refused(store, asha, now):
    with store.writing() as session, pytest.raises(consenting.ConsentError):
        _give(session, asha, now, given_at=now + timedelta(days=1))


def test_a_withdrawal_holds_back_what_waits_and_keeps_the_row(store, devi, now):
    with store.reading() as session:
        assert _texts(session, devi) == [(MessageState.SUPPRESSED, "consent_withdrawn")] * 2
        (consent,) = consents.of_patient(session, devi.patient_id)
        assert (consent.withdrawn_at, consent.method) == (now, "paper")
        assert {prompt.state for prompt in plans.prompts(session, devi.id)} == {PromptState.PLANNED}


def test_a_new_consent_lets_held_back_texts_wait_again(store, devi, now):
    with store.writing() as session:
        _give(session, devi, now + timedelta(hours=1), given_at=now + timedelta(minutes=30))
        assert _texts(session, devi) == [(MessageState.PENDING, "")] * 2
        assert len(consents.of_patient(session, devi.patient_id)) == 2


def test_withdrawing_twice_says_there_was_nothing_left(store, devi, now):
    with store.writing() as session:
        patient = episodes.patient_of(session, devi)
        assert consenting.withdraw(session, patient, Purpose.TEXTING, now, audit.COMMAND, now) is False


def test_leaving_the_follow_up_ends_every_plan(store, site, asha, now):
    with store.writing() as session:
        second = people.asha(session, site, now, side="right")
        patient = episodes.patient_of(session, asha)
        consenting.withdraw_follow_up(session, patient, now.date(), audit.COMMAND, now)
        for episode in (asha, second):
            assert {prompt.state for prompt in plans.prompts(session, episode.id)} == {PromptState.CANCELLED}
            assert {state for state, _ in _texts(session, episode)} == {MessageState.SUPPRESSED}
        assert patient.withdrawn_on == now.date()


def test_every_change_of_consent_is_in_the_audit_trail(store, devi):
    with store.reading() as session:
        (consent,) = consents.of_patient(session, devi.patient_id)
        actions = [row.action for row in audit.history(session, "consent", consent.public_id)]
        assert actions == ["consent withdrawn: texting", "consent given: texting"]
