"""`prom wording import`: the clinic's licensed sentences from a file, all or nothing."""

import json

from tests.services.test_questionnaires import WORDS, entry


def test_the_command_imports_and_names_what_is_wrong(site, prom, tmp_path):
    file = tmp_path / "own.json"
    file.write_text(json.dumps(entry()), encoding="utf-8")
    done = prom("wording", "import", str(file), "--site", "main")
    assert (done.returncode, done.stdout) == (0, "en 2026.1: imported\n")
    assert "is there already" in prom("wording", "import", str(file), "--site", "main").stdout
    file.write_text(json.dumps(entry(source="", items=WORDS[:24])), encoding="utf-8")
    wrong = prom("wording", "import", str(file), "--site", "main")
    assert wrong.returncode == 1
    assert "item 25 is missing" in wrong.stderr
    assert "2 errors; nothing was imported" in wrong.stderr
