"""The part of the check that speaks to the provider and to our own public address; no transaction is open meanwhile.

An answer that contradicts the set-up is a problem. One that only did not come is a problem where texts are live, and
something to watch in a rehearsal, whose double of the provider may not know every question.
"""

import re
import secrets
from datetime import timedelta

from prom import clock
from prom.config import Settings
from prom.messaging import account
from prom.messaging.account import Answer, Inspector
from prom.messaging.gateway import Gateway, Refused, SendError
from prom.services.doctor_findings import Finding, Level, good, watch, wrong

CLOCKS_APART, CLOCKS_FAR_APART = timedelta(seconds=30), timedelta(minutes=5)
CODE_AUTHENTICATE = 20003
_SERVICE = re.compile(r"MG[0-9A-Za-z]{1,40}")
_WEBHOOK = "/twilio/inbound"


def findings(settings: Settings, gateway: Gateway, senders: list[str], *, replies: bool) -> list[Finding]:
    """Return what was found on the line. `senders` are the sites' own; `replies`: some site expects texts back."""
    if settings.gateway == "simulated":
        return [good("simulated phones: no text leaves this machine"), _address(settings)]
    credentials = _credentials(gateway, settings)
    found = [credentials, _address(settings)]
    if credentials.level is Level.OK:
        looker = Inspector(settings.twilio_account_sid, settings.twilio_auth_token, settings.twilio_api_url)
        found += _account(looker.account(), settings)
        shared = settings.twilio_from or settings.twilio_messaging_service
        for sender in dict.fromkeys([shared, *senders]):
            found += _sender(looker, sender, settings, replies=replies)
    if settings.public_url:
        found.append(_round_trip(settings))
    return found


def _unclear(words: str, do: str, settings: Settings) -> Finding:
    """Return a finding about something that could not be seen."""
    return (wrong if settings.live else watch)(words, do)


def _credentials(gateway: Gateway, settings: Settings) -> Finding:
    try:
        gateway.probe()
    except Refused as refusal:
        code = f" (code {refusal.code})" if refusal.code is not None else ""
        if refusal.code == CODE_AUTHENTICATE or refusal.http_status in {401, 403}:
            return wrong(
                f"the provider refuses the credentials{code}", "check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
            )
        return wrong(f"the provider refuses requests{code}", "look the code up at the provider")
    except SendError as error:
        return wrong(
            f"the provider does not answer ({type(error).__name__})", "check the network and PROM_TWILIO_API_URL"
        )
    rehearsal = "" if settings.live else ", a rehearsal on this machine"
    return good(f"the provider accepts the credentials{rehearsal}")


def _address(settings: Settings) -> Finding:
    if settings.public_url:
        if settings.live and not settings.https:
            return wrong(f"public address {settings.public_url} is not HTTPS", "set PROM_PUBLIC_URL to https://...")
        return good(f"public address {settings.public_url}")
    if settings.gateway == "simulated":
        return good("no public address: fine for simulated phones")
    return watch(
        "outgoing-only mode (PROM_PUBLIC_URL is not set): replies and statuses are polled, no text carries a link",
        "set PROM_PUBLIC_URL if patients may reach this machine; otherwise replies by text must be on",
    )


def _account(answer: Answer, settings: Settings) -> list[Finding]:
    if not answer.found:
        words = f"the provider's account could not be looked at ({answer.trouble or f'HTTP {answer.status}'})"
        return [_unclear(words, "check the network; an API key instead of the token cannot see the account", settings)]
    status, kind = str(answer.body.get("status", "")), str(answer.body.get("type", ""))
    found = []
    if status and status != "active":
        found.append(wrong(f"the provider's account is {status}", "open the provider's console"))
    elif kind == "Trial":
        found.append(watch("the provider's account is a trial: it texts verified numbers only", "upgrade the account"))
    else:
        found.append(good("the provider's account is active"))
    return [*found, *_skew(answer)]


def _skew(answer: Answer) -> list[Finding]:
    if answer.at is None:
        return []
    apart = abs(clock.wall() - answer.at)
    words = f"this machine's clock and the provider's are {int(apart.total_seconds())} s apart"
    if apart >= CLOCKS_FAR_APART:
        return [wrong(words, "switch on time synchronisation (NTP): questions leave at the wrong time")]
    if apart >= CLOCKS_APART:
        return [watch(words, "switch on time synchronisation (NTP)")]
    return [good(words)]


def _sender(looker: Inspector, sender: str, settings: Settings, *, replies: bool) -> list[Finding]:
    if _SERVICE.fullmatch(sender):
        return _service(looker, sender, settings, replies=replies)
    if not sender.startswith("+"):
        return [good(f"sender {sender}: a name or short code, which the account does not list")]
    answer = looker.number(sender)
    if not answer.found or "incoming_phone_numbers" not in answer.body:
        words = f"number {sender} could not be looked up ({answer.trouble or f'HTTP {answer.status}'})"
        return [_unclear(words, "look it up in the provider's console", settings)]
    rows = [row for row in answer.body["incoming_phone_numbers"] if row.get("phone_number") == sender]
    if not rows:
        return [
            wrong(f"number {sender} does not belong to the account", "check PROM_TWILIO_FROM and the site's sender")
        ]
    found = [good(f"number {sender} belongs to the account")]
    if not (rows[0].get("capabilities") or {}).get("sms", True):
        found.append(wrong(f"number {sender} cannot send texts", "choose a number with SMS"))
    webhook = str(rows[0].get("sms_url") or "")
    return [*found, *_webhook(f"number {sender}", webhook, str(rows[0].get("sms_method") or "POST"), settings, replies)]


def _service(looker: Inspector, sid: str, settings: Settings, *, replies: bool) -> list[Finding]:
    answer = looker.service(sid)
    if answer.status == 404:
        return [wrong(f"messaging service {sid} does not belong to the account", "check PROM_TWILIO_MESSAGING_SERVICE")]
    if not answer.found:
        words = f"messaging service {sid} could not be looked up ({answer.trouble or f'HTTP {answer.status}'})"
        return [_unclear(words, "look it up in the provider's console", settings)]
    found = [good(f"messaging service {sid} belongs to the account")]
    numbers = looker.service_numbers(sid)
    if numbers.found and numbers.body.get("phone_numbers") == []:
        found.append(wrong(f"messaging service {sid} has no number", "add a sender to its pool"))
    if answer.body.get("use_inbound_webhook_on_number"):
        for row in numbers.body.get("phone_numbers") or []:
            found += _webhooks_of(looker, str(row.get("phone_number", "")), settings, replies=replies)
        return found
    webhook = str(answer.body.get("inbound_request_url") or "")
    method = str(answer.body.get("inbound_method") or "POST")
    return [*found, *_webhook(f"messaging service {sid}", webhook, method, settings, replies)]


def _webhooks_of(looker: Inspector, number: str, settings: Settings, *, replies: bool) -> list[Finding]:
    if not number.startswith("+"):
        return []
    return [one for one in _sender(looker, number, settings, replies=replies) if "belongs" not in one.words]


def _webhook(whose: str, webhook: str, method: str, settings: Settings, replies: bool) -> list[Finding]:
    if not settings.public_url:
        return []
    wanted = settings.public_url + _WEBHOOK
    if webhook == wanted and method.upper() == "POST":
        return [good(f"{whose} sends replies to {wanted}")]
    seen = f"{method} {webhook}" if webhook else "nowhere"
    words, do = f"{whose} sends replies to {seen}", f"set its incoming webhook to POST {wanted}"
    # Replies are fetched from the list as well, so nothing is lost; but STOP and warning signs wait for ten minutes.
    return [(wrong if replies else watch)(words, do)]


def _round_trip(settings: Settings) -> Finding:
    nonce = secrets.token_hex(8)
    answer = account.knock(settings.public_url, settings.twilio_auth_token, nonce)
    if answer.status == 200 and "<Response" in answer.text:
        return good("a signed request comes through the public address and is accepted")
    if answer.status == 403:
        return wrong(
            "a signed request through the public address is refused",
            "PROM_PUBLIC_URL must be the address as the provider calls it, and this token the one prom serves with",
        )
    what = answer.trouble or f"HTTP {answer.status}"
    return _unclear(
        f"the public address does not lead here ({what})", "check the proxy, and that prom serve is running", settings
    )
