"""A coordinator uploads a file with every kind of bad row on a phone: each is named, nothing is stored."""

import csv
import io

import pytest
from playwright.sync_api import expect

from prom.storage import patients
from tests.browser.test_coordinator_day import (  # noqa: F401 - the same phone, signed in
    account,
    app,
    app_with,
    fits,
    mina,
    password_hash,
    served,
    wired,
)
from tests.services.test_importing import BAD_EPISODES, SOUND

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def _file(rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, list(SOUND))
    writer.writeheader()
    writer.writerows(rows)
    return {"name": "patients.csv", "mimeType": "text/csv", "buffer": out.getvalue().encode()}


def _numbered(number, change):
    return SOUND | {"record_id": f"R-{number}", "phone": f"+9190070{number:05d}"} | change


def test_a_file_with_forty_kinds_of_bad_rows_names_each_by_line_column_and_reason(mina, wired, site):  # noqa: F811
    assert len(BAD_EPISODES) >= 30
    bad = [change for change, *_ in BAD_EPISODES]
    rows = [_numbered(500, {}), *(_numbered(501 + number, change) for number, change in enumerate(bad))]
    mina.goto(mina.base + "/data")
    fits(mina)
    mina.locator("input[type=file]").set_input_files(_file(rows))
    mina.get_by_role("button", name="Check the file").click()
    expect(mina.get_by_role("alert")).to_contain_text("nothing was stored")
    fits(mina)
    told = {}
    for row in mina.locator("#mistakes tbody tr").all():
        line, column, reason = (cell.inner_text().strip() for cell in row.locator("th, td").all())
        told.setdefault((int(line.split()[-1]), column.split()[-1]), []).append(reason)
    for number, (_, column, reason) in enumerate(BAD_EPISODES):
        # The header is line 1 and the sound row line 2.
        assert any(reason in words for words in told.get((number + 3, column), [])), (number + 3, column, reason)
    assert 2 not in {line for line, _ in told}
    assert mina.get_by_role("button", name="Store").count() == 0
    with wired.store.reading() as session:
        assert patients.by_record(session, site.id, "R-500") is None


def test_the_mended_file_is_stored_with_one_tap_and_the_same_again_stores_nothing(mina, wired, site):  # noqa: F811
    rows = [_numbered(500 + number, {}) for number in range(3)]
    for said in ("3 rows read, 3 stored, 0 were there already.", None):
        mina.goto(mina.base + "/data")
        mina.locator("input[type=file]").set_input_files(_file(rows))
        mina.get_by_role("button", name="Check the file").click()
        fits(mina)
        if said:
            mina.get_by_role("button", name="Store 3").click()
            expect(mina.get_by_text(said)).to_be_visible()
    assert mina.get_by_role("button", name="Store").count() == 0
    with wired.store.reading() as session:
        assert patients.by_record(session, site.id, "R-501") is not None
