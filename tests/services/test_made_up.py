"""Demo data and the example files never reach a live gateway: settings, instance, import and the last door refuse."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from prom import config, wiring
from prom.messaging.gateway import Refused
from prom.messaging.twilio import TwilioAccount, TwilioGateway
from prom.services import made_up, seeding
from tests.doubles.twilio_api import ACCOUNT_SID, AUTH_TOKEN, OWN_NUMBER, TwilioDouble

CASES = Path(__file__).resolve().parents[2].parent / "shared" / "cases"
LIVE = {
    "PROM_GATEWAY": "twilio",
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "t",
    "PROM_TWILIO_FROM": OWN_NUMBER,
    "PROM_PUBLIC_URL": "https://clinic.example",
}
REHEARSAL = {"PROM_TWILIO_API_URL": "http://127.0.0.1:9"}
HEADER = "record_id,phone\n"


def settings(instance, **environ):
    return config.read({"PROM_INSTANCE": str(instance)} | environ)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_a_gateway_on_this_machine_is_a_rehearsal_and_every_other_is_live(tmp_path, host):
    assert settings(tmp_path, **LIVE).live
    assert settings(tmp_path, **LIVE, PROM_TWILIO_API_URL="https://127.0.0.1.example").live
    assert not settings(tmp_path, **LIVE, PROM_TWILIO_API_URL=f"http://{host}:9").live
    assert not settings(tmp_path).live


def test_the_demo_and_a_live_gateway_are_refused_together(tmp_path):
    with pytest.raises(config.SettingsError, match="never go together"):
        settings(tmp_path, **LIVE, PROM_DEMO="1")
    settings(tmp_path, **LIVE, **REHEARSAL, PROM_DEMO="1")


def test_an_instance_that_ever_held_made_up_patients_never_starts_live(instance):
    wiring.mark_demo(settings(instance))
    with pytest.raises(wiring.RefusedError, match="demo data"):
        wiring.open_app(settings(instance, **LIVE))
    wiring.open_app(settings(instance, **LIVE, **REHEARSAL)).store.engine.dispose()


def test_seeding_is_refused_beside_a_live_gateway(instance):
    with pytest.raises(wiring.RefusedError):
        wiring.mark_demo(settings(instance, **LIVE))
    assert not (instance / wiring.DEMO_MARK).exists()


def test_the_example_file_is_refused_line_by_line():
    path = CASES / "cohort" / "episodes.csv"
    if not path.exists():
        pytest.skip("the example files are not here")
    text = path.read_text(encoding="utf-8")
    found = made_up.cells(text)
    assert found[0][:2] == (2, "phone")
    assert "example files" in found[0][2]
    assert len(found) == min(made_up.MOST_NAMED, len(list(csv.reader(text.splitlines()))) - 1)


@pytest.mark.parametrize(
    "phone", ["+919007000001", "+91 90070 00001", "00919007000001", "'+919007000001", "(+91)90070-00001"]
)
def test_a_made_up_number_is_found_however_it_is_written(phone):
    assert made_up.cells(f"{HEADER}R1,{phone}\n")[0][0] == 2


def test_other_files_are_let_through():
    assert made_up.cells(f"{HEADER}R1,+919831012345\nR2,\nR3,call\n") == []
    assert made_up.cells("") == []
    assert made_up.cells('a,"b\n\0') == []


def test_the_last_door_refuses_a_made_up_number_only_where_texts_are_live(tmp_path):
    with TwilioDouble(ledger=tmp_path / "ledger.jsonl") as double:
        account = TwilioAccount(
            account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN, from_number=OWN_NUMBER, api_url=double.url, call_seconds=2.0
        )
        rehearsal = TwilioGateway(account)
        assert rehearsal.send("+919007000001", "Hello", "m1", 60).sid
        rehearsal.close()
        assert len(double.book.accepted()) == 1
    # An address that cannot be reached: whoever asked the network would get another answer.
    live = TwilioGateway(replace(account, api_url="https://api.invalid"))
    with pytest.raises(Refused) as refusal:
        live.send("+919007000001", "Hello", "m2", 60)
    assert refusal.value.code == 21211
    assert "919007" not in str(refusal.value.message)
    live.close()


def test_a_seeded_patients_number_is_in_no_range_of_the_live_clinic(store, instance, site, now):
    seeding.seed(store, 1, 0, 1, now)
    wiring.mark_demo(settings(instance))
    with pytest.raises(wiring.RefusedError):
        wiring.open_app(settings(instance, **LIVE))
