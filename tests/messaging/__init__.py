"""Tests of the gateways; Twilio's own client speaks to a real server on 127.0.0.1."""
