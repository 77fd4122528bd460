"""The clock on a clinic that has no score yet."""

import pytest

from prom.cli import main


@pytest.fixture
def empty_clinic(tmp_path, monkeypatch):
    monkeypatch.setenv("PROM_INSTANCE", str(tmp_path / "instance"))
    assert main(["init"]) == 0


def test_one_run_of_the_clock_comes_through_without_a_single_score(empty_clinic, capfd):
    assert main(["seed", "--patients", "6", "--due", "3"]) == 0
    assert main(["clock", "--once"]) == 0
    assert main(["clock", "--once"]) == 0
    assert "failed" not in capfd.readouterr().err
