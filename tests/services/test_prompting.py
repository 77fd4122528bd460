"""What is due is sent once, and what is not sent says why."""

import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from prom.messaging.gateway import Sent
from prom.messaging.simulated import SimulatedGateway
from prom.messaging.simulated_phones import Failures
from prom.services import prompting
from prom.storage import channels, outbox
from prom.storage.models import EpisodeState, Message, MessageKind, MessageState, PromptState, Task, TaskKind
from tests import outbox as people


@pytest.fixture
def phones(instance, now):
    gateway = SimulatedGateway(instance / "simulated.db", lambda: now)
    yield gateway
    gateway.close()


@pytest.fixture
def settings(instance):
    return people.settings(instance)


@pytest.fixture
def one(store, site, now):
    with store.writing() as session:
        return people.waiting(session, site, now, phone="+919007100001")


def ticking(now):
    """Return a clock that starts at an instant and then runs."""
    start = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - start)


def send(store, phones, settings, now, **more):
    """Send with a clock that stands still; the rate would wait for it for ever, so phones are simulated here."""
    return prompting.send_due(store, phones, replace(settings, gateway="simulated"), lambda: now, **more)


def all_tasks(store):
    with store.reading() as session:
        return list(session.exec(select(Task)))


def sent_to(phones, phone, now):
    return phones.find_sent(phone, now - timedelta(days=400))


def change(store, row, **values):
    with store.writing() as session:
        row = session.get(type(row), row.id)
        for name, value in values.items():
            setattr(row, name, value)
        session.add(row)


def test_a_due_text_is_sent_once_and_its_prompt_is_asked(store, phones, settings, now, one):
    assert send(store, phones, settings, now).accepted == 1
    assert send(store, phones, settings, now).claimed == 0
    message, prompt = people.fresh(store, one.message), people.fresh(store, one.prompt)
    assert (message.state, message.attempt, message.sending_at) == (MessageState.ACCEPTED, 1, now)
    assert (prompt.state, prompt.asked_at, prompt.last_text_at) == (PromptState.ASKED, now, now)
    listed = sent_to(phones, "+919007100001", now)
    assert [each.sid for each in listed] == [message.provider_sid]
    assert listed[0].body == people.body(store, message)


def test_a_text_is_not_sent_before_its_time(store, phones, settings, now, one):
    assert send(store, phones, settings, now - timedelta(seconds=1)).claimed == 0


class Counting:
    """A provider that counts and takes a moment, so that workers meet."""

    name = "counting"

    def __init__(self):
        self.sent, self.guard = [], threading.Lock()

    def send(self, to, body, message_id, validity_seconds):
        with self.guard:
            self.sent.append((to, message_id, validity_seconds))
            return Sent(f"SM{len(self.sent):030d}", "queued")


def test_eight_workers_on_a_hundred_due_rows_make_a_hundred_calls(store, site, settings, now):
    with store.writing() as session:
        for _ in range(100):
            people.waiting(session, site, now)
    eight_workers_send_each_once(store, settings, now)


@pytest.mark.postgres
def test_eight_workers_on_postgresql_make_a_hundred_calls(postgres_store, settings, now):
    with postgres_store.writing() as session:
        site = people.site(session)
        for _ in range(100):
            people.waiting(session, site, now)
    eight_workers_send_each_once(postgres_store, settings, now)


def eight_workers_send_each_once(store, settings, now):
    gateway = Counting()
    start = threading.Barrier(8)

    def work():
        start.wait()
        while prompting.send_due(store, gateway, settings, ticking(now), limit=10).claimed:
            pass

    workers = [threading.Thread(target=work, daemon=True) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(gateway.sent) == 100
    assert len({message_id for _, message_id, _ in gateway.sent}) == 100
    with store.reading() as session:
        assert {row.state for row in session.exec(select(Message))} == {MessageState.ACCEPTED}


def test_validity_is_the_time_left_and_at_most_ten_hours(store, site, settings, now):
    gateway = Counting()
    with store.writing() as session:
        people.waiting(session, site, now, closes_at=now + timedelta(minutes=50))
        people.waiting(session, site, now, closes_at=now + timedelta(days=5))
    send(store, gateway, settings, now)
    assert [validity for _, _, validity in gateway.sent] == [3000, 36000]


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


def test_one_text_that_cannot_be_written_does_not_block_the_others(store, phones, settings, now, site, one):
    change(store, one.message, variables_sealed=b"damaged", priority=0)
    change(store, one.patient, phone_sealed=b"damaged" * 9)
    with store.writing() as session:
        good = people.waiting(session, site, now)
    assert send(store, phones, settings, now).accepted == 1
    assert people.fresh(store, good.message).state is MessageState.ACCEPTED
    bad = people.fresh(store, one.message)
    assert (bad.state, bad.reason) == (MessageState.FAILED, "cannot_be_written VaultError")
    assert [(task.kind, task.reason) for task in all_tasks(store)] == [(TaskKind.FIX, "text_failed")]
    assert people.fresh(store, one.prompt).state is PromptState.NOT_SENT


def test_the_rate_holds_over_all_workers(store, site, now):
    with store.writing() as session:
        turns = [channels.take_turn(session, 0.1, now + timedelta(milliseconds=ms)) for ms in range(0, 1000, 10)]
    # Ten a second, and one more because a late taker may catch up by one turn.
    assert 10 <= sum(turn.mine for turn in turns) <= 11


def test_a_clock_that_was_set_back_does_not_stop_the_sender(store, now):
    with store.writing() as session:
        assert channels.take_turn(session, 1, now).mine
        assert channels.take_turn(session, 1, now - timedelta(hours=1)).mine


def test_stop_finishes_the_call_in_flight_and_gives_back_the_rest(store, site, settings, now):
    stop = threading.Event()

    class Stopping(Counting):
        def send(self, *given):
            stop.set()
            return super().send(*given)

    gateway = Stopping()
    with store.writing() as session:
        for _ in range(5):
            people.waiting(session, site, now)
    counts = send(store, gateway, settings, now, stop=stop)
    assert (counts.accepted, counts.given_back) == (1, 4)
    with store.reading() as session:
        states = sorted(row.state.value for row in session.exec(select(Message)))
    assert states == ["accepted", "pending", "pending", "pending", "pending"]


def test_a_worker_that_was_frozen_before_the_call_gives_the_text_back(store, site, settings, now, one):
    gateway = Counting()

    def clock():
        marked = people.fresh(store, one.message).state is MessageState.SENDING
        return now + timedelta(minutes=10) if marked else now

    prompting.send_due(store, gateway, replace(settings, gateway="simulated"), clock)
    assert gateway.sent == []
    message = people.fresh(store, one.message)
    assert (message.state, message.sending_at) == (MessageState.PENDING, None)


def test_a_claim_whose_worker_died_is_sent_after_the_lease(store, phones, settings, now, one):
    with store.writing() as session:
        outbox.claim(
            session, now=now, lease_until=now + timedelta(seconds=30), limit=9, urgent_only=False, skip_sites=()
        )
    assert prompting.recover(store, now + timedelta(seconds=29)) == (0, 0)
    assert send(store, phones, settings, now + timedelta(seconds=29)).claimed == 0
    assert prompting.recover(store, now + timedelta(seconds=30)) == (1, 0)
    assert send(store, phones, settings, now + timedelta(seconds=30)).accepted == 1


@pytest.mark.parametrize(
    ("failures", "state", "reason"),
    [
        (Failures(timeout_after_accept=True), MessageState.UNKNOWN, "simulated timeout"),
        (Failures(timeout_before_accept=True), MessageState.UNKNOWN, "simulated timeout"),
        (Failures(unreachable=True), MessageState.PENDING, "not_reached"),
        (Failures(too_many_requests=True), MessageState.PENDING, "limit_20429"),
        (Failures(code=20003), MessageState.PENDING, "halted_20003"),
        (Failures(code=21614), MessageState.FAILED, "error_21614"),
        (Failures(code=21408), MessageState.FAILED, "error_21408"),
        (Failures(code=12345), MessageState.FAILED, "error_12345"),
        (Failures(code=21610), MessageState.SUPPRESSED, "opted_out"),
        (Failures(code=21611), MessageState.FAILED, "limit_21611"),
    ],
)
def test_each_outcome_of_a_call_has_its_state(store, phones, settings, now, one, failures, state, reason):
    phones.fail(failures)
    send(store, phones, settings, now)
    message = people.fresh(store, one.message)
    assert (message.state, message.reason) == (state, reason)


def test_a_retry_is_sent_after_its_wait(store, phones, settings, now, one):
    phones.fail(Failures(too_many_requests=True, retry_after_seconds=30))
    send(store, phones, settings, now)
    phones.heal()
    assert people.fresh(store, one.message).send_at >= now + timedelta(seconds=30)
    assert send(store, phones, settings, now + timedelta(seconds=29)).claimed == 0
    assert send(store, phones, settings, now + timedelta(seconds=40)).accepted == 1


def test_a_halted_channel_keeps_the_queue_and_is_probed_once_a_minute(store, phones, settings, now, site, one):
    with store.writing() as session:
        people.waiting(session, site, now)
    phones.fail(Failures(code=20003))
    assert send(store, phones, settings, now).refused == 1
    with store.reading() as session:
        channel = channels.seen(session)
        assert (channel.halted_at, channel.halted_code) == (now, "20003")
        assert outbox.waiting(session) == 2
    phones.heal()
    assert send(store, phones, settings, now + timedelta(seconds=59)).claimed == 0
    assert send(store, phones, settings, now + timedelta(seconds=60)).accepted == 2


def test_error_21610_suppresses_the_phone_and_all_that_waits_for_it(store, phones, settings, now, site, one):
    with store.writing() as session:
        later = people.waiting(session, site, now, patient=one.patient, due_at=now + timedelta(days=7))
    phones.fail(Failures(code=21610))
    send(store, phones, settings, now)
    waits = people.fresh(store, later.message)
    assert (waits.state, waits.reason) == (MessageState.SUPPRESSED, "opted_out")
    with store.reading() as session:
        assert channels.is_suppressed(session, one.patient.phone_index)
    assert [(task.kind, task.reason) for task in all_tasks(store)] == [(TaskKind.STOPPED, "opted_out")]


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


def test_five_thousand_due_texts_are_claimed_most_urgent_first(store, site, now, one):
    with store.writing() as session:
        reminder = people.text(session, one.patient, one.prompt, now, kind=MessageKind.REMINDER)
        answer = people.text(session, one.patient, None, now, kind=MessageKind.REPLY, question="")
        emergency = people.text(session, one.patient, None, now, kind=MessageKind.EMERGENCY, question="")
        claims = outbox.claim(
            session, now=now, lease_until=now + timedelta(seconds=30), limit=9, urgent_only=False, skip_sites=()
        )
    assert [each.message_id for each in claims] == [emergency.id, answer.id, one.message.id, reminder.id]


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
