"""The provider's doors: only a valid signature opens them, each text has one effect, and 503 asks for another try."""

import threading
from datetime import timedelta

import pytest
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from prom import wiring
from prom.app import create_app
from prom.clock import Clock
from prom.messaging.simulated import SimulatedGateway
from prom.storage.models import InboundState, MessageEvent, MessageState, Task
from prom.storage.session import Store, engine_for
from tests import outbox, replies

TOKEN, NEXT = "secret", "the next secret"
PUBLIC = "https://clinic.example/prom"
INBOUND, STATUS = "/twilio/inbound", "/twilio/status"


@pytest.fixture
def door(store, instance, now):
    """Return a maker of apps behind a TLS proxy with a path prefix."""
    opened = []

    def make(on=store, **changes):
        changes = {"public_url": PUBLIC, **changes}
        clock = Clock(instance, movable=True)
        clock.move_to(now)
        gateway = SimulatedGateway(instance / "simulated.db", clock.now)
        opened.append(gateway)
        app = create_app(wiring.App(outbox.settings(instance, **changes), on, gateway, clock))
        app.config["TESTING"] = False
        return app

    yield make
    for gateway in opened:
        gateway.close()


@pytest.fixture
def app(door):
    return door()


@pytest.fixture
def asha(store, site, now):
    return replies.asked(store, site, now)


def fields_of(phone, body, sid="SM1", **more):
    return {
        "AccountSid": "AC1",
        "ApiVersion": "2010-04-01",
        "Body": body,
        "From": phone,
        "FromCity": "",
        "MessageSid": sid,
        "NumMedia": "0",
        "To": replies.OWN_NUMBER,
        **more,
    }


def signed(fields, path=INBOUND, token=TOKEN, public=PUBLIC):
    return RequestValidator(token).compute_signature(public + path, fields)


def post(app, fields, path=INBOUND, signature=None):
    signature = signed(fields, path) if signature is None else signature
    return app.test_client().post(path, data=fields, headers={"X-Twilio-Signature": signature})


def test_a_signed_text_is_stored_answered_with_nothing_and_counted(app, store, asha):
    answer = post(app, fields_of(asha.phone, "6"))
    assert answer.status_code == 200
    assert answer.get_data(as_text=True).endswith("<Response/>")
    assert answer.content_type.startswith("text/xml")
    assert replies.scores(store) == [6]
    assert replies.sent_back(store) == ["thanks"]


@pytest.mark.parametrize("path", [INBOUND, f"{STATUS}?m=1"])
def test_a_bad_signature_is_refused_and_nothing_is_stored(app, store, asha, path):
    fields = fields_of(asha.phone, "6", MessageStatus="delivered")
    right = signed(fields, path)
    forged = ["", "A" * 28, right.swapcase(), signed(fields, path, "other"), signed(fields, path, public="http://x")]
    forged += [signed({**fields, "Body": "7"}, path), "ß" * 28]
    for signature in forged:
        assert post(app, fields, path, signature).status_code == 403
    assert app.test_client().post(path, data=fields).status_code == 403, "no signature at all"
    assert replies.texts_in(store) == []
    assert replies.every(store, MessageEvent) == []


def test_a_signature_made_with_an_empty_token_opens_nothing(app, store, asha):
    fields = fields_of(asha.phone, "6")
    assert post(app, fields, signature=signed(fields, token="")).status_code == 403
    assert replies.texts_in(store) == []


def test_without_a_public_address_or_with_simulated_phones_the_doors_are_shut(door, asha):
    fields = fields_of(asha.phone, "6")
    assert post(door(public_url=""), fields, signature=signed(fields, public="")).status_code == 403
    assert post(door(gateway="simulated"), fields).status_code == 403


def test_both_tokens_are_accepted_while_they_are_exchanged(door, store, asha):
    app = door(twilio_auth_token_next=NEXT)
    for sid, token in (("SM1", TOKEN), ("SM2", NEXT)):
        fields = fields_of(asha.phone, "6", sid)
        assert post(app, fields, signature=signed(fields, token=token)).status_code == 200
    fields = fields_of(asha.phone, "6", "SM3")
    assert post(app, fields, signature=signed(fields, token="older")).status_code == 403
    assert [row.provider_sid for row in replies.texts_in(store)] == ["SM1", "SM2"]


@pytest.mark.parametrize("query", ["", "?x=%E0%A6%AC&y=", "?name=J%C3%BCrgen+x&&=", "?m=a%2Fb;c", "?q=100%25"])
def test_queries_count_as_they_were_written(app, store, asha, query):
    assert post(app, fields_of(asha.phone, "6"), INBOUND + query).status_code == 200
    assert replies.scores(store) == [6]


def test_a_query_outside_ascii_validates(app, store, asha):
    fields = fields_of(asha.phone, "6")
    query = "name=ব্যথা"
    answer = app.test_client().post(
        INBOUND,
        data=fields,
        headers={"X-Twilio-Signature": signed(fields, f"{INBOUND}?{query}")},
        environ_overrides={"QUERY_STRING": query.encode().decode("latin-1")},
    )
    assert answer.status_code == 200
    assert replies.scores(store) == [6]


def test_unknown_and_empty_fields_and_any_letters_validate(app, store, asha):
    fields = fields_of(asha.phone, "৬ 🙂 é", SomethingNew="x", FromState="", **{"Körper[]": "ß"})
    assert post(app, fields).status_code == 200
    assert len(replies.texts_in(store)) == 1


def test_what_the_proxy_says_of_host_and_scheme_does_not_matter(app, store, asha):
    fields = fields_of(asha.phone, "6")
    answer = app.test_client().post(
        INBOUND,
        data=fields,
        base_url="http://10.0.0.7:5000",
        headers={"X-Twilio-Signature": signed(fields), "X-Forwarded-Host": "evil.example"},
    )
    assert answer.status_code == 200
    assert replies.scores(store) == [6]


def test_the_same_text_twice_has_one_effect_and_is_answered_twice(app, store, asha):
    for _ in range(3):
        assert post(app, fields_of(asha.phone, "6")).status_code == 200
    assert len(replies.texts_in(store)) == 1
    assert replies.scores(store) == [6]
    assert replies.sent_back(store) == ["thanks"]


def at_once(work, times=4):
    """Run work in threads that start together, and return what each returned."""
    ready, results = threading.Barrier(times), []

    def run():
        ready.wait()
        results.append(work())

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_the_same_text_at_once_from_several_threads_has_one_effect(app, store, asha):
    fields = fields_of(asha.phone, "6")
    assert at_once(lambda: post(app, fields).status_code) == [200] * 4
    assert len(replies.texts_in(store)) == 1
    assert replies.scores(store) == [6]
    assert replies.sent_back(store) == ["thanks"]


@pytest.mark.postgres
def test_the_same_text_at_once_on_two_postgresql_workers_has_one_effect(door, postgres_store, postgres_url, now):
    with postgres_store.writing() as session:
        site = outbox.site(session)
    asha = replies.asked(postgres_store, site, now)
    other = Store(engine_for(postgres_url), postgres_store.vault)
    apps = [door(on) for on in (postgres_store, other)]
    try:
        for number in range(5):
            fields = fields_of(asha.phone, "6", f"SM{number}")
            turns = iter([0, 1, 0, 1])
            assert at_once(lambda fields=fields, turns=turns: post(apps[next(turns)], fields).status_code) == [200] * 4
    finally:
        other.engine.dispose()
    assert len(replies.texts_in(postgres_store)) == 5
    assert replies.scores(postgres_store) == [6]
    assert replies.sent_back(postgres_store) == ["thanks"]


def test_a_text_from_an_unknown_number_is_stored_unmatched_for_people(app, store, site):
    assert post(app, fields_of("+919007999999", "7")).status_code == 200
    assert [row.state for row in replies.texts_in(store)] == [InboundState.UNMATCHED]
    assert [row.reason for row in replies.every(store, Task)] == ["unmatched_sender"]
    assert replies.sent_back(store) == []


@pytest.mark.parametrize("said", ["1", "10", "01", "9" * 5000, "two", "-1", "²"])
def test_a_picture_however_counted_is_for_people(app, store, asha, said):
    assert post(app, fields_of(asha.phone, "6", NumMedia=said)).status_code == 200
    assert replies.scores(store) == []
    assert [row.candidate for row in replies.every(store, Task)] == ["6"]


@pytest.mark.parametrize("sid", ["", "S" * 41, "SM\x00", "SM\n1"])
def test_a_text_without_a_sound_id_is_refused(app, store, asha, sid):
    assert post(app, fields_of(asha.phone, "6", sid)).status_code == 400
    assert replies.texts_in(store) == []


def test_a_get_opens_nothing(app):
    assert app.test_client().get(INBOUND).status_code == 405
    assert app.test_client().get(STATUS).status_code == 405


def test_texts_that_come_at_once_are_all_stored_and_answered(app, store, site, now):
    people = [replies.asked(store, site, now) for _ in range(8)]
    turns = iter(range(8))
    lock = threading.Lock()

    def one():
        with lock:
            number = next(turns)
        return post(app, fields_of(people[number].phone, str(number), f"SM{number}")).status_code

    assert at_once(one, 8) == [200] * 8
    assert [replies.scores(store, person.prompt) for person in people] == [[number] for number in range(8)]
    assert replies.sent_back(store) == ["thanks"] * 8


def test_a_webhook_opens_no_session_and_sets_no_cookie(app, store, asha):
    client = app.test_client()
    fields = fields_of(asha.phone, "6")
    client.set_cookie("prom", "r.forged")
    answer = client.post(INBOUND, data=fields, headers={"X-Twilio-Signature": signed(fields)})
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("missing", ["From", "Body", "To", "NumMedia"])
def test_a_text_with_a_field_missing_is_kept(app, store, asha, missing):
    fields = {name: value for name, value in fields_of(asha.phone, "6").items() if name != missing}
    assert post(app, fields).status_code == 200
    assert len(replies.texts_in(store)) == 1
    assert replies.scores(store) == ([] if missing in {"From", "Body"} else [6])


def test_a_repeated_field_validates(app, store, asha):
    fields = MultiDict([*fields_of(asha.phone, "6").items(), ("Extra", "b"), ("Extra", "a"), ("Extra", "b")])
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC + INBOUND, fields)
    assert post(app, fields, signature=signature).status_code == 200
    assert replies.scores(store) == [6]


def test_a_status_is_kept_and_moves_its_text(app, store, asha):
    for status, expected in (("sent", MessageState.SENT), ("read", MessageState.DELIVERED)):
        fields = {"MessageSid": asha.message.provider_sid, "MessageStatus": status, "AccountSid": "AC1"}
        assert post(app, fields, f"{STATUS}?m={asha.message.public_id}").status_code == 200
        assert outbox.fresh(store, asha.message).state is expected
    assert [row.status for row in replies.every(store, MessageEvent)] == ["sent", "read"]


def test_a_status_of_a_text_nobody_knows_is_kept_and_answered(app, store, site):
    fields = {"MessageSid": "SM404", "MessageStatus": "quite new"}
    assert post(app, fields, f"{STATUS}?m=nobody").status_code == 200
    assert [(row.provider_sid, row.status) for row in replies.every(store, MessageEvent)] == [("SM404", "quite new")]


def test_a_reply_counts_at_the_time_it_came(app, store, asha, now):
    post(app, fields_of(asha.phone, "6"))
    row = replies.texts_in(store)[0]
    assert timedelta(0) <= row.received_at - now < timedelta(seconds=30)
