"""A Twilio double for each module, and a gateway that speaks to it."""

import pytest

from prom.messaging.twilio import TwilioAccount, TwilioGateway
from tests.doubles.twilio_api import ACCOUNT_SID, AUTH_TOKEN, OWN_NUMBER, TwilioDouble

PUBLIC_URL = "https://clinic.example/prom"


@pytest.fixture
def double(tmp_path):
    with TwilioDouble(ledger=tmp_path / "ledger.jsonl") as running:
        yield running


@pytest.fixture
def account(double):
    """Return a function that makes an account at the double, with some values changed."""

    def make(**changed):
        values = {
            "account_sid": ACCOUNT_SID,
            "auth_token": AUTH_TOKEN,
            "from_number": OWN_NUMBER,
            "public_url": PUBLIC_URL,
            "api_url": double.url,
            "call_seconds": 4.0,
        }
        return TwilioAccount(**{**values, **changed})

    return make


@pytest.fixture
def gateway(account):
    made = TwilioGateway(account())
    yield made
    made.close()


@pytest.fixture
def hasty(account):
    """A gateway that waits half a second only."""
    made = TwilioGateway(account(call_seconds=0.5))
    yield made
    made.close()
