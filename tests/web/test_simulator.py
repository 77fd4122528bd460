"""The simulated phones: every switch works from the page to the clinic's rows, and time moves as a clinic lives it."""

from datetime import timedelta

import pytest
from sqlmodel import select

from prom.services import seeding
from prom.storage import channels, rehearsal
from prom.storage.models import Inbound, Message, MessageEvent, MessageState, Suppression, Task, TaskKind
from tests.web.signing import text

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def client(app):
    """Return a client: beside simulated phones nobody needs to sign in."""
    return app.test_client()


@pytest.fixture
def due(store, site, now, app):
    """Return the phone of a synthetic patient with a text due now; nothing was sent yet."""
    with store.writing() as session:
        site = session.merge(site)
        site.quiet_hours = False
    seeding.seed(store, 1, 1, 1, now)
    return "+919008000000"


def line(client, **switches):
    assert client.post("/sim/failures", data=switches).status_code == 303


def tick(client, by=""):
    assert client.post("/sim/clock", data={"by": by}).status_code == 303


def texts(store):
    """Return the texts about the question that was due: it first, then what followed."""
    with store.reading() as session:
        return list(session.exec(select(Message).where(Message.sending_at.is_not(None)).order_by(Message.id)))


def events(store):
    with store.reading() as session:
        return [row.status for row in session.exec(select(MessageEvent).order_by(MessageEvent.id))]


def bubbles(client, phone):
    return text(client.get(f"/sim/{phone}")).count('class="bubble out"')


def tasks(store):
    with store.reading() as session:
        return [(row.kind, row.reason) for row in session.exec(select(Task).order_by(Task.id))]


def test_a_healthy_line_delivers_and_shows_the_chat(client, due, store):
    tick(client)
    (first,) = texts(store)
    assert first.state is MessageState.DELIVERED
    assert bubbles(client, due) == 1
    assert due in text(client.get("/sim"))
    client.post(f"/sim/{due}/text", data={"body": "4"})
    page = text(client.get(f"/sim/{due}"))
    assert 'class="bubble in"' in page
    with store.reading() as session:
        assert [score["value"] for score in rehearsal.all_scores(session)] == [4]


def test_statuses_that_come_twice_have_one_effect(client, due, store):
    line(client, duplicate_callbacks="y")
    tick(client)
    client.post(f"/sim/{due}/text", data={"body": "4"})
    assert events(store)[:4] == ["sent", "sent", "delivered", "delivered"]
    with store.reading() as session:
        assert len(session.exec(select(Inbound)).all()) == 1
        assert len(rehearsal.all_scores(session)) == 1


def test_statuses_in_the_wrong_order_end_right(client, due, store):
    line(client, reorder_callbacks="y")
    tick(client)
    assert events(store)[:2] == ["delivered", "sent"]
    assert texts(store)[0].state is MessageState.DELIVERED


def test_lost_statuses_and_replies_are_fetched(client, due, store):
    line(client, lose_callbacks="y")
    tick(client)
    client.post(f"/sim/{due}/text", data={"body": "4"})
    assert texts(store)[0].state is MessageState.ACCEPTED
    assert events(store) == []
    tick(client, "hour")
    with store.reading() as session:
        assert [score["value"] for score in rehearsal.all_scores(session)] == [4]
    tick(client, "hour")
    assert texts(store)[0].state is MessageState.DELIVERED


def test_a_swallowed_text_stays_accepted_and_never_shows(client, due, store):
    line(client, swallow="y")
    tick(client)
    tick(client, "hour")
    assert texts(store)[0].state is MessageState.ACCEPTED
    assert bubbles(client, due) == 0


def test_an_acceptance_that_is_not_said_is_found_and_never_sent_twice(client, due, store):
    line(client, timeout_after_accept="y", lose_callbacks="y")
    tick(client)
    assert texts(store)[0].state is MessageState.UNKNOWN
    line(client, heal="1")
    tick(client, "hour")
    tick(client, "hour")
    assert texts(store)[0].state is MessageState.DELIVERED
    assert bubbles(client, due) == 1


def test_a_text_that_was_never_accepted_is_sent_once_more_and_arrives_once(client, due, store):
    line(client, timeout_before_accept="y")
    tick(client)
    assert texts(store)[0].state is MessageState.UNKNOWN
    line(client, heal="1")
    tick(client, "hour")
    assert texts(store)[0].state is MessageState.DELIVERED
    assert bubbles(client, due) == 1


@pytest.mark.parametrize("switch", ["too_many_requests", "unreachable"])
def test_a_line_that_says_not_now_is_tried_again(client, due, store, switch):
    line(client, **{switch: "y"})
    tick(client)
    assert bubbles(client, due) == 0
    line(client, heal="1")
    tick(client, "hour")
    assert texts(store)[0].state is MessageState.DELIVERED
    assert bubbles(client, due) == 1


def test_wrong_credentials_halt_the_channel_and_it_goes_on_by_itself(client, due, store):
    line(client, code="20003")
    tick(client)
    with store.reading() as session:
        assert channels.seen(session).halted_code == "20003"
    assert bubbles(client, due) == 0
    line(client, heal="1")
    tick(client, "hour")
    with store.reading() as session:
        assert channels.seen(session).halted_at is None
    assert bubbles(client, due) == 1


@pytest.mark.parametrize(("code", "in_callback"), [("30005", False), ("21211", False), ("21614", True)])
def test_a_number_that_takes_no_texts_becomes_a_task(client, due, store, code, in_callback):
    line(client, code=code, **({"code_in_callback": "y"} if in_callback else {}))
    tick(client)
    assert texts(store)[0].error_code == code
    assert TaskKind.FIX in {kind for kind, _ in tasks(store)}


def test_a_code_nobody_knows_fails_the_text_and_becomes_a_task(client, due, store):
    line(client, code="12345")
    tick(client)
    assert texts(store)[0].state is MessageState.FAILED
    assert tasks(store)


def test_an_opt_out_said_by_the_line_stops_the_phone(client, due, store):
    line(client, code="21610")
    tick(client)
    with store.reading() as session:
        assert len(session.exec(select(Suppression)).all()) == 1
        waiting = session.exec(select(Message.state).where(Message.state == MessageState.PENDING)).all()
    assert waiting == []


def test_a_delay_brings_everything_later(client, due, store):
    line(client, delay="1800")
    tick(client)
    assert texts(store)[0].state is MessageState.ACCEPTED
    assert bubbles(client, due) == 0
    tick(client, "hour")
    assert texts(store)[0].state is MessageState.DELIVERED
    client.post(f"/sim/{due}/text", data={"body": "4"})
    with store.reading() as session:
        assert rehearsal.all_scores(session) == []
    tick(client, "hour")
    with store.reading() as session:
        assert [score["value"] for score in rehearsal.all_scores(session)] == [4]


def test_one_phone_may_have_switches_of_its_own(client, due, store):
    client.post("/sim/failures", data={"number": due, "code": "30005"})
    assert "own switches" in text(client.get(f"/sim/{due}"))
    assert "goes wrong" not in text(client.get("/sim"))
    tick(client)
    assert texts(store)[0].error_code == "30005"
    client.post("/sim/failures", data={"number": due, "heal": "1"})
    assert "own switches" not in text(client.get(f"/sim/{due}"))


def test_the_page_says_what_is_wrong_on_the_line(client, due):
    line(client, swallow="y", code="30003", delay="90")
    page = text(client.get("/sim"))
    assert "Accepted texts vanish" in page
    assert "every text fails with code 30003" in page
    assert "90 seconds late" in page
    line(client, heal="1")
    assert "goes wrong" not in text(client.get("/sim"))


@pytest.mark.parametrize("typed", ["-1", "x", "1.5", "9" * 40, "٣"])
def test_whatever_is_typed_into_the_fields_nothing_breaks(client, due, wired, typed):
    line(client, code=typed, delay=typed, retry_after=typed)
    assert client.get("/sim").status_code == 200
    tick(client)


def test_the_clock_moves_by_an_hour_a_day_and_to_the_next_prompt(client, due, store, wired):
    def moved(by):
        before = wired.clock.now()
        tick(client, by)
        return wired.clock.now() - before

    assert HOUR <= moved("hour") < HOUR + timedelta(minutes=1)
    assert DAY <= moved("day") < DAY + timedelta(minutes=1)
    with store.reading() as session:
        next_at = rehearsal.next_due(session, wired.clock.now())
    sent = len(texts(store))
    tick(client, "next")
    assert wired.clock.now() >= next_at
    assert len(texts(store)) > sent
    assert moved("month") < timedelta(minutes=1)


def test_a_day_on_a_line_that_fails_is_over_in_a_moment(client, due):
    line(client, timeout_before_accept="y")
    for _ in range(2):
        tick(client, "day")
    assert client.get("/sim").status_code == 200


def test_a_picture_and_a_stop_reach_the_clinic(client, due, store):
    tick(client)
    client.post(f"/sim/{due}/text", data={"body": "look", "picture": "y"})
    client.post(f"/sim/{due}/text", data={"body": "STOP"})
    tick(client)
    with store.reading() as session:
        assert [row.num_media for row in session.exec(select(Inbound).order_by(Inbound.id))] == [1, 0]
        assert len(session.exec(select(Suppression)).all()) == 1
    assert "stopped" in text(client.get("/sim"))
