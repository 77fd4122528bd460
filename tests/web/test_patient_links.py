"""Links of patients: what opens, what is over, a new link, stop, and who is texting."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from prom.services import links, prompting
from prom.storage import channels, messages, patients, tasks
from prom.storage.models import Patient, TaskKind
from tests import people
from tests.web.patients import dump, follow, linked, text


@pytest.fixture
def asha(app, wired, site, now):
    """Return Asha's open link of day 14: one pain question."""
    return linked(app, wired, site, now)


def test_a_link_that_is_over_wrong_or_used_gets_the_same_page(asha):
    wrong = asha.client.get("/a/" + "x" * 30)
    changed = asha.token[:-1] + ("a" if asha.token[-1] != "a" else "b")
    forged = asha.client.get("/a/" + changed)
    asha.choose("nrs", 3)
    asha.at(asha.wired.clock.now() + timedelta(minutes=16))
    used = asha.page()
    asha.at(asha.prompt.closes_at)
    over = asha.page()
    pages = {re.sub(r"/a/\w+", "/a/-", text(page)) for page in (wrong, forged, used, over)}
    assert len(pages) == 1
    assert {page.status_code for page in (wrong, forged, used, over)} == {410}
    assert pages.pop().count("<button") == 1


def test_an_answer_to_a_link_that_is_over_says_that_nothing_was_saved(asha):
    asha.at(asha.prompt.closes_at)
    for path, data in (("", {"q": "nrs", "answer": "3"}), ("/note", {"note": "chest pain"}), ("/call", {})):
        response = asha.client.post(asha.address + path, data=data)
        assert response.status_code == 410
        assert "was not saved" in text(response)
    assert asha.answers() == []


def test_a_used_link_takes_a_change_for_15_minutes(asha):
    asha.choose("nrs", 3)
    asha.at(asha.fresh().answered_at + timedelta(minutes=14, seconds=50))
    asha.choose("nrs", 4)
    asha.at(asha.fresh().answered_at + timedelta(minutes=15))
    asha.choose("nrs", 5)
    assert [row.value for row in asha.answers()] == [4]


def test_an_old_link_texts_a_new_one_for_what_is_open_now(asha):
    later = _open_next(asha)
    response = asha.client.post(asha.address + "/new")
    assert "a new link comes by text" in text(response)
    asha.client.post(asha.address + "/new")
    with asha.wired.store.reading() as session:
        waiting = [row for row in messages.of_prompt(session, later.id) if row.text_key == "new_link"]
    [message] = waiting
    assert message.expires_at - message.due_at == timedelta(minutes=15)


def _open_next(one):
    with one.wired.store.reading() as session:
        from prom.storage import plans

        later = next(row for row in plans.prompts(session, one.episode.id) if row.time_point == "d30")
    one.at(later.due_at + timedelta(hours=2))
    return later


def test_a_new_link_is_asked_for_in_vain_when_nothing_is_open_or_the_link_is_nobodys(asha):
    later = _open_next(asha)
    known = text(asha.client.post(asha.address + "/new"))
    before = dump(asha.wired.store)
    unknown = text(asha.client.post("/a/" + "x" * 30 + "/new"))
    assert re.sub(r"/a/\w+", "/a/-", known) == re.sub(r"/a/\w+", "/a/-", unknown)
    after = dump(asha.wired.store)
    assert {name for name in after if after[name] != before[name]} == {"signinthrottle"}
    asha.at(later.closes_at + timedelta(days=2))
    asha.client.post(asha.address + "/new")
    assert dump(asha.wired.store) == after


def test_too_many_wrong_addresses_are_slowed_down_but_a_good_link_always_opens(asha):
    statuses = [asha.client.get(f"/a/{n:030d}").status_code for n in range(7)]
    assert statuses[:5] == [410] * 5
    assert statuses[-1] == 429
    assert asha.page().status_code == 200


def test_a_new_number_kills_the_old_link(asha):
    with asha.wired.store.writing() as session:
        patient = session.get_one(Patient, asha.prompt.patient_id)
        patients.set_phone(session, patient, "+919007000999")
        links.renew(session, patient)
    assert asha.page().status_code == 410


def test_stop_asks_first_and_then_stops_the_phone(asha):
    page = text(asha.client.get(f"/stop/{asha.token}"))
    assert "Stop these messages?" in page
    response = asha.client.post(f"/stop/{asha.token}")
    assert "You get no more messages" in text(follow(asha, response))
    asha.client.post(f"/stop/{asha.token}")
    with asha.wired.store.reading() as session:
        patient = session.get_one(Patient, asha.prompt.patient_id)
        assert channels.is_suppressed(session, patient.phone_index)
        assert [task.kind for task in tasks.open_tasks(session, [asha.prompt.site_id])] == [TaskKind.STOPPED]
        waiting = {row.state.value for row in messages.of_prompt(session, asha.prompt.id)}
    assert waiting == {"suppressed"}
    assert asha.page().status_code == 410


def test_an_old_link_can_still_stop_and_an_unknown_one_cannot(asha):
    assert asha.client.post("/stop/" + "x" * 30).status_code == 410
    asha.at(asha.prompt.closes_at + timedelta(days=9))
    assert asha.client.post(f"/stop/{asha.token}").status_code == 303


def test_who_is_texting_names_the_clinic_and_gives_a_contact_card(asha):
    page = text(asha.client.get("/who"))
    assert "Asha Clinic" in page
    card = asha.client.get(re.search(r'href="(/who/[^"]+\.vcf)"', page).group(1))
    assert card.content_type == "text/vcard; charset=utf-8"
    assert "FN:Asha Clinic\r\n" in text(card)
    assert "TEL;TYPE=VOICE:+913340001000\r\n" in text(card)
    assert asha.client.get("/who/unknown.vcf").status_code == 404


def test_the_new_link_reaches_the_phone_and_opens_the_questions(asha):
    later = _open_next(asha)
    asha.client.post(asha.address + "/new")
    wired = asha.wired
    settings = replace(wired.settings, public_url="https://pain.example")
    prompting.send_due(wired.store, wired.gateway, settings, wired.clock.now)
    texts = [bubble.body for bubble in wired.gateway.thread(people.ASHA_PHONE)]
    [found] = re.findall(r"new link: https://pain\.example(/a/\w+)", "\n".join(texts))
    with wired.store.reading() as session:
        assert found == f"/a/{links.token(wired.store.vault, session.get_one(type(later), later.id))}"
    assert "Question 1 of 3" in text(asha.client.get(found))
