"""Importing the clinic's wording of the CSI on its page and by the command line; sheets and pages show it."""

import io
import json

import pytest

from prom.storage import instrument_wordings
from tests.services.test_questionnaires import WORDS, entry
from tests.web.patients import linked, text


def post(client, data, name="own.json"):
    return client.post("/settings/questionnaires", data={"file": (io.BytesIO(data), name)})


def test_a_file_is_imported_whole_and_shown(app, wired, site, now, client_as):
    one = linked(app, wired, site, now, "d90", csi_items=None)
    ada = client_as("admin")
    reply = post(ada, json.dumps(entry()).encode())
    assert reply.status_code == 303
    assert "in use" in text(ada.get(reply.location))
    assert WORDS[3] in text(ada.get("/settings/questionnaires?language=en"))
    assert f"4. {WORDS[3]}" in text(one.page("?q=csi-4"))
    with wired.store.reading() as session:
        [row] = instrument_wordings.everything(session, site.id, "csi")
    assert row.staff_id is not None
    assert "is there already" in text(ada.get(post(ada, json.dumps(entry()).encode()).location))
    mina = client_as("coordinator")
    from prom.storage import episodes

    with wired.store.reading() as session:
        patient = episodes.patient_of(session, one.episode).public_id
    sheet = text(mina.get(f"/patients/{patient}/print/csi"))
    assert WORDS[24] in sheet
    assert "invented for a test" in sheet
    assert "not the validated wording" not in sheet


@pytest.mark.parametrize("data", [b"", b"{}", json.dumps(entry(items=WORDS[:20])).encode(), b"x" * 300_000])
def test_nothing_of_a_wrong_file_is_kept_and_everything_wrong_is_told(client_as, wired, site, data):
    reply = post(client_as("admin"), data)
    assert reply.status_code == 422
    assert "Nothing was imported" in text(reply)
    with wired.store.reading() as session:
        assert instrument_wordings.everything(session, site.id, "csi") == []


def test_another_site_and_other_roles_have_nothing_to_do_here(client_as):
    assert client_as("admin").get("/settings/questionnaires?site=nobody").status_code == 404
    assert client_as("coordinator").get("/settings/questionnaires").status_code == 403
