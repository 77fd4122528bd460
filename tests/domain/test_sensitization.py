"""The banner: it leans only on recorded findings, lists them all, and never diagnoses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prom.domain import scoring, sensitization
from prom.domain.sensitization import Leaning, NotDone, Phenotype, SensitizationRecord, Sign, YesNo

signs = st.sampled_from([None, NotDone.NOT_DONE, *Sign])
records = st.builds(
    SensitizationRecord,
    csi=st.one_of(st.none(), st.integers(0, 100).map(scoring.csi_total)),
    brush_allodynia=signs,
    static_pressure=signs,
    cold_heat=signs,
    temporal_summation=st.one_of(st.none(), st.floats(-2, 8)),
    widespread_pain=st.one_of(st.none(), st.integers(0, 19)),
    symptom_severity=st.one_of(st.none(), st.integers(0, 12)),
)


def phenotype(**found):
    return sensitization.banner(SensitizationRecord(**found)).phenotype


def test_signs_at_the_site_lean_peripheral_and_beyond_it_central():
    assert phenotype(static_pressure=Sign.SITE) is Phenotype.PERIPHERAL_LEANING
    assert phenotype(brush_allodynia=Sign.BEYOND) is Phenotype.CENTRAL_LEANING
    assert phenotype(static_pressure=Sign.SITE, csi=scoring.csi_total(55)) is Phenotype.MIXED
    assert phenotype(static_pressure=Sign.NONE, csi=scoring.csi_total(20)) is Phenotype.NOT_ENOUGH


def test_what_missing_items_leave_open_leans_nowhere():
    half = scoring.csi([2] * 15 + [None] * 10)
    assert half.ge40 is None
    assert phenotype(csi=half) is Phenotype.NOT_ENOUGH
    assert phenotype(csi=scoring.csi([2] * 20 + [None] * 5)) is Phenotype.CENTRAL_LEANING


def test_an_empty_record_says_what_is_missing():
    empty = sensitization.banner(SensitizationRecord(dn4=NotDone.NOT_DONE))
    assert (empty.phenotype, empty.evidence) == (Phenotype.NOT_ENOUGH, ())
    assert empty.not_done == ("dn4",)
    assert "csi" in empty.not_recorded
    assert "dn4" not in empty.not_recorded


@pytest.mark.parametrize(
    ("widespread", "severity", "central"), [(7, 5, True), (7, 4, False), (4, 9, True), (6, 8, False), (3, 12, False)]
)
def test_widespread_pain_counts_by_the_2016_criteria(widespread, severity, central):
    found = phenotype(widespread_pain=widespread, symptom_severity=severity)
    assert (found is Phenotype.CENTRAL_LEANING) is central


def test_neuropathic_scores_mood_and_opioids_are_listed_without_a_leaning():
    told = sensitization.banner(
        SensitizationRecord(paindetect=19, dn4=4, phq4=6, opioids=YesNo.YES, ppt_site_kpa=210.0)
    )
    assert {finding.leaning for finding in told.evidence} == {Leaning.NEITHER}
    assert [finding.words for finding in told.evidence] == [
        "pressure pain threshold at the site 210 kPa (no norm applied)",
        "painDETECT 19 (neuropathic pain likely)",
        "DN4 4 (neuropathic pain likely)",
        "PHQ-4 6 (mood raised: CSI also tracks mood)",
        "opioid use",
    ]


def test_summation_and_modulation_lean_central_from_their_limits():
    assert phenotype(temporal_summation=2.0) is Phenotype.CENTRAL_LEANING
    assert phenotype(temporal_summation=1.9) is Phenotype.NOT_ENOUGH
    assert phenotype(conditioned_modulation=0.0) is Phenotype.CENTRAL_LEANING
    assert phenotype(conditioned_modulation=12.0) is Phenotype.NOT_ENOUGH


@given(records)
def test_the_banner_never_claims_a_diagnosis(record):
    told = sensitization.banner(record)
    words = " ".join([told.phenotype, *(finding.words for finding in told.evidence)])
    assert "has central" not in words
    assert "do not treat" not in words
    if told.phenotype is Phenotype.CENTRAL_LEANING:
        assert any(finding.leaning is Leaning.CENTRAL for finding in told.evidence)


@pytest.mark.parametrize("field", ["widespread_pain", "symptom_severity", "paindetect", "dn4", "phq4", "ppt_site_kpa"])
def test_an_impossible_value_is_refused(field):
    with pytest.raises(ValueError, match=field):
        SensitizationRecord(**{field: -1})
    with pytest.raises(ValueError, match=field):
        SensitizationRecord(**{field: 5001})
