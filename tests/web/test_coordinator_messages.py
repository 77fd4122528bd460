"""The thread of one patient: every text with its status and reason, and a text in one's own words."""

import re
from datetime import timedelta

import pytest

from prom.services import contacting, links
from prom.storage import desk as desk_rows
from prom.storage import episodes, messages, plans
from prom.storage.models import MessageKind, MessageState, Patient
from tests import people
from tests.web.desk import asked, done, page, texted


@pytest.fixture
def asha(app, wired, site, now):
    """Return Asha, whose procedure was done today."""
    episode = done(wired.store, people.asha, site, now)
    with wired.store.reading() as session:
        return episodes.patient_of(session, episode)


def free_texts(wired, patient):
    with wired.store.reading() as session:
        return [row for row in desk_rows.messages_of(session, patient.id) if row.text_key == "free"]


def test_an_empty_thread_says_so_and_what_comes_next(client_as, asha):
    shown = page(client_as("coordinator").get(f"/patients/{asha.public_id}/messages"))
    assert "No texts yet." in shown
    assert "Next: Question: average pain, last 24 hours, leaves 5 Mar" in shown


def test_a_text_is_previewed_with_its_segments_before_anything_is_stored(client_as, wired, asha):
    client, address = client_as("coordinator"), f"/patients/{asha.public_id}/messages"
    shown = page(client.post(address, data={"text": "Please call us “today”."}))
    assert "Asha Clinic: Please call us &#34;today&#34;." in shown
    assert "1 segment" in shown
    assert free_texts(wired, asha) == []


def test_an_indic_text_shows_what_it_costs(client_as, asha):
    shown = page(
        client_as("coordinator").post(
            f"/patients/{asha.public_id}/messages",
            data={"text": "অনুগ্রহ করে আজ আমাদের ফোন করুন, জরুরি কথা আছে। ধন্যবাদ। আমরা অপেক্ষা করছি।"},
        )
    )
    assert "2 segments" in shown
    assert "Unicode" in shown


def test_the_same_form_sent_twice_is_one_text(client_as, wired, asha):
    client, address = client_as("coordinator"), f"/patients/{asha.public_id}/messages"
    once = re.search(r'name="once" value="(\w+)"', page(client.post(address, data={"text": "Call us"}))).group(1)
    for _ in range(2):
        assert client.post(address, data={"text": "Call us", "send": "1", "once": once}).status_code == 303
    (text,) = free_texts(wired, asha)
    assert (text.kind, text.state) == (MessageKind.PROMPT, MessageState.PENDING)
    assert "Asha Clinic: Call us" in page(client.get(address))


def test_an_answer_to_a_text_of_theirs_leaves_at_any_hour(client_as, wired, asha, now):
    texted(wired.store, people.ASHA_PHONE, "what should I do with my tablets?", now)
    wired.clock.move_to(now + timedelta(minutes=5))
    client_as("coordinator").post(
        f"/patients/{asha.public_id}/messages", data={"text": "We call you today.", "send": "1", "once": "a"}
    )
    (text,) = free_texts(wired, asha)
    assert text.kind is MessageKind.REPLY
    assert text.inbound_id is not None


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "Write what the text should say."),
        (" \n ", "Write what the text should say."),
        ("Dear Asha, call us", "never names the patient"),
        ("Mrs DAS, call us", "never names the patient"),
        ("About R-101", "never names the patient"),
        ("a" * 321, "321 characters"),
        ("ক" * 300, "segments"),
    ],
)
def test_a_text_that_may_not_leave_is_refused_and_kept(client_as, wired, asha, typed, says):
    answer = client_as("coordinator").post(f"/patients/{asha.public_id}/messages", data={"text": typed, "send": "1"})
    assert answer.status_code == 422
    assert says in page(answer)
    assert free_texts(wired, asha) == []


def test_nothing_is_written_to_a_phone_that_stopped(client_as, wired, asha, now):
    texted(wired.store, people.ASHA_PHONE, "STOP", now)
    client = client_as("coordinator")
    answer = client.post(f"/patients/{asha.public_id}/messages", data={"text": "Call us", "send": "1"})
    assert answer.status_code == 422
    assert "Only START from that phone opens it again." in page(answer)
    shown = page(client.get(f"/patients/{asha.public_id}/messages"))
    assert "No texts are sent: the phone asked us to stop." in shown


def test_a_text_shows_link_in_place_of_its_address(client_as, wired, asha, now):
    with wired.store.writing() as session:
        episode = episodes.of_patient(session, asha.id)[0]
        prompt = plans.prompts(session, episode.id)[2]
        text = messages.of_prompt(session, prompt.id)[0]
        key, place = messages.key_of(session, text), messages.place("body", text.public_id)
        text.body_sealed = wired.store.vault.seal(key, place, "Answer here: [link]")
        text.state, text.sending_at = MessageState.DELIVERED, now
        session.add(text)
        token = links.token(wired.store.vault, prompt)
    shown = page(client_as("coordinator").get(f"/patients/{asha.public_id}/messages"))
    assert "Answer here: [link]" in shown
    assert "delivered" in shown
    assert token not in shown


def test_a_text_that_was_not_sent_is_in_the_thread_with_its_reason(client_as, wired, asha, now):
    with wired.store.writing() as session:
        text = min(desk_rows.messages_of(session, asha.id), key=lambda row: row.due_at)
        text.state, text.reason = MessageState.EXPIRED, "system_off"
        session.add(text)
    wired.clock.move_to(text.due_at + timedelta(days=1))
    shown = page(client_as("coordinator").get(f"/patients/{asha.public_id}/messages"))
    assert "not sent: our system was off" in shown


def test_what_came_in_shows_what_was_recorded_in_our_digits(client_as, wired, asha, site, now):
    with wired.store.reading() as session:
        episode = episodes.of_patient(session, asha.id)[0]
    prompt = asked(wired.store, episode)
    at = prompt.due_at + timedelta(hours=1)
    texted(wired.store, people.ASHA_PHONE, "৪", at)
    wired.clock.move_to(at)
    shown = page(client_as("coordinator").get(f"/patients/{asha.public_id}/messages"))
    assert "৪  (= 4)" in shown
    assert "recorded: 4" in shown


def test_an_unread_reply_carries_its_buttons_in_the_thread(client_as, wired, asha, now):
    texted(wired.store, people.ASHA_PHONE, "please call me back", now)
    client = client_as("coordinator")
    assert "Open the task" in page(client.get(f"/patients/{asha.public_id}/messages"))
    assert "Open the task" not in page(client_as("clinician").get(f"/patients/{asha.public_id}/messages"))


def test_a_question_is_sent_again_only_while_it_can_be_answered(wired, asha, now):
    with wired.store.writing() as session:
        episode = episodes.of_patient(session, asha.id)[0]
        prompt = next(row for row in plans.prompts(session, episode.id) if row.time_point == "d3")
        person = session.get(Patient, asha.id)
        actor = people.audit.COMMAND
        with pytest.raises(contacting.ContactError, match="not due yet"):
            contacting.resend(session, prompt, actor, now)
        with pytest.raises(contacting.ContactError, match="waiting to leave already"):
            contacting.resend(session, prompt, actor, prompt.due_at)
        for text in messages.of_prompt(session, prompt.id):
            text.state, text.sending_at = MessageState.UNDELIVERED, prompt.due_at
        added = contacting.resend(session, prompt, actor, prompt.due_at + timedelta(hours=1))
        assert (added.kind, added.question) == (MessageKind.PROMPT, "nrs")
        with pytest.raises(contacting.ContactError, match="are over"):
            contacting.resend(session, prompt, actor, prompt.closes_at)
        person.unusable_reason = "30005"
        with pytest.raises(contacting.ContactError, match="takes no texts"):
            contacting.resend(session, prompt, actor, prompt.due_at + timedelta(hours=2))


def test_a_ready_text_is_shown_in_the_patients_language_with_its_size_before_it_is_sent(client_as, wired, site, now):
    with wired.store.writing() as session:
        episode = people.bikash(session, site, now)
        public_id = episodes.patient_of(session, episode).public_id
        session.get(type(site), site.id).segment_price, session.get(type(site), site.id).currency = 2500, "INR"
    client = client_as("coordinator")
    address = f"/patients/{public_id}/messages"
    assert "Or take a ready text:" in page(client.get(address))
    shown = page(client.post(address, data={"template": "note_call_us", "text": ""}))
    assert "Asha Clinic: সময় হলে" in shown
    assert "+913340001000" in shown
    assert re.search(r"It costs INR 0\.\d\d\.", shown)
    typed = re.search(r'name="text" value="([^"]+)"', shown)[1]
    sent = client.post(address, data={"text": typed, "send": "1", "once": "x"}, follow_redirects=True)
    assert "The text is on its way." in page(sent)


def test_a_text_written_at_night_says_when_it_leaves(client_as, wired, site, now):
    with wired.store.writing() as session:
        public_id = episodes.patient_of(session, people.asha(session, site, now)).public_id
    wired.clock.move_to(now.replace(hour=18, minute=30))
    shown = page(client_as("coordinator").post(f"/patients/{public_id}/messages", data={"template": "note_answered"}))
    assert "It is night there: it leaves on 3 Mar, 08:00." in shown
