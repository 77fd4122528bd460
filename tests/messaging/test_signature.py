"""Our verification agrees with Twilio's own validator, and is stricter where that one is careless."""

from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from prom.messaging.signature import Verifier, sign

PUBLIC = "https://clinic.example/prom"
TOKEN = "12345"
PATH = "/twilio/status?m=17"
FIELDS = [("MessageSid", "SM1"), ("MessageStatus", "delivered"), ("To", "+919812345678"), ("ErrorCode", "")]

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
values = st.text(st.characters(codec="utf-8"), max_size=20)
form = st.dictionaries(names, values, max_size=6)


def twilios(url, fields, token=TOKEN):
    return RequestValidator(token).compute_signature(url, dict(fields))


def test_twilios_published_example_validates():
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    verifier = Verifier("https://mycompany.com", [TOKEN])
    assert verifier.valid("/myapp.php?foo=1&bar=2", list(fields.items()), "RSOYDt4T1cUTdK1PDd93/VVr8B8=")


@given(form)
def test_what_twilio_signs_validates(fields):
    pairs = list(fields.items())
    assert Verifier(PUBLIC, [TOKEN]).valid(PATH, pairs, twilios(PUBLIC + PATH, fields))
    assert sign(PUBLIC, TOKEN, PATH, pairs) == twilios(PUBLIC + PATH, fields)


@given(form, st.permutations(range(6)))
def test_the_order_of_the_fields_does_not_matter(fields, order):
    pairs = list(fields.items())
    shuffled = [pairs[n] for n in order if n < len(pairs)]
    assert Verifier(PUBLIC, [TOKEN]).valid(PATH, shuffled, twilios(PUBLIC + PATH, fields))


@given(form)
def test_fields_survive_the_way_over_the_wire(fields):
    pairs = parse_qsl(urlencode(fields), keep_blank_values=True)
    assert Verifier(PUBLIC, [TOKEN]).valid(PATH, pairs, twilios(PUBLIC + PATH, fields))


@given(form, names, values)
def test_one_more_field_makes_it_invalid(fields, name, value):
    pairs = [*fields.items()]
    signature = sign(PUBLIC, TOKEN, PATH, pairs)
    if (name, value) not in pairs:
        assert Verifier(PUBLIC, [TOKEN]).valid(PATH, [*pairs, (name, value)], signature) == (
            sign(PUBLIC, TOKEN, PATH, [*pairs, (name, value)]) == signature
        )


def test_empty_and_unknown_fields_count():
    fields = [*FIELDS, ("SomethingNew", "x"), ("FromCity", "")]
    signature = twilios(PUBLIC + PATH, fields)
    assert Verifier(PUBLIC, [TOKEN]).valid(PATH, fields, signature)
    assert not Verifier(PUBLIC, [TOKEN]).valid(PATH, FIELDS, signature)


class Repeated(dict):
    """A form with a name that comes several times, as web frameworks hand it to Twilio's validator."""

    def getlist(self, name):
        return self[name]


def test_a_repeated_name_validates_as_twilios_validator_reads_it():
    theirs = RequestValidator(TOKEN).compute_signature(PUBLIC + PATH, Repeated(a=["2", "1", "2"], b=["x"]))
    assert Verifier(PUBLIC, [TOKEN]).valid(PATH, [("a", "2"), ("b", "x"), ("a", "1"), ("a", "2")], theirs)


def test_a_repeated_pair_validates_when_it_was_signed_twice():
    url = PUBLIC + PATH
    twice = twilios(url + "a1a1", {})
    assert Verifier(PUBLIC, [TOKEN]).valid(PATH, [("a", "1"), ("a", "1")], twice)


def test_a_second_token_is_accepted_while_tokens_are_exchanged():
    signature = twilios(PUBLIC + PATH, FIELDS, "next")
    assert Verifier(PUBLIC, [TOKEN, "next"]).valid(PATH, FIELDS, signature)
    assert not Verifier(PUBLIC, [TOKEN]).valid(PATH, FIELDS, signature)


@pytest.mark.parametrize("tokens", [[], [""], [TOKEN, ""], ["", TOKEN], ["  "], ["\n"]])
def test_an_empty_token_refuses_to_start(tokens):
    with pytest.raises(ValueError, match="forged"):
        Verifier(PUBLIC, tokens)


def test_without_a_public_address_nothing_can_be_verified():
    with pytest.raises(ValueError, match="public address"):
        Verifier("", [TOKEN])


@pytest.mark.parametrize(
    "signature", ["", "é", "\udcff", "\x00", "৭" * 28, "A" * 100_000, "RSOYDt4T1cUTdK1PDd93/VVr8B8="]
)
def test_a_bad_signature_is_false_and_never_an_error(signature):
    assert Verifier(PUBLIC, [TOKEN]).valid(PATH, FIELDS, signature) is False


@given(st.text(max_size=40))
def test_no_made_up_signature_validates(signature):
    assert not Verifier(PUBLIC, [TOKEN]).valid(PATH, FIELDS, signature)


@given(st.text(st.characters(), max_size=20), st.text(st.characters(), max_size=20))
def test_no_request_raises(path, value):
    assert Verifier(PUBLIC, [TOKEN]).valid("/" + path, [("Body", value)], "A" * 28) is False


@pytest.mark.parametrize(
    "changed",
    ["/twilio/status?m=18", "/twilio/status", "/twilio/status?m=17&x=", "/twilio/inbound?m=17", "/TWILIO/status?m=17"],
)
def test_a_signature_is_for_one_address_only(changed):
    signature = twilios(PUBLIC + PATH, FIELDS)
    assert not Verifier(PUBLIC, [TOKEN]).valid(changed, FIELDS, signature)


@pytest.mark.parametrize(
    "query", ["m=17&name=J%C3%BCrgen", "m=%2B91+98&x=%20", "m=17&m=18", "m=17&empty=", "q=%E0%A6%AC&&=", "m=a%2Fb;c"]
)
def test_the_query_counts_as_it_was_written(query):
    path = f"/twilio/status?{query}"
    assert Verifier(PUBLIC, [TOKEN]).valid(path, FIELDS, twilios(PUBLIC + path, FIELDS))


def test_a_query_outside_ascii_validates_as_text_and_as_wsgi_hands_it_over():
    path = "/twilio/status?m=17&name=ব্যথা"
    signature = twilios(PUBLIC + path, FIELDS)
    as_wsgi = path.encode().decode("latin-1")
    assert Verifier(PUBLIC, [TOKEN]).valid(path, FIELDS, signature)
    assert Verifier(PUBLIC, [TOKEN]).valid(as_wsgi, FIELDS, signature)


@pytest.mark.parametrize(
    "public",
    [
        "https://clinic.example",
        "https://clinic.example/",
        "http://10.0.0.7:8080/prom",
        "https://clinic.example:8443",
        "https://[2001:db8::1]:8443/x",
    ],
)
@pytest.mark.parametrize("path", ["/twilio/inbound", "/twilio/status?m=17"])
def test_every_public_address_validates(public, path):
    url = public.rstrip("/") + path
    assert Verifier(public, [TOKEN]).valid(path, FIELDS, twilios(url, FIELDS))


@pytest.mark.parametrize(
    ("public", "signed"),
    [
        ("https://clinic.example/prom", "https://clinic.example:443/prom"),
        ("http://clinic.example", "http://clinic.example:80"),
        ("https://clinic.example:8443", "https://clinic.example"),
    ],
)
def test_a_port_may_be_named_or_left_out(public, signed):
    signature = twilios(signed + PATH, FIELDS)
    assert Verifier(public, [TOKEN]).valid(PATH, FIELDS, signature)
    assert RequestValidator(TOKEN).validate(public + PATH, dict(FIELDS), signature)


def test_another_port_does_not_validate():
    assert not Verifier(PUBLIC, [TOKEN]).valid(PATH, FIELDS, twilios("https://clinic.example:444/prom" + PATH, FIELDS))
