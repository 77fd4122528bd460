"""A link proves itself, tells nothing, and dies when it should."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from prom.services import links
from prom.storage import channels
from prom.storage.models import Patient, Prompt, PromptState
from tests import outbox as people


@pytest.fixture
def one(store, site, now):
    with store.writing() as session:
        return people.waiting(session, site, now)


def found(store, token):
    with store.reading() as session:
        return links.prompt_for(session, token)


def alive(store, one, at):
    with store.reading() as session:
        return links.alive(session, session.get(Prompt, one.prompt.id), at)


def change(store, row, **values):
    with store.writing() as session:
        stored = session.get(type(row), row.id)
        for name, value in values.items():
            setattr(stored, name, value)


def test_a_token_is_letters_and_digits_only_and_finds_its_prompt(store, one):
    token = links.token(store.vault, one.prompt)
    assert re.fullmatch("[A-Za-z0-9]{30}", token)
    assert found(store, token).id == one.prompt.id


def test_a_token_of_other_keys_or_one_letter_off_finds_nothing(store, one):
    token = links.token(store.vault, one.prompt)
    other = replace(store.vault, link_key=b"x" * 32)
    assert found(store, links.token(other, one.prompt)) is None
    for place in range(len(token)):
        wrong = "0" if token[place] != "0" else "1"
        assert found(store, token[:place] + wrong + token[place + 1 :]) is None


def test_a_new_number_kills_the_links_of_the_old_one(store, one):
    token = links.token(store.vault, one.prompt)
    with store.writing() as session:
        assert links.renew(session, session.get(Patient, one.patient.id)) == 1
    assert found(store, token) is None
    assert found(store, links.token(store.vault, people.fresh(store, one.prompt))).id == one.prompt.id


@pytest.mark.parametrize(
    "token", ["", "x", "\u0967" * 30, "a" * 29, "a" * 31, "../../../etc/passwd/0123456789", "\x00" * 30]
)
def test_what_is_no_token_finds_nothing(store, one, token):
    assert found(store, token) is None


def test_a_link_lives_in_its_window(store, one, now):
    assert alive(store, one, now)
    assert not alive(store, one, one.prompt.opens_at - timedelta(seconds=1))
    assert not alive(store, one, one.prompt.closes_at)


def test_a_link_lives_fifteen_minutes_after_the_answer(store, one, now):
    change(store, one.prompt, state=PromptState.ANSWERED, answered_at=now)
    assert alive(store, one, now + timedelta(minutes=15) - timedelta(seconds=1))
    assert not alive(store, one, now + timedelta(minutes=15))


@pytest.mark.parametrize("values", [{"withdrawn_on": True}, {"died_on": True}, {"phone_index": None}])
def test_a_link_dies_with_the_follow_up(store, one, now, values):
    change(store, one.patient, **{k: now.date() if v else v for k, v in values.items()})
    assert not alive(store, one, now)


def test_a_link_dies_with_an_opt_out_or_a_cancelled_prompt(store, one, now):
    with store.writing() as session:
        channels.suppress(session, one.patient.phone_index, source="reply", now=now)
    assert not alive(store, one, now)
    with store.writing() as session:
        channels.reopen(session, one.patient.phone_index, now)
    assert alive(store, one, now)
    change(store, one.prompt, state=PromptState.CANCELLED)
    assert not alive(store, one, now)
