"""`prom doctor`: a line for each finding, what to do behind it, and exit code 1 while there is a problem."""

from prom import clock
from prom.storage import sites


def lines(run):
    return [line.split(None, 1) for line in run.stdout.splitlines()]


def test_a_problem_ends_with_exit_code_1_and_says_what_to_do(prom, site):
    run = prom("doctor")
    assert run.returncode == 1
    assert ["problem", "the clock has never run: start `prom clock` or `prom serve --with-clock`"] in lines(run)
    assert {level for level, _ in lines(run)} == {"ok", "warning", "problem"}


def test_warnings_alone_end_with_exit_code_0(prom, store, site):
    with store.writing() as session:
        sites.heartbeat(session, "send", clock.wall())
    run = prom("doctor")
    assert run.returncode == 0, run.stdout
    assert any(level == "warning" and "India asks for" in words for level, words in lines(run))
    assert any(level == "warning" and "clinical review" in words for level, words in lines(run))


def test_credentials_that_nobody_answers_for_are_a_problem_without_a_traceback(prom, site):
    twilio = {
        "PROM_GATEWAY": "twilio",
        "TWILIO_ACCOUNT_SID": "AC1",
        "TWILIO_AUTH_TOKEN": "secret-token",
        "PROM_TWILIO_FROM": "+15005550006",
        "PROM_TWILIO_API_URL": "http://127.0.0.1:9",
    }
    run = prom("doctor", **twilio)
    assert run.returncode == 1
    assert any(level == "problem" and "does not answer" in words for level, words in lines(run))
    assert any(level == "warning" and "outgoing-only mode" in words for level, words in lines(run))
    assert "secret-token" not in run.stdout + run.stderr
    assert run.stderr == ""
