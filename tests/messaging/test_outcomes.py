"""What an answer, or a network error, says about a text; the parts that no server of ours can bring about."""

import json
import ssl

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from prom.messaging import outcomes
from prom.messaging.gateway import NotReached, Refused, RetryLater, Unknown
from prom.messaging.outcomes import Answer


def raised(error, because=None):
    try:
        raise error from because
    except type(error) as caught:
        return caught


def test_a_wrong_certificate_means_that_nothing_was_said():
    refused = requests.exceptions.SSLError("certificate of another host")
    assert isinstance(outcomes.from_trouble(raised(refused, ssl.SSLCertVerificationError("mismatch"))), NotReached)


def test_any_other_trouble_of_encryption_is_unknown():
    broken = requests.exceptions.SSLError("bad record")
    assert isinstance(outcomes.from_trouble(raised(broken, ssl.SSLEOFError("eof"))), Unknown)


def test_an_error_that_leads_back_to_itself_ends():
    first, second = ValueError("1"), ValueError("2")
    first.__cause__, second.__cause__ = second, first
    assert isinstance(outcomes.from_trouble(first), Unknown)


@given(st.integers(100, 599), st.text(), st.text(max_size=30))
def test_no_answer_crashes_and_no_2xx_or_5xx_is_called_certain(status, text, wait):
    error = outcomes.from_answer(Answer(status, {"Retry-After": wait}, text))
    if 400 <= status < 500 and status != 408:
        assert isinstance(error, Refused | RetryLater)
    else:
        assert isinstance(error, Unknown)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["code", "message", "detail"]), inner),
        max_leaves=5,
    )
)
def test_no_json_crashes(value):
    assert isinstance(outcomes.from_answer(Answer(400, {}, json.dumps(value))), Refused | RetryLater)


def test_a_code_written_as_text_is_a_number():
    assert outcomes.from_answer(Answer(400, {}, '{"code": "21610"}')).code == 21610


@pytest.mark.parametrize(
    "number", ["+919812345678", "98123 45678", "+1 (415) 867-5309", "98123-45678", "0091.98.12.34.56"]
)
def test_phone_numbers_are_taken_out_of_the_providers_words(number):
    said = json.dumps({"code": 21211, "message": f"The number {number} is wrong"})
    assert outcomes.from_answer(Answer(400, {}, said)).message == "The number [number] is wrong"
