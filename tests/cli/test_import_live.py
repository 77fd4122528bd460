"""`prom import` refuses made-up patients where texts reach real phones, and takes them in a rehearsal."""

FILE = "record_id,site,phone,procedure,procedure_at\nX1,main,+919007000001,genicular_rfa,2026-02-01T09:00:00+05:30\n"
LIVE = {
    "PROM_GATEWAY": "twilio",
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "t",
    "PROM_TWILIO_FROM": "+15005550006",
}


def test_the_example_numbers_are_refused_by_a_live_installation_only(prom, tmp_path, site):
    path = tmp_path / "episodes.csv"
    path.write_text(FILE, encoding="utf-8")
    live = prom("import", "episodes", str(path), "--dry-run", **LIVE)
    assert live.returncode == 1
    assert "line 2: phone is a number of the example files" in live.stderr
    rehearsal = prom("import", "episodes", str(path), "--dry-run", **LIVE, PROM_TWILIO_API_URL="http://127.0.0.1:9")
    assert "example files" not in rehearsal.stderr
