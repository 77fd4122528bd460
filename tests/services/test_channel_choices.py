"""How a patient wants to be asked, from which number a site writes, and what its money allows."""

from datetime import UTC, datetime, timedelta

import pytest

from prom.messaging.gateway import Balance, NotReached, Refused, RetryLater, Sent
from prom.services import crediting, noticing, prompting, reconciling
from prom.storage import channels, tasks
from prom.storage.models import Channel, Message, MessageKind, MessageState, PromptState, Site, TaskKind
from tests import outbox as people
from tests.outbox import all_tasks, body, change, fresh, send, sent_to, ticking

ASHA = "+919007100001"


@pytest.fixture
def one(store, site, now):
    with store.writing() as session:
        return people.waiting(session, site, now, phone=ASHA)


@pytest.fixture
def other_site(store):
    with store.writing() as session:
        row = Site(
            name="second",
            label="Second Clinic",
            time_zone="Asia/Kolkata",
            sender="+15005550009",
            key_sealed=store.vault.new_data_key(),
        )
        session.add(row)
    return row


class Line:
    """A provider that answers each sender in its own way and remembers who wrote to whom."""

    name = "line"

    def __init__(self, **by_sender):
        self.by_sender, self.sent, self.probes = by_sender, [], 0

    def send(self, to, _body, message_id, _validity, sender=""):
        trouble = self.by_sender.get(sender or "shared")
        if trouble is not None:
            raise trouble
        self.sent.append((sender, to))
        return Sent(f"SM{message_id}", "queued")

    def probe(self):
        self.probes += 1
        if (trouble := self.by_sender.get("probe")) is not None:
            raise trouble


def test_who_wants_links_only_gets_no_question_by_text(store, phones, settings, now, one):
    change(store, one.patient, channel="link")
    send(store, phones, settings, now)
    assert "[link]" in body(store, one.message)
    assert "0" not in body(store, one.message)
    assert "https://clinic.example/a/" in sent_to(phones, ASHA, now)[0].body


def test_who_wants_to_be_called_gets_a_call_when_the_question_is_due_and_no_text(store, phones, settings, now, one):
    change(store, one.patient, channel="phone")
    send(store, phones, settings, now)
    assert sent_to(phones, ASHA, now) == []
    message = fresh(store, one.message)
    assert (message.state, message.reason) == (MessageState.SUPPRESSED, "asked_by_phone")
    (task,) = all_tasks(store)
    assert (task.kind, task.reason, task.prompt_id) == (TaskKind.CHASE, "asked_by_phone", one.prompt.id)
    assert fresh(store, one.prompt).state is PromptState.PLANNED


@pytest.mark.parametrize("trouble", [{"unusable_reason": "landline"}, {}])
def test_a_call_needs_no_phone_that_takes_texts(store, phones, settings, now, one, trouble):
    change(store, one.patient, channel="phone", **trouble)
    if not trouble:
        with store.writing() as session:
            channels.suppress(session, one.patient.phone_index, source="carrier", now=now)
    send(store, phones, settings, now)
    assert [task.reason for task in all_tasks(store)] == ["asked_by_phone"]


@pytest.mark.parametrize("over", [{"withdrawn_on": "today"}, {"died_on": "today"}, {"paused_until": "far"}])
def test_who_has_left_is_not_called(store, phones, settings, now, one, over):
    values = {name: now.date() if word == "today" else now + timedelta(days=300) for name, word in over.items()}
    change(store, one.patient, channel="phone", **values)
    send(store, phones, settings, now)
    assert all_tasks(store) == []


def test_a_call_is_not_opened_at_night(store, phones, settings, now, one):
    change(store, one.patient, channel="phone")
    send(store, phones, settings, now + timedelta(hours=12))
    assert all_tasks(store) == []
    assert fresh(store, one.message).reason == "quiet_hours"


def test_a_question_asked_by_phone_that_got_no_answer_is_ours_not_the_patients_silence(
    store, phones, settings, now, one
):
    change(store, one.patient, channel="phone")
    send(store, phones, settings, now)
    with store.writing() as session:
        reconciling.close_windows(session, one.prompt.closes_at)
    prompt = fresh(store, one.prompt)
    assert (prompt.state, prompt.reason) == (PromptState.NOT_SENT, "asked_by_phone")
    (task,) = all_tasks(store)
    assert (task.done_at, task.outcome) == (one.prompt.closes_at, "its days are over")


def test_an_answer_closes_the_call(store, phones, settings, now, one):
    change(store, one.patient, channel="phone")
    send(store, phones, settings, now)
    with store.writing() as session:
        assert tasks.close_for_prompt(session, one.prompt, TaskKind.CHASE, outcome="answered", now=now) == 1


def test_a_site_writes_from_its_own_number(store, settings, now, one, other_site):
    line = Line()
    with store.writing() as session:
        people.waiting(session, other_site, now, phone="+919007100002")
    send(store, line, settings, now)
    assert sorted(line.sent) == [("", ASHA), ("+15005550009", "+919007100002")]


def test_each_sender_has_its_own_rate(store, settings, now, site, other_site):
    line = Line()
    with store.writing() as session:
        for _ in range(4):
            people.waiting(session, site, now)
            people.waiting(session, other_site, now)
    slow = people.settings(settings.instance, send_rate=2.0)
    prompting.send_due(store, line, slow, ticking(now), limit=4)
    with store.reading() as session:
        mine = channels.state(session, channels.of_sender("+15005550009"))
        shared = channels.state(session)
    assert mine.next_send_at is not None
    assert shared.next_send_at is not None
    assert mine.next_send_at != shared.next_send_at


def test_a_limit_of_one_sender_does_not_slow_the_others(store, settings, now, one, other_site):
    line = Line(**{"+15005550009": RetryLater(20429, 60.0)})
    with store.writing() as session:
        theirs = people.waiting(session, other_site, now - timedelta(minutes=1)).message
    clock = ticking(now)
    prompting.send_due(store, line, settings, clock)
    prompting.send_due(store, line, settings, clock)
    assert line.sent == [("", ASHA)]
    assert fresh(store, theirs).reason == "limit_20429"
    assert fresh(store, one.message).state is MessageState.ACCEPTED


def test_a_refused_number_of_one_site_halts_that_site_only(store, settings, now, one, other_site):
    line = Line(**{"+15005550009": Refused(21606, 400, "not yours"), "probe": NotReached("down")})
    with store.writing() as session:
        theirs = people.waiting(session, other_site, now - timedelta(minutes=1)).message
    for minute in range(3):
        send(store, line, settings, now + timedelta(minutes=minute))
    assert line.sent == [("", ASHA)]
    assert fresh(store, theirs).state is MessageState.PENDING
    assert line.probes == 2
    assert [(task.site_id, task.reason) for task in all_tasks(store)] == [(other_site.id, "channel_halted")]
    with store.reading() as session:
        assert [each.key for each in noticing.of_channel(session, [other_site.id])] == ["halted"]
        assert noticing.of_channel(session, [one.patient.site_id]) == []


def test_a_refused_account_halts_every_site_until_the_probe_goes_through(store, settings, now, one, other_site):
    line = Line(**{"+15005550009": Refused(20003, 401, "no"), "probe": NotReached("down")})
    with store.writing() as session:
        people.waiting(session, other_site, now - timedelta(minutes=1))
    send(store, line, settings, now)
    assert line.sent == []
    line.by_sender.clear()
    send(store, line, settings, now + timedelta(minutes=1))
    assert len(line.sent) == 2
    assert [task.outcome for task in all_tasks(store)] == ["the channel works again"]


def test_the_balance_is_noted_and_alarms_below_the_limit_until_it_is_enough_again(store, phones, site, now):
    phones.set_balance(Balance(900, "USD"))
    crediting.look(store, phones, now)
    with store.writing() as session:
        channels.main(session).low_balance = 1000
    crediting.look(store, phones, now)
    crediting.look(store, phones, now + timedelta(hours=1))
    (task,) = all_tasks(store)
    assert (task.kind, task.reason, task.urgent, task.done_at) == (TaskKind.FIX, "low_balance", True, None)
    with store.reading() as session:
        assert [(each.key, each.detail) for each in noticing.of_channel(session, [site.id])] == [
            ("low_balance", "9.00 USD")
        ]
    phones.set_balance(Balance(5000, "USD"))
    crediting.look(store, phones, now + timedelta(hours=2))
    assert fresh(store, task).done_at == now + timedelta(hours=2)
    with store.reading() as session:
        channel = session.get(Channel, channels.seen(session).id)
        assert noticing.of_channel(session, [site.id]) == []
    assert (channel.balance, channel.balance_currency, channel.balance_at) == (5000, "USD", now + timedelta(hours=2))


def test_a_balance_that_is_not_told_leaves_what_was_seen(store, site, now):
    class Silent:
        def balance(self):
            raise NotReached("down")

    with store.writing() as session:
        channels.main(session).balance = 77
    assert crediting.look(store, Silent(), now) is None
    with store.reading() as session:
        assert channels.seen(session).balance == 77


def test_a_month_begins_at_the_sites_own_midnight(store, phones, settings, site):
    evening = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)  # 17:30 in Kolkata
    with store.writing() as session:
        session.get(Site, site.id).monthly_segments = 1
        session.get(Site, site.id).quiet_hours = False
        for number in range(3):
            people.waiting(session, site, evening, phone=f"+91900710000{number}")
    send(store, phones, settings, evening)
    with store.reading() as session:
        held = channels.held_sites(session)
    assert [row.held_reason for row in held.values()] == ["monthly_spend"]
    assert [(task.reason, task.urgent) for task in all_tasks(store)] == [("monthly_spend", True)]
    still_march = datetime(2026, 3, 31, 18, 25, tzinfo=UTC)  # 23:55 in Kolkata
    assert send(store, phones, settings, still_march).accepted == 0
    april = datetime(2026, 3, 31, 18, 35, tzinfo=UTC)  # 00:05 in Kolkata
    assert send(store, phones, settings, april).accepted == 1


def test_a_site_that_sends_more_in_a_minute_than_anybody_planned_is_held_with_an_alarm(store, settings, now, site):
    line = Line()
    with store.writing() as session:
        for _ in range(30):
            people.waiting(session, site, now)
        emergency = people.text(
            session, people.waiting(session, site, now).patient, None, now, kind=MessageKind.EMERGENCY, key="e"
        )
        session.get(Message, emergency.id).send_at = now + timedelta(seconds=1)
    slow = people.settings(settings.instance, send_rate=1000.0)
    with store.writing() as session:
        # As if more than a minute's texts had left a moment ago.
        channels.count_of_site(session, site.id, 130_000, 120_000.0, now)
    prompting.send_due(store, line, slow, ticking(now), limit=30)
    with store.reading() as session:
        assert [row.held_reason for row in channels.held_sites(session).values()] == ["texts_ran_away"]
        assert [each.key for each in noticing.of_channel(session, [site.id])] == ["held"]
    assert [(task.reason, task.urgent) for task in all_tasks(store)] == [("texts_ran_away", True)]
    sent = len(line.sent)
    prompting.send_due(store, line, slow, ticking(now + timedelta(seconds=2)))
    assert len(line.sent) <= sent + 1
    assert fresh(store, emergency).state is MessageState.ACCEPTED
