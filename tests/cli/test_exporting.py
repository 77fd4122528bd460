"""`prom export` says on stderr who is left out, and writes what explains a file beside it."""

from prom.services import consenting
from prom.storage import audit, episodes
from prom.storage.models import Purpose
from tests import people


def test_a_warning_says_how_many_are_left_out_and_the_files_beside_tell_it_too(prom, store, site, now, tmp_path):
    with store.writing() as session:
        people.asha(session, site, now)
        patient = episodes.patient_of(session, people.bikash(session, site, now))
        given = {"version": "1", "language": "bn", "method": "paper", "actor": audit.COMMAND}
        consenting.give(session, patient, Purpose.DATA_USE, given_at=now, now=now, **given)
        consenting.withdraw(session, patient, Purpose.DATA_USE, now, audit.COMMAND, now)
    done = prom("export", "episodes", "-o", str(tmp_path / "out.csv"))
    assert done.returncode == 0, done.stderr
    assert "warning: 1 patient is left out" in done.stderr
    assert len((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()) == 2
    assert "1 patient is left out" in (tmp_path / "out.episodes-codebook.csv").read_text(encoding="utf-8")
    named = prom("export", "episodes", "--identified")
    assert named.stderr == ""
    assert "Bikash" in named.stdout
