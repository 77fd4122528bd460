"""A simulated clinic with a known hazard ratio, brought in from files: the analysis finds what was planted."""

import csv
import io
import random
from datetime import UTC, datetime, timedelta

import pytest

from prom.services import comparing, importing
from prom.storage import audit

PROCEDURE_AT = datetime(2025, 3, 3, 5, 0, tzinfo=UTC)
LATER = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
ASKED_ON = range(15, 206, 10)
PLANTED = 1.5  # times the hazard of losing relief, for each 10 points of CSI
DAILY_HAZARD = 0.004  # at 40 points
GOOD, BAD, BEFORE = 2, 7, 8


def table(rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def clinic(seed, patients):
    """Return episodes.csv and answers.csv of patients who respond at once and lose relief by the planted hazard."""
    chance = random.Random(seed)
    episodes, answers = [], []
    for number in range(patients):
        key = {"record_id": f"S-{number}", "procedure_at": PROCEDURE_AT.isoformat()}
        csi = chance.randint(10, 75)
        lost_on = ASKED_ON[0] + chance.expovariate(DAILY_HAZARD * PLANTED ** ((csi - 40) / 10))
        episodes.append(
            key
            | {
                "site": "main", "phone": "", "time_zone": "Asia/Kolkata", "language": "en", "procedure": "genicular_rfa",
                "birth_year": chance.randint(1935, 1990), "sex": chance.choice("FM"), "baseline_nrs": BEFORE,
                "csi_total": csi,
            }
        )  # fmt: skip
        for day in ASKED_ON:
            at = PROCEDURE_AT + timedelta(days=day, hours=1)
            score = BAD if day >= lost_on else GOOD
            answers.append(
                key
                | {
                    "instrument": "nrs", "item": "average_24h", "value": score, "answered_at": at.isoformat(),
                    "source": "sms",
                }
            )  # fmt: skip
    return table(episodes), table(answers)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_planted_hazard_ratio_is_recovered_within_its_interval(store, site, seed):
    episodes, answers = clinic(seed, 160)
    with store.writing() as session:
        assert importing.episodes(session, episodes, audit.COMMAND, LATER).errors == []
        assert importing.answers(session, answers, audit.COMMAND, LATER).errors == []
    with store.reading() as session:
        answer = comparing.analysis(session, procedure="genicular_rfa", threshold=50, as_of=LATER)
    found = {one["covariate"]: one for one in answer["cox"]}
    assert answer["n"] == 160
    assert found["csi_per_10"]["low"] < PLANTED < found["csi_per_10"]["high"]
    assert found["csi_per_10"]["low"] > 1
    assert found["csi_40_or_more"]["low"] > 1
    assert answer["logrank"]["p"] < 0.01
    assert answer["bands"]["40_or_more"]["rmst_180"] < answer["bands"]["below_40"]["rmst_180"]
