"""The clinic's licensed wording: read from JSON and CSV, everything wrong named, versions never changed."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prom.domain import wording
from prom.services import questionnaires
from prom.services.questionnaires import WordingError
from prom.storage import audit

WORDS = [f"Invented sentence number {number} about nothing" for number in range(1, 26)]
OPTIONS = ["Nil", "Few", "Some", "Many", "All"]


def entry(**changes):
    values = {
        "language": "en",
        "version": "2026.1",
        "source": "invented for a test",
        "licence": "none needed",
        "items": {str(number): words for number, words in enumerate(WORDS, start=1)},
        "options": OPTIONS,
    }
    return {key: value for key, value in (values | changes).items() if value is not None}


def read(*entries, name="own.json"):
    data = entries[0] if len(entries) == 1 else list(entries)
    return questionnaires.read(json.dumps(data, ensure_ascii=False).encode(), name)


def problems(*entries):
    with pytest.raises(WordingError) as caught:
        read(*entries)
    return caught.value.problems


def csv(*more, items=WORDS):
    head = ["name,text", "language,en", "version,1", "source,a test", "licence,none", *more]
    return "\n".join([*head, *(f'{number},"{words}"' for number, words in enumerate(items, start=1))]).encode()


def test_json_is_read_as_an_object_a_list_of_items_or_several_languages():
    [one] = read(entry())
    assert one.items[25] == WORDS[24]
    assert one.options == tuple(OPTIONS)
    assert read(entry(items=WORDS))[0].items == one.items
    hindi = {str(number): f"मनगढ़ंत वाक्य {number}" for number in range(1, 26)}
    assert [each.language for each in read(entry(), entry(language="hi", items=hindi))] == ["en", "hi"]
    assert read(entry(options=None))[0].options == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_csv_is_read_in_the_usual_encodings(encoding):
    data = (
        csv("option_0,Nil", "option_1,Few", "option_2,Some", "option_3,Many", "option_4,All").decode().encode(encoding)
    )
    [one] = questionnaires.read(data, "OWN.CSV")
    assert (one.items[1], one.version, one.options) == (WORDS[0], "1", tuple(OPTIONS))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"language": "fr"}, "language"),
        ({"language": None}, "language"),
        ({"version": ""}, "version"),
        ({"version": "a b"}, "version"),
        ({"version": 3}, "version"),
        ({"version": "v" * 25}, "version"),
        ({"source": " "}, "source"),
        ({"source": None}, "source"),
        ({"licence": None}, "licence"),
        ({"licence": "x" * 201}, "licence"),
        ({"instrument": "phq"}, "instrument"),
        ({"note": "x"}, "'note'"),
        ({"items": None}, "items are missing"),
        ({"items": WORDS[:24]}, "item 25 is missing"),
        ({"items": [*WORDS, "One more"]}, "'26'"),
        ({"items": [*WORDS[:24], " "]}, "item 25"),
        ({"items": [*WORDS[:24], 7]}, "item 25"),
        ({"items": [*WORDS[:24], "x" * 301]}, "item 25"),
        ({"items": [*WORDS[:24], "two\nlines"]}, "item 25"),
        ({"items": [*WORDS[:24], "hidden\u202esign"]}, "item 25"),
        ({"items": [*WORDS[:24], "{clinic}"]}, "item 25"),
        ({"items": [*WORDS[:24], WORDS[0].upper()]}, "items 1 and 25"),
        ({"items": [*WORDS[:24], "सिर्फ़ हिन्दी"]}, "item 25"),
        ({"language": "hi"}, "script"),
        ({"options": OPTIONS[:4]}, "5"),
        ({"options": [*OPTIONS[:4], "nil"]}, "different"),
        ({"options": [*OPTIONS[:4], ""]}, "none empty"),
        ({"options": "Nil"}, "5 labels"),
        ({"options": [*OPTIONS[:4], "x" * 41]}, "40"),
    ],
)
def test_everything_wrong_is_named(changes, word):
    assert any(word in problem for problem in problems(entry(**changes))), problems(entry(**changes))


def test_all_problems_are_told_at_once():
    assert len(problems(entry(version="", source="", items=WORDS[:20]))) == 7


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"3",
        b'"x"',
        b"{",
        b"[3]",
        b"\xff\xfe\x00",
        b"\x80",
        b'{"items": {"1": "a", "1": "b"}}',
        b"[" * 99999,
    ],
)
def test_what_is_no_wording_is_refused_in_plain_words(data):
    with pytest.raises(WordingError):
        questionnaires.read(data, "own.json")


@pytest.mark.parametrize(
    "data", [b"", b"1,a,b", csv("1,twice"), csv("colour,red"), csv("option_9,x"), csv('"un'), csv(items=WORDS[:3])]
)
def test_what_is_no_wording_table_is_refused(data):
    with pytest.raises(WordingError):
        questionnaires.read(data, "own.csv")


@given(st.binary(max_size=200), st.sampled_from(["a.csv", "a.json", ""]))
@settings(max_examples=150)
def test_no_bytes_break_the_reader(data, name):
    with pytest.raises(WordingError):
        questionnaires.read(data, name)


def test_a_version_is_kept_once_and_never_changed_and_the_newest_is_shown(store, site, now):
    from datetime import timedelta

    with store.writing() as session:
        [first] = read(entry())
        assert questionnaires.store(session, site, first, audit.COMMAND, now)
        assert not questionnaires.store(session, site, first, audit.COMMAND, now)
        [other] = read(entry(items=[*WORDS[:24], "Other words"]))
        with pytest.raises(WordingError):
            questionnaires.store(session, site, other, audit.COMMAND, now)
        [newer] = read(entry(version="2026.2", items=[*WORDS[:24], "Other words"]))
        questionnaires.store(session, site, newer, audit.COMMAND, now + timedelta(days=1))
        assert questionnaires.shown(session, site.id, "en").items[25] == "Other words"
        assert questionnaires.shown(session, site.id, "bn") is None


def test_texts_item_by_item_say_the_sentence_and_how_to_answer(store, site, now):
    with store.writing() as session:
        assert questionnaires.own_texts(session, site.id) == {}
        questionnaires.store(session, site, read(entry())[0], audit.COMMAND, now)
        own = questionnaires.own_texts(session, site.id)
    said = wording.ask("csi_item_7", "en", own)
    assert said == f"{WORDS[6]} Reply one number: 0 never, 1 rarely, 2 sometimes, 3 often, 4 always."
    assert ("csi_item_24", "en") not in own
    assert ("csi_item_16", "en") not in own
    assert "Invented" not in wording.ask("csi_item_7", "hi", own)
