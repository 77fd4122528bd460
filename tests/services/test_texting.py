"""Texts that belong to no prompt: a test that a phone can read us, and a word to staff."""

from datetime import timedelta

import pytest

from prom.messaging.gateway import Refused
from prom.services import texting
from prom.services.texting import TextingError
from prom.storage import audit, channels, outbox, patients, staff
from prom.storage.models import Message, MessageState, Role, TaskKind
from tests import outbox as people
from tests.outbox import all_tasks, body, change, fresh, send, sent_to

PHONE = "+919007100001"
DESK = "+919007100099"
NIGHT = timedelta(hours=12)  # 23:30 in Kolkata


@pytest.fixture
def mina(store, site, now):
    with store.writing() as session:
        row = staff.add(session, "mina@clinic.example", "Mina", Role.COORDINATOR, site.id, now)
        staff.set_phone(session, row, DESK)
    return row


def try_phone(store, site, now, language="en"):
    with store.writing() as session:
        return texting.queue_test_text(session, site, PHONE, language, audit.COMMAND, now)


def tell(store, mina, now, key="staff_digest", more=None, name="d1"):
    counts = {"losing": 2, "new": 3, "call": 4} if key == "staff_digest" else {}
    with store.writing() as session:
        return texting.queue_staff_text(session, mina, key, counts | (more or {}), now, name, now + timedelta(hours=3))


def test_a_test_text_leaves_at_once_at_any_hour_in_its_language(store, phones, settings, site, now):
    message = try_phone(store, site, now + NIGHT, "bn")
    send(store, phones, settings, now + NIGHT)
    (got,) = sent_to(phones, PHONE, now)
    assert "পরীক্ষামূলক" in got.body
    assert site.label in got.body
    assert fresh(store, message).state is MessageState.ACCEPTED
    assert body(store, message) == got.body


def test_a_test_text_that_has_not_left_in_fifteen_minutes_never_leaves(store, phones, settings, site, now):
    message = try_phone(store, site, now)
    send(store, phones, settings, now + timedelta(minutes=15))
    assert fresh(store, message).state is MessageState.EXPIRED
    assert sent_to(phones, PHONE, now) == []


def test_a_phone_that_asked_us_to_stop_gets_no_test_text(store, site, now):
    with store.writing() as session:
        channels.suppress(session, patients.phone_index(session, PHONE), source="reply", now=now)
    with pytest.raises(TextingError, match="asked us to stop"):
        try_phone(store, site, now)


def test_an_opt_out_meanwhile_takes_a_test_text_back(store, phones, settings, site, now):
    message = try_phone(store, site, now)
    with store.writing() as session:
        channels.suppress(session, message.phone_index, source="reply", now=now)
    send(store, phones, settings, now)
    assert (fresh(store, message).state, fresh(store, message).reason) == (MessageState.SUPPRESSED, "opted_out")


def test_a_phone_gets_three_test_texts_an_hour(store, site, now):
    for _ in range(3):
        try_phone(store, site, now)
    with pytest.raises(TextingError, match="within the hour"):
        try_phone(store, site, now + timedelta(minutes=59))
    try_phone(store, site, now + timedelta(minutes=60))


def test_test_texts_count_to_the_twenty_of_a_day(store, phones, settings, site, now):
    for number in range(20):
        try_phone(store, site, now + timedelta(minutes=21 * number))
        send(store, phones, settings, now + timedelta(minutes=21 * number))
    late = now + timedelta(minutes=21 * 20)
    message = try_phone(store, site, late)
    send(store, phones, settings, late)
    assert fresh(store, message).reason == "cap_texts"
    assert len(sent_to(phones, PHONE, now)) == 20


def test_a_test_text_that_fails_says_so_in_its_row_and_gives_nobody_a_task(store, settings, site, now):
    class No:
        def send(self, *_args, **_more):
            raise Refused(21614, 400, "not a mobile number")

    message = try_phone(store, site, now)
    send(store, No(), settings, now)
    assert (fresh(store, message).state, fresh(store, message).error_code) == (MessageState.FAILED, "21614")
    assert all_tasks(store) == []


def test_a_staff_text_says_counts_and_goes_to_the_phone_of_that_person(store, phones, settings, mina, now):
    message = tell(store, mina, now)
    send(store, phones, settings, now)
    (got,) = sent_to(phones, DESK, now)
    assert got.body == "Asha Clinic: 2 losing relief, 3 new to review, 4 to call. Details are in prom."
    assert fresh(store, message).staff_id == mina.id
    assert DESK.encode() not in (fresh(store, mina).phone_sealed or b"")


def test_a_staff_text_may_name_another_label(store, phones, settings, mina, now):
    tell(store, mina, now, more={"label": "All sites"})
    send(store, phones, settings, now)
    assert sent_to(phones, DESK, now)[0].body.startswith("All sites: 2 ")


def test_a_staff_text_is_queued_once(store, mina, now):
    assert tell(store, mina, now) is not None
    assert tell(store, mina, now) is None


def test_a_staff_text_waits_for_the_morning_and_an_urgent_one_does_not(store, phones, settings, mina, now):
    night = now + NIGHT
    with store.writing() as session:
        digest = texting.queue_staff_text(
            session, mina, "staff_digest", {"losing": 0, "new": 0, "call": 0}, night, "d", night + timedelta(hours=12)
        )
        urgent = texting.queue_staff_text(session, mina, "staff_urgent", {}, night, "u", night + timedelta(hours=1))
    send(store, phones, settings, night)
    assert fresh(store, urgent).state is MessageState.ACCEPTED
    assert (fresh(store, digest).state, fresh(store, digest).reason) == (MessageState.PENDING, "quiet_hours")
    assert "urgent item waits in prom" in sent_to(phones, DESK, now)[0].body


def test_the_mornings_counts_leave_at_half_past_seven(store, phones, settings, mina, now):
    early = now + timedelta(hours=20)  # 07:30 in Kolkata
    message = tell(store, mina, early)
    send(store, phones, settings, early)
    assert fresh(store, message).state is MessageState.ACCEPTED


def test_without_a_phone_or_after_leaving_there_is_no_staff_text(store, mina, now):
    change(store, mina, active=False)
    assert tell(store, fresh(store, mina), now) is None
    with store.writing() as session:
        row = session.get(type(mina), mina.id)
        row.active = True
        staff.set_phone(session, row, None)
    assert tell(store, fresh(store, mina), now) is None


def test_somebody_who_left_since_gets_no_staff_text(store, phones, settings, mina, now):
    message = tell(store, mina, now)
    change(store, mina, active=False)
    send(store, phones, settings, now)
    assert (fresh(store, message).state, fresh(store, message).reason) == (MessageState.SUPPRESSED, "staff_left")


def test_a_staff_text_that_fails_is_a_task_for_the_site(store, settings, mina, now):
    class No:
        def send(self, *_args, **_more):
            raise Refused(21614, 400, "not a mobile number")

    tell(store, mina, now)
    send(store, No(), settings, now)
    (task,) = all_tasks(store)
    assert (task.kind, task.reason) == (TaskKind.FIX, "staff_not_texted")


def test_while_all_is_held_neither_leaves(store, phones, settings, site, mina, now):
    messages = [try_phone(store, site, now), tell(store, mina, now, "staff_urgent")]
    with store.writing() as session:
        channels.hold(session, "restored", now)
    send(store, phones, settings, now)
    assert [fresh(store, each).state for each in messages] == [MessageState.PENDING, MessageState.PENDING]


def test_both_are_claimed_after_answers_and_before_reminders(store, site, mina, now):
    with store.writing() as session:
        one = people.waiting(session, site, now)
    asked = [one.message, tell(store, mina, now), try_phone(store, site, now)]
    with store.writing() as session:
        claims = outbox.claim(
            session, now=now, lease_until=now + timedelta(seconds=9), limit=9, urgent_only=False, skip_sites=()
        )
        kinds = [session.get(Message, each.message_id).kind.value for each in claims]
    assert kinds == ["test", "staff", "prompt"]
    assert len(asked) == 3


def test_only_texts_made_for_staff_go_to_staff(store, mina, now):
    with pytest.raises(ValueError, match="no text for staff"):
        tell(store, mina, now, "thanks_plain")
