"""The mixed model of pain over time by CSI: it finds what was planted, and says when it cannot."""

import math
import subprocess
import sys

import numpy as np
import pytest

from prom.statistics import mixed


def answers(seed=1, patients=80, climb=0.1):
    """Return answers of patients whose pain climbs by this much more a month for every 10 points of CSI."""
    random = np.random.default_rng(seed)
    csi = np.repeat(random.normal(40, 12, patients), 8)
    month = np.tile(np.arange(8.0), patients)
    own = np.repeat(random.normal(0, 1.2, patients), 8)
    nrs = 3 + 0.15 * month + (0.2 + climb * month) * (csi - 40) / 10 + own + random.normal(0, 0.8, csi.size)
    return np.repeat(np.arange(patients), 8), month * 30, nrs, csi


@pytest.mark.parametrize("seed", range(3))
def test_what_was_planted_is_found(seed):
    fit = mixed.fit(*answers(seed))
    found = {term.name: term for term in fit.terms}
    for name, planted in zip(mixed.TERMS, (3, 0.15, 0.2, 0.1), strict=True):
        assert abs(found[name].coef - planted) < 3.5 * found[name].se
    assert found["time x CSI"].p < 1e-6
    assert math.isclose(fit.patient_sd, 1.2, abs_tol=0.3)
    assert math.isclose(fit.noise_sd, 0.8, abs_tol=0.1)
    assert (fit.answers, fit.patients, fit.patients_used) == (640, 80, 80)


def test_of_very_many_patients_an_even_choice_is_fitted_and_told():
    fit = mixed.fit(*answers(), most_patients=20)
    assert (fit.patients, fit.patients_used, fit.answers) == (80, 20, 160)


@pytest.mark.parametrize(
    ("patient", "day", "nrs", "csi", "reason"),
    [
        ([], [], [], [], "too few"),
        ([1, 2, 3, 4], [1, 2, 3, 4], [5, 4, 3, 2], [30, 40, 50, 60], "too few"),
        ([1, 2, 3] * 4, [7] * 12, [1, 2, 3, 4] * 3, [30, 40, 50] * 4, "does not vary"),
        ([1, 2, 3] * 4, [7, 7, 7, 14, 14, 14] * 2, [5] * 12, [30, 40, 50] * 4, "equal"),
    ],
)
def test_data_that_cannot_carry_the_model_get_a_reason(patient, day, nrs, csi, reason):
    assert reason in mixed.fit(patient, day, nrs, csi).reason


def test_patients_who_do_not_differ_are_an_answer_and_no_warning():
    patient, day, _, csi = answers()
    fit = mixed.fit(patient, day, np.random.default_rng(5).normal(4, 1, csi.size), csi)
    assert fit.patient_sd < 0.3


def test_lists_of_different_length_are_refused():
    with pytest.raises(ValueError, match="length"):
        mixed.fit([1, 2], [1], [5], [40])


def test_pages_do_not_pay_for_statsmodels():
    program = (
        "import sys; from prom.statistics import competing, cox, landmark, mixed, report, responders; "
        "sys.exit(any(name.split('.')[0] in {'statsmodels', 'scipy', 'pandas'} for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
