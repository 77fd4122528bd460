"""Notes that patients write on a page: read by people, emergencies at once, and never a score."""

import pytest

from prom.storage import alerts, channels, inbound, tasks
from prom.storage.models import AlertKind, AnswerState, InboundState, MessageKind, Patient, TaskKind
from tests.web.patients import dump, follow, linked, text


@pytest.fixture
def asha(app, wired, site, now):
    """Return Asha's link after she has answered."""
    one = linked(app, wired, site, now)
    one.choose("nrs", 3)
    return one


def write(one, words, lang=""):
    return one.client.post(one.address + "/note" + (f"?lang={lang}" if lang else ""), data={"note": words})


def open_tasks(one):
    with one.wired.store.reading() as session:
        return tasks.open_tasks(session, [one.prompt.site_id])


def notes(one):
    with one.wired.store.reading() as session:
        return [(inbound.body(session, row), row) for row in inbound.of_patient(session, one.prompt.patient_id)]


def test_a_note_is_kept_sealed_and_put_before_a_person(asha):
    page = text(follow(asha, write(asha, "The bandage itches a little")))
    assert "The clinic has your note" in page
    [(words, row)] = notes(asha)
    assert words == "The bandage itches a little"
    assert row.state is InboundState.PEOPLE
    [task] = open_tasks(asha)
    assert (task.kind, task.inbound_id, task.patient_id) == (TaskKind.READ, row.id, asha.prompt.patient_id)
    assert "bandage" not in repr(dump(asha.wired.store))


def test_a_note_is_never_a_score(asha):
    write(asha, "7")
    assert [row.value for row in asha.answers()] == [3]
    assert asha.answers(AnswerState.SECOND) == []
    assert [task.kind for task in open_tasks(asha)] == [TaskKind.READ]


def test_words_of_an_emergency_raise_an_urgent_call_an_alert_and_advice_on_the_page(asha):
    page = text(follow(asha, write(asha, "I cannot pass urine since this morning and my legs are weak")))
    assert "This may be an emergency" in page
    assert 'href="tel:112"' in page
    [task] = open_tasks(asha)
    assert (task.kind, task.urgent) == (TaskKind.CALL, True)
    assert task.reason.startswith("red_flag_")
    with asha.wired.store.reading() as session:
        raised = alerts.of_episodes(session, [asha.episode.id], frozenset({AlertKind.RED_FLAG}))
    assert len(list(raised)) == 1


def test_thoughts_of_self_harm_get_their_own_words(asha):
    page = text(follow(asha, write(asha, "I want to kill myself")))
    assert "You are not alone" in page
    assert "14416" in page


def test_the_page_answers_a_note_so_no_text_does(asha):
    write(asha, "chest pain")
    write(asha, "please call me")
    kinds = {row[0] for row in _pending(asha)}
    assert not kinds & {MessageKind.EMERGENCY, MessageKind.REPLY}


def _pending(one):
    from sqlalchemy import text as sql

    with one.wired.store.reading() as session:
        return list(session.execute(sql("SELECT kind FROM message")))


def test_a_note_that_asks_for_no_more_texts_stops_them(asha):
    page = text(follow(asha, write(asha, "please stop texting me")))
    assert "You get no more messages" in page
    with asha.wired.store.reading() as session:
        assert channels.is_suppressed(session, session.get_one(Patient, asha.prompt.patient_id).phone_index)
    assert {task.kind for task in open_tasks(asha)} == {TaskKind.READ, TaskKind.STOPPED}


def test_a_note_of_a_hospital_stay_is_urgent(asha):
    write(asha, "I was admitted to hospital")
    assert [(task.kind, task.reason, task.urgent) for task in open_tasks(asha)] == [(TaskKind.CALL, "hospital", True)]


def test_the_same_note_sent_twice_is_one(asha):
    for _ in range(2):
        write(asha, "The bandage itches")
    assert len(notes(asha)) == 1
    assert len(open_tasks(asha)) == 1


@pytest.mark.parametrize("empty", ["", "   ", "\n\t"])
def test_an_empty_note_is_asked_again_with_an_error(asha, empty):
    response = write(asha, empty)
    assert response.status_code == 422
    assert "Write something first" in text(response)
    assert open_tasks(asha) == []


@pytest.mark.parametrize("odd", ["\x00" * 5, "\ud800", "e" + "́" * 5000, "<script>alert(1)</script>", "a" * 9000])
def test_no_note_breaks_the_page(asha, odd):
    response = asha.client.post(
        asha.address + "/note",
        data=f"note={odd}".encode(errors="surrogatepass"),
        content_type="application/x-www-form-urlencoded",
    )
    assert response.status_code in {303, 422}
    assert all(len(words) <= 1000 for words, _ in notes(asha))


@pytest.mark.parametrize(("country", "kinds"), [("AU", [TaskKind.CALL]), ("IN", [TaskKind.READ])])
def test_a_countrys_own_emergency_number_is_one_on_the_page_too(asha, site, country, kinds):
    with asha.wired.store.writing() as session:
        session.get(type(site), site.id).country = country
    write(asha, "000")
    assert [task.kind for task in open_tasks(asha)] == kinds
