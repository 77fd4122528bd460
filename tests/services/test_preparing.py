"""The last look before a text leaves: what changed since it was planned, hours, caps, holds and outages."""

from datetime import timedelta

import pytest
from sqlmodel import select

from prom.messaging.simulated_phones import Failures
from prom.storage import channels, outbox
from prom.storage.models import EpisodeState, MessageKind, MessageState, PromptState, Site, TaskKind
from tests import outbox as people
from tests.outbox import all_tasks, change, send, sent_to


@pytest.fixture
def one(store, site, now):
    with store.writing() as session:
        return people.waiting(session, site, now, phone="+919007100001")


@pytest.mark.parametrize(
    ("what", "values", "reason"),
    [
        ("patient", {"withdrawn_on": "today"}, "withdrawn"),
        ("patient", {"died_on": "today"}, "died"),
        ("patient", {"unusable_reason": "21614"}, "number_unusable"),
        ("patient", {"phone_index": None, "phone_sealed": None}, "no_number"),
        ("patient", {"paused_until": "far"}, "paused"),
        ("episode", {"state": EpisodeState.CANCELLED}, "procedure_cancelled"),
        ("prompt", {"state": PromptState.ANSWERED}, "answered"),
        ("prompt", {"state": PromptState.MISSED}, "missed"),
    ],
)
def test_what_changed_since_the_planning_keeps_a_text_back(store, phones, settings, now, one, what, values, reason):
    times = {"today": now.date(), "far": now + timedelta(days=300)}
    change(store, getattr(one, what), **{k: times.get(v, v) if isinstance(v, str) else v for k, v in values.items()})
    send(store, phones, settings, now)
    message = people.fresh(store, one.message)
    assert (message.state, message.reason) == (MessageState.SUPPRESSED, reason)
    assert sent_to(phones, "+919007100001", now) == []
    assert people.fresh(store, one.prompt).state is not PromptState.PLANNED


def test_without_consent_nothing_is_sent(store, phones, settings, now, one):
    from prom.storage.models import Consent

    with store.writing() as session:
        session.exec(select(Consent)).one().withdrawn_at = now
    send(store, phones, settings, now)
    assert people.fresh(store, one.message).reason == "no_consent"


def test_an_opt_out_after_the_claim_stops_the_text(store, phones, settings, now, one):
    with store.writing() as session:
        (claim,) = outbox.claim(
            session, now=now, lease_until=now + timedelta(seconds=30), limit=1, urgent_only=False, skip_sites=()
        )
    with store.writing() as session:
        channels.suppress(session, one.patient.phone_index, source="reply", now=now)
        outbox.suppress_phone(session, one.patient.phone_index, "opted_out")
    from prom.services import preparing

    with store.writing() as session:
        assert isinstance(preparing.prepare(session, claim, preparing.Desk(settings), now), preparing.Kept)
    assert people.fresh(store, one.message).state is MessageState.SUPPRESSED


def test_an_opted_out_phone_gets_its_prompts_back_after_start(store, phones, settings, now, site):
    with store.writing() as session:
        row = people.waiting(session, site, now, due_at=now + timedelta(days=1))
        channels.suppress(session, row.patient.phone_index, source="reply", now=now)
        assert outbox.suppress_phone(session, row.patient.phone_index, "opted_out") == 1
    with store.writing() as session:
        channels.reopen(session, row.patient.phone_index, now)
        assert outbox.reopen_phone(session, row.patient.phone_index, now) == 1
    assert send(store, phones, settings, now + timedelta(days=1)).accepted == 1


def test_a_text_past_its_time_expires_and_the_prompt_is_ours_not_the_patients(store, phones, settings, now, one):
    send(store, phones, settings, now + timedelta(days=4))
    message, prompt = people.fresh(store, one.message), people.fresh(store, one.prompt)
    assert (message.state, message.reason) == (MessageState.EXPIRED, "system_off")
    assert (prompt.state, prompt.reason) == (PromptState.NOT_SENT, "system_off")


def test_quiet_hours_of_the_patient_hold_a_text_to_the_next_opening(store, phones, settings, now, one):
    late = now.replace(hour=16, minute=0)  # 21:30 in Kolkata
    change(store, one.message, send_at=late)
    send(store, phones, settings, late)
    message = people.fresh(store, one.message)
    opening = (now + timedelta(days=1)).replace(hour=2, minute=30)
    assert (message.state, message.reason, message.send_at) == (MessageState.PENDING, "quiet_hours", opening)
    assert send(store, phones, settings, opening).accepted == 1


def test_a_diary_question_in_quiet_hours_is_not_asked(store, phones, settings, now, site):
    late = now.replace(hour=17, minute=30)  # 23:00 in Kolkata
    with store.writing() as session:
        row = people.waiting(session, site, now, due_at=late, closes_at=late + timedelta(hours=1), kind="diary")
    send(store, phones, settings, late)
    prompt = people.fresh(store, row.prompt)
    assert (prompt.state, prompt.reason) == (PromptState.NOT_SENT, "quiet_hours")


def test_after_three_days_off_a_phone_gets_one_prompt_the_newest(store, phones, settings, now, site):
    later = now + timedelta(days=3)
    with store.writing() as session:
        first = people.waiting(session, site, now, phone="+919007100002", closes_at=now + timedelta(days=9))
        rest = [
            people.add_prompt(
                session,
                first.patient,
                first.episode,
                now,
                key=f"d{day}",
                due_at=now + timedelta(days=day),
                closes_at=now + timedelta(days=9),
            )
            for day in (1, 2, 3)
        ]
        shared = people.waiting(session, site, now, phone="+919007100002", closes_at=now + timedelta(days=9))
    for _ in range(3):
        send(store, phones, settings, later)
    assert len(sent_to(phones, "+919007100002", now)) == 1
    states = [people.fresh(store, prompt) for prompt in (first.prompt, shared.prompt, *[prompt for prompt, _ in rest])]
    assert [(each.state, each.reason) for each in states] == [
        *[(PromptState.NOT_SENT, "system_off")] * 4,
        (PromptState.ASKED, ""),
    ]


def test_two_prompts_due_the_same_morning_are_asked_one_after_the_other(store, phones, settings, now, site):
    with store.writing() as session:
        first = people.waiting(session, site, now, phone="+919007100003")
        second = people.waiting(session, site, now, patient=first.patient)
    send(store, phones, settings, now)
    waits = people.fresh(store, second.message)
    assert (waits.state, waits.reason, waits.send_at) == (
        MessageState.PENDING,
        "other_prompt_open",
        now + timedelta(hours=2),
    )
    assert send(store, phones, settings, now + timedelta(hours=2)).accepted == 1
    assert len(sent_to(phones, "+919007100003", now)) == 2


def test_the_second_prompt_follows_at_once_when_the_first_was_answered(store, phones, settings, now, site):
    with store.writing() as session:
        first = people.waiting(session, site, now, phone="+919007100003")
    send(store, phones, settings, now)
    change(store, first.prompt, state=PromptState.ANSWERED)
    with store.writing() as session:
        people.waiting(session, site, now, patient=first.patient)
    assert send(store, phones, settings, now).accepted == 1


def test_a_fourth_conversation_of_a_day_waits_for_the_next(store, phones, settings, now, site):
    with store.writing() as session:
        rows = [people.waiting(session, site, now, phone="+919007100004", closes_at=now + timedelta(days=9))]
    for _ in range(3):
        send(store, phones, settings, now)
        change(store, rows[-1].prompt, state=PromptState.ANSWERED)
        with store.writing() as session:
            rows.append(people.waiting(session, site, now, patient=rows[0].patient, closes_at=now + timedelta(days=9)))
    send(store, phones, settings, now)
    message = people.fresh(store, rows[-1].message)
    opening = (now + timedelta(days=1)).replace(hour=2, minute=30)
    assert (message.state, message.reason, message.send_at) == (MessageState.PENDING, "cap_conversations", opening)
    assert len(sent_to(phones, "+919007100004", now)) == 3


def test_a_looping_planner_never_gets_past_twenty_texts_a_day(store, phones, settings, now, site, one):
    with store.writing() as session:
        for number in range(60):
            people.text(
                session,
                one.patient,
                one.prompt,
                now,
                kind=MessageKind.REPLY,
                key=str(number),
                question="",
                expires_at=now + timedelta(minutes=15),
            )
    send(store, phones, settings, now)
    assert len(sent_to(phones, "+919007100001", now)) == 20


def test_an_emergency_text_is_never_capped_or_held(store, phones, settings, now, site, one):
    with store.writing() as session:
        channels.hold(session, "restored", now)
        for number in range(25):
            people.text(session, one.patient, None, now, kind=MessageKind.EMERGENCY, key=str(number), question="")
    send(store, phones, settings, now)
    assert len(sent_to(phones, "+919007100001", now)) == 25
    assert people.fresh(store, one.message).state is MessageState.PENDING


def test_an_emergency_text_to_an_opted_out_phone_becomes_a_call(store, phones, settings, now, one):
    with store.writing() as session:
        channels.suppress(session, one.patient.phone_index, source="reply", now=now)
        message = people.text(session, one.patient, None, now, kind=MessageKind.EMERGENCY, question="")
    send(store, phones, settings, now)
    assert people.fresh(store, message).state is MessageState.SUPPRESSED
    assert [(task.kind, task.reason, task.urgent) for task in all_tasks(store)] == [
        (TaskKind.CALL, "emergency_not_texted", True)
    ]


def test_an_emergency_text_that_a_halted_channel_keeps_is_told_within_a_minute_and_once(
    store, phones, settings, now, one
):
    with store.writing() as session:
        channels.halt(session, "20003", now - timedelta(seconds=1))
        message = people.text(
            session,
            one.patient,
            None,
            now,
            kind=MessageKind.EMERGENCY,
            question="",
            expires_at=now + timedelta(hours=1),
        )
    phones.fail(Failures(code=20003))
    for seconds in (0, 59, 120, 3601):
        send(store, phones, settings, now + timedelta(seconds=seconds))
        told = [(task.kind, task.reason, task.urgent) for task in all_tasks(store)]
        assert told == ([] if seconds == 0 else [(TaskKind.CALL, "emergency_not_texted", True)])
    assert people.fresh(store, message).state is MessageState.EXPIRED
    assert people.fresh(store, message).reason == "channel_halted"


def test_an_emergency_text_of_a_working_sender_is_not_told_when_another_is_halted(
    store, phones, settings, now, site, one
):
    with store.writing() as session:
        session.get(Site, site.id).sender = "+15005550099"
        channels.halt(session, "21606", now - timedelta(seconds=61), channels.of_sender("+15005550098"))
        message = people.text(session, one.patient, None, now, kind=MessageKind.EMERGENCY, question="")
    assert send(store, phones, settings, now).accepted >= 1
    assert people.fresh(store, message).state is MessageState.ACCEPTED
    assert all_tasks(store) == []


def test_texts_that_a_halted_channel_keeps_past_their_time_expire_while_it_is_halted(store, phones, settings, now, one):
    with store.writing() as session:
        channels.halt(session, "20003", now)
    phones.fail(Failures(code=20003))
    send(store, phones, settings, now + timedelta(days=4))
    message = people.fresh(store, one.message)
    assert (message.state, message.reason) == (MessageState.EXPIRED, "channel_halted")
    assert people.fresh(store, one.prompt).state is PromptState.NOT_SENT


def test_a_held_channel_sends_answers_only(store, phones, settings, now, one):
    with store.writing() as session:
        channels.hold(session, "restored", now)
        answer = people.text(session, one.patient, None, now, kind=MessageKind.REPLY, question="")
    send(store, phones, settings, now)
    assert people.fresh(store, answer).state is MessageState.ACCEPTED
    assert people.fresh(store, one.message).state is MessageState.PENDING
    with store.writing() as session:
        assert channels.release(session)
    assert send(store, phones, settings, now).accepted == 1


def test_a_site_over_its_month_is_held_with_an_alarm_and_goes_on_next_month(store, phones, settings, now, site, one):
    change(store, site, monthly_segments=0)
    send(store, phones, settings, now)
    assert people.fresh(store, one.message).state is MessageState.PENDING
    assert [(task.reason, task.urgent) for task in all_tasks(store)] == [("monthly_spend", True)]
    change(store, site, monthly_segments=100)
    april = now + timedelta(days=31)
    change(store, one.message, expires_at=april + timedelta(days=1), send_at=now)
    change(store, one.prompt, closes_at=april + timedelta(days=1))
    assert send(store, phones, settings, now + timedelta(hours=1)).accepted == 0
    assert send(store, phones, settings, april).accepted == 1


def test_an_unusable_number_stops_later_texts_too(store, phones, settings, now, site, one):
    phones.fail(Failures(code=21614))
    send(store, phones, settings, now)
    assert people.fresh(store, one.patient).unusable_reason == "21614"
    assert [(task.kind, task.reason) for task in all_tasks(store)] == [(TaskKind.FIX, "number_unusable")]
    phones.heal()
    with store.writing() as session:
        later = people.waiting(session, site, now, patient=one.patient)
    send(store, phones, settings, now)
    assert people.fresh(store, later.message).reason == "number_unusable"


def test_a_number_changed_meanwhile_gets_the_prompt_but_not_the_answer_to_the_old_phone(
    store, phones, settings, now, one
):
    from prom.storage import patients

    with store.writing() as session:
        answer = people.text(session, one.patient, None, now, kind=MessageKind.REPLY, question="")
        patient = session.get(type(one.patient), one.patient.id)
        patients.set_phone(session, patient, "+919007199999")
    send(store, phones, settings, now)
    assert people.fresh(store, answer).reason == "number_changed"
    assert len(sent_to(phones, "+919007199999", now)) == 1
    assert sent_to(phones, "+919007100001", now) == []


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(days=1), timedelta(days=-1)])
def test_a_clock_that_jumps_sends_nothing_twice_and_no_flood(store, phones, settings, now, site, jump):
    with store.writing() as session:
        first = people.waiting(session, site, now, phone="+919007100005", closes_at=now + timedelta(days=9))
        for day in (1, 2, 3):
            people.add_prompt(
                session,
                first.patient,
                first.episode,
                now,
                key=f"d{day}",
                due_at=now + timedelta(days=day),
                closes_at=now + timedelta(days=9),
            )
    times = [now, now + jump, now, now + timedelta(minutes=1)]
    for at in times:
        send(store, phones, settings, at)
    assert len(sent_to(phones, "+919007100005", now)) == (2 if jump == timedelta(days=1) else 1)


def test_the_morning_of_a_clock_change_opens_at_eight_by_the_wall(store, phones, settings, now, one):
    # In Berlin clocks go forward in the night to 29 March 2026: 21:30 is 20:30 UTC, and the next 08:00 is 06:00 UTC.
    night = now.replace(month=3, day=28, hour=20, minute=30)
    change(store, one.patient, time_zone="Europe/Berlin")
    change(store, one.message, send_at=night, expires_at=night + timedelta(days=2))
    change(store, one.prompt, closes_at=night + timedelta(days=2))
    send(store, phones, settings, night)
    assert people.fresh(store, one.message).send_at == now.replace(month=3, day=29, hour=6, minute=0)
