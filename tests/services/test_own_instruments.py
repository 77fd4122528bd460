"""A questionnaire that a clinic adds as a file: from its words on the page to the answers table and the CSV."""

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest

from prom import config, wiring
from prom.domain import instruments, own_instruments, procedures, wording
from prom.domain.own_instruments import FileError
from prom.services import exporting, importing, linking, links, planning
from prom.storage import answers, audit, plans, sites
from prom.storage.models import PromptState, Source
from prom.storage.session import vault_of
from tests import people

STIFF = """
key = "stiff"
name = "Stiffness"
version = "1"
source = "our own"
items = 3
low = 0
high = 10
total = "mean"
worse = "high"
cut_off = [{ name = "raised", version = "1", at_least = 6, population = "adults" }]

[[question]]
key = "stiff_1"
item = 1
wording.en = "How stiff is {place} in the morning? 0 not at all, 10 as stiff as can be."
wording.bn = "সকালে {place} কতটা শক্ত লাগে? ০ একদম না, ১০ সবচেয়ে বেশি।"
[[question]]
key = "stiff_2"
item = 2
wording.en = "How stiff is {place} in the evening? 0 not at all, 10 as stiff as can be."
[[question]]
key = "stiff_3"
item = 3
wording.en = "How much did stiffness hinder you? 0 not at all, 10 completely."
"""
KEYS = ("stiff_1", "stiff_2", "stiff_3")


@pytest.fixture
def adopted():
    """Make the clinic's file known for one test, and forget it afterwards."""
    before = instruments.adopt(own_instruments.added_by({"stiff.toml": STIFF}))
    yield
    instruments.adopt(before)


@pytest.fixture
def prompt(store, site, now, adopted):
    """Return Asha's prompt of day 30 with the clinic's questions behind pain, asked now."""
    with store.writing() as session:
        definition = procedures.default_plan_data("genicular_rfa") | {"own_days": {"stiff": [30]}, "version": "own-1"}
        plans.add(session, site.id, "genicular_rfa", definition, now)
        episode = people.asha(session, site, now, procedure_at=now - timedelta(days=30), done=False)
        planning.mark_done(session, episode, episode.procedure_at, audit.COMMAND, now)
        row = next(one for one in plans.prompts(session, episode.id) if one.time_point == "d30")
        row.state, row.asked_at, row.last_text_at = PromptState.ASKED, now, now
        session.add(row)
        return row


def test_the_catalogue_knows_it_while_it_is_adopted_and_forgets_it(adopted):
    assert instruments.question("stiff_2").items == (2,)
    assert instruments.instrument("stiff").cut_off("raised").at_least == 6
    assert "stiff_3" in instruments.QUESTIONS
    instruments.adopt(instruments.NOTHING_ADDED)
    assert "stiff_3" not in instruments.QUESTIONS
    with pytest.raises(ValueError, match="stiff_2"):
        instruments.question("stiff_2")


def test_a_plan_asks_it_on_its_days(prompt):
    assert tuple(prompt.questions.split()) == ("nrs", *KEYS, "pgic", "relief_percent")


def test_it_is_answered_on_the_page_and_stands_in_the_answers_and_in_the_csv(store, site, prompt, now):
    with store.writing() as session:
        row = links.prompt_for(session, links.token(vault_of(session), prompt))
        for value in (4, 7, 10, 0):
            screen = linking.screen(session, row, None, "en")
            if screen.step.instrument == "stiff":
                assert screen.wording.startswith("How ")
            linking.answer(session, row, screen.step, value, "", audit.PATIENT, now)
        kept = [one for one in answers.current(session, row.episode_id) if one.instrument == "stiff"]
        assert [(one.item, one.value, one.source) for one in kept] == [
            (1, 7, Source.LINK), (2, 10, Source.LINK), (3, 0, Source.LINK),
        ]  # fmt: skip
        lines = "".join(exporting.export(session, "answers", "csv", identified=False, now=now, site_ids=[site.id]))
    table = [line for line in csv.DictReader(io.StringIO(lines)) if line["instrument"] == "stiff"]
    assert [(line["item"], line["value"]) for line in table] == [("1", "7"), ("2", "10"), ("3", "0")]


def test_the_words_are_those_of_the_language_with_the_place(store, prompt):
    with store.reading() as session:
        step = linking.step_named(session, prompt, "stiff_1")
        own = sites.overrides(session, prompt.site_id)
    assert step.limits == (0, 10)
    assert own["ask_stiff_1", "bn"].startswith("সকালে")


def test_a_value_off_its_scale_is_refused(store, prompt, now):
    with store.writing() as session:
        step = linking.step_named(session, prompt, "stiff_1")
        with pytest.raises(linking.AnswerError):
            linking.answer(session, prompt, step, 11, "", audit.PATIENT, now)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("items = 3", "items = 4"), "one question for each of the 4 items"),
        (("high = 10", "high = 1000"), "low and high must lie within 0 to 100"),
        (('key = "stiff"', 'key = "csi"'), "key 'csi' is taken"),
        (('key = "stiff"', 'key = "Stiff"'), "small letters"),
        (('key = "stiff_2"', 'key = "stiff_1"'), "question.key 'stiff_1' is taken"),
        (('key = "stiff_1"', 'key = "nrs"'), "question.key 'nrs' is taken"),
        (("item = 2", "item = 3"), "one question for each"),
        (("item = 2", 'item = "2"'), "'item' must be a whole number"),
        (('version = "1"\nsource', "source"), "'version' must be a text"),
        (('worse = "high"', 'worse = "left"'), "'worse' must be one of"),
        (('total = "mean"', 'total = "mean"\ncolour = "red"'), "unknown field 'colour'"),
        (("wording.en", "wording.hi"), "wording.en is missing"),
        (("wording.bn", "wording.fr"), "no texts in the language 'fr'"),
        (("{place} in the morning", "{knee} in the morning"), "{knee} is not known"),
        (("at_least = 6", "at_least = 60"), "cut-off raised is outside the range"),
        (("items = 3", "items = "), "it is not TOML"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_file_and_field(change, sentence):
    with pytest.raises(FileError) as error:
        own_instruments.added_by({"stiff.toml": STIFF.replace(*change, 1)})
    assert str(error.value).startswith("instruments/stiff.toml: ")
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_the_start_reads_the_folder_and_refuses_a_wrong_file(instance):
    folder = instance / "instruments"
    folder.mkdir()
    (folder / "stiff.toml").write_text(STIFF, encoding="utf-8")
    settings = config.read({"PROM_INSTANCE": str(instance)})
    app = wiring.open_app(settings)
    app.gateway.close()
    assert "stiff" in instruments.INSTRUMENTS
    (folder / "stiff.toml").write_text(STIFF.replace("items = 3", "items = 2"), encoding="utf-8")
    with pytest.raises(wiring.RefusedError, match=r"instruments/stiff\.toml"):
        wiring.open_app(settings)
    (folder / "stiff.toml").unlink()
    wiring.open_app(settings).gateway.close()
    assert "stiff" not in instruments.INSTRUMENTS


def test_its_answers_come_in_from_a_file_too(store, site, now, adopted):
    at = now - timedelta(days=40)
    with store.writing() as session:
        people.asha(session, site, now, procedure_at=at, done=True)
        header = "record_id,procedure_at,instrument,item,value,answered_at\n"
        day = (at + timedelta(days=30)).isoformat()
        good = f"R-101,{at.isoformat()},stiff,2,9,{day}\n"
        wrong = f"R-101,{at.isoformat()},stiff,2,11,{day}\n"
        refused = importing.answers(session, header + wrong, audit.COMMAND, now)
        assert "11 is outside 0-10, the range of stiff" in str(refused.errors[0])
        assert importing.answers(session, header + good, audit.COMMAND, now).errors == []


def test_every_way_out_knows_it(store, site, prompt, now):
    with store.writing() as session:
        for key, value in zip(("nrs", *KEYS), (4, 7, 10, 0), strict=True):
            step = linking.step_named(session, prompt, key)
            linking.answer(session, prompt, step, value, "", audit.PATIENT, now)
        for fmt in ("json", "redcap", "fhir"):
            whole = "".join(exporting.export(session, "answers", fmt, identified=False, now=now, site_ids=[site.id]))
            assert "stiff" in whole, fmt


def test_a_text_is_read_on_its_scale_and_asked_again_in_the_clinics_words(adopted):
    asked = instruments.question("stiff_1")
    assert (asked.read_as, asked.limits) == ("nrs", (0, 10))
    words = wording.ask("stiff_1", "bn", instruments.added().words, place="knee_left")
    assert "{place}" not in words
    assert wording.ask("stiff_2", "hi", instruments.added().words, place="knee_left").startswith("How stiff")
    assert wording.recorded([("nrs", 4), ("stiff_1", 7)], "en", instruments.added().words).endswith("7")


def test_a_file_that_plans_ask_must_stay(instance, prompt):
    with pytest.raises(wiring.RefusedError, match="the plans ask 'stiff'"):
        wiring.open_app(config.read({"PROM_INSTANCE": str(instance)}))


def test_the_example_of_the_documentation_may_be_used_as_it_is():
    page = (Path(__file__).parents[2] / "docs" / "clinical.md").read_text(encoding="utf-8")
    example = page.partition("```toml\n")[2].partition("```")[0].replace("items = 3", "items = 1")
    added = own_instruments.added_by({"stiff.toml": example.replace('"mean"', '"single"')})
    assert added.instruments["stiff"].band(7).name == "much"
    assert set(added.questions) == {"stiff_1"}
