"""Files in and out on pages: checked before stored, columns named by a person, names only after the password again."""

import csv
import io
import re
import zipfile

import pytest

from prom.storage import audit, patients
from prom.web import guards
from tests import people
from tests.web import desk
from tests.web.signing import text

HEADER = "record_id,site,phone,language,time_zone,procedure,procedure_at,first_name,consent_sms_at"
ROW = "R-900,main,+919007000900,en,Asia/Kolkata,genicular_rfa,2026-03-20T09:00,Gita,2026-02-20T10:00"


def upload(client, content, what="episodes"):
    file = (io.BytesIO(content.encode()), "file.csv")
    return client.post("/data/import", data={"what": what, "file": file}, content_type="multipart/form-data")


def kept(page):
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))
    fields.pop("csrf_token", None)
    token = re.search(r"/data/import/(\w{32})", page).group(1)
    return token, fields


@pytest.fixture
def coordinator(client_as):
    return client_as("coordinator")


def test_a_file_is_checked_before_it_is_stored(coordinator, store, site):
    answer = upload(coordinator, f"{HEADER}\n{ROW}\n")
    assert answer.status_code == 200
    with store.reading() as session:
        assert patients.by_record(session, site.id, "R-900") is None
    token, fields = kept(text(answer))
    stored = coordinator.post(f"/data/import/{token}", data=fields | {"act": "store"}, follow_redirects=True)
    assert "1 rows read, 1 stored, 0 were there already." in text(stored)
    with store.reading() as session:
        assert patients.by_record(session, site.id, "R-900") is not None
    again = coordinator.post(f"/data/import/{token}", data=fields | {"act": "store"})
    assert again.status_code == 422
    assert "this upload is over" in text(again)


def test_every_mistake_is_told_with_line_and_column_and_nothing_is_stored(coordinator, store, site):
    wrong = ROW.replace("+919007000900", "12").replace("R-900", "R-901")
    answer = upload(coordinator, f"{HEADER}\n{ROW}\n{wrong}\n")
    assert answer.status_code == 422
    page = text(answer)
    assert "1 mistakes: nothing was stored." in page
    assert re.search(r'<th scope="row">3</th><td data-label="Column">phone</td>', page)
    assert "Store 1" not in page


def test_columns_with_other_names_are_proposed_and_decided_by_a_person(coordinator, store, site):
    other = HEADER.replace("record_id", "MRN").replace("phone", "Mobile No.").replace("first_name", "Ward")
    answer = upload(coordinator, f"{other}\n{ROW}\n")
    page = text(answer)
    assert re.search(r"Column “MRN” is</label>.*?<option value=\"record_id\" selected>", page, re.DOTALL)
    assert re.search(r"Column “Mobile No\.” is</label>.*?<option value=\"phone\" selected>", page, re.DOTALL)
    token, _ = kept(page)
    names = ["record_id", "site", "phone", "language", "time_zone", "procedure", "procedure_at", "", "consent_sms_at"]
    chosen = {f"column-{number}": name for number, name in enumerate(names)} | {"what": "episodes"}
    checked = coordinator.post(f"/data/import/{token}", data=chosen)
    assert checked.status_code == 200
    coordinator.post(f"/data/import/{token}", data=chosen | {"act": "store"})
    with store.reading() as session:
        gita = patients.by_record(session, site.id, "R-900")
        assert (patients.first_name(session, gita), patients.phone(session, gita)) == ("", "+919007000900")


def test_a_kept_file_is_sealed_and_opens_for_its_sender_only(coordinator, client_as, app, wired, site):
    token, fields = kept(text(upload(coordinator, f"{HEADER}\n{ROW}\n")))
    (path,) = (wired.settings.instance / "uploads").glob("*.sealed")
    assert b"Gita" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    somebody = client_as("admin").post(f"/data/import/{token}", data=fields)
    assert somebody.status_code == 422


@pytest.mark.parametrize("content", ["", "a;b;c\n1;2;3\n", '"record_id\n'])
def test_a_file_that_is_no_table_is_refused_in_words(coordinator, content):
    answer = upload(coordinator, content)
    assert answer.status_code in {200, 422}
    assert "Traceback" not in text(answer)


def test_another_site_cannot_be_written_to(coordinator, store):
    desk.other_site(store)
    answer = upload(coordinator, f"{HEADER}\n{ROW.replace('main', 'far')}\n")
    assert answer.status_code == 422
    assert "there is no site" in text(answer)


def archive(answer):
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/zip"
    packed = zipfile.ZipFile(io.BytesIO(answer.get_data()))
    answer.close()
    return {name: packed.read(name).decode("utf-8-sig") for name in packed.namelist()}


def test_an_export_without_names_comes_with_its_codebook(client_as, store, site, now):
    with store.writing() as session:
        people.asha(session, site, now)
    files = archive(client_as("admin").post("/data/export", data={"what": "episodes", "format": "csv"}))
    assert set(files) == {"episodes.csv", "episodes-codebook.csv"}
    assert "Asha" not in files["episodes.csv"]
    assert next(iter(csv.DictReader(io.StringIO(files["episodes.csv"]))))["procedure"] == "genicular_rfa"


def test_names_leave_only_after_the_password_was_given_again_and_leave_a_trace(
    client_as, store, site, now, monkeypatch
):
    with store.writing() as session:
        people.asha(session, site, now)
    admin = client_as("admin")
    files = archive(admin.post("/data/export/identified", data={"what": "episodes", "format": "csv"}))
    assert "Asha" in files["episodes.csv"]
    with store.reading() as session:
        reasons = [row.reason for row in audit.newest(session, 10) if row.action == "exported"]
    assert reasons == ["episodes as csv, with names"]
    monkeypatch.setattr(guards, "FRESH_SECONDS", -1)
    assert admin.post("/data/export/identified", data={"what": "episodes", "format": "csv"}).status_code == 302


def test_a_form_that_a_table_does_not_have_is_said_plainly(client_as):
    answer = client_as("admin").post("/data/export", data={"what": "audit", "format": "fhir"})
    assert answer.status_code == 422
    assert "audit have no form in fhir" in text(answer)


def test_coordinators_load_but_do_not_take_away(coordinator):
    assert coordinator.get("/data").status_code == 200
    assert "Download" not in text(coordinator.get("/data"))
    assert coordinator.post("/data/export", data={"what": "episodes", "format": "csv"}).status_code == 403
