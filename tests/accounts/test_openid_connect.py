"""Sign-in through another provider, against a small real OpenID Connect server in this process."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import reverse

from aiplatform import env
from apps.accounts.models import SiteSettings, User
from apps.accounts.signup import BY_INVITATION, allow_signup_in
from apps.audit.models import AuditEvent
from tests.accounts.people import sign_in, signed_in_as

CLAIMS = {"sub": "42", "email": "ida@example.org", "email_verified": True, "name": "Ida Identity"}
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Provider(BaseHTTPRequestHandler):
    claims = CLAIMS

    def do_GET(self) -> None:
        issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
        if self.path.startswith("/.well-known/"):
            parts = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
            self.answer(
                {"issuer": issuer, "userinfo_endpoint": f"{issuer}/me"} | {k: issuer + v for k, v in parts.items()}
            )
        elif self.path == "/keys":
            key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
            self.answer({"keys": [{**key, "kid": "1", "alg": "RS256", "use": "sig"}]})
        else:
            self.answer(self.claims)

    def do_POST(self) -> None:
        issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
        now = int(time.time())
        token = {**self.claims, "iss": issuer, "aud": "atrium", "iat": now, "exp": now + 60}
        signed = jwt.encode(token, KEY, algorithm="RS256", headers={"kid": "1"})
        self.answer({"access_token": "a", "token_type": "Bearer", "id_token": signed})

    def answer(self, data: dict) -> None:
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def provider(settings, monkeypatch) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    for name, value in {
        "SERVER_URL": address,
        "CLIENT_ID": "atrium",
        "CLIENT_SECRET": "s",
        "NAME": "Example ID",
    }.items():
        monkeypatch.setenv(f"OIDC_{name}", value)
    settings.SOCIALACCOUNT_PROVIDERS = env.openid_connect()
    cache.clear()
    yield address
    server.shutdown()
    server.server_close()


def start(client: Client, process: str = "login") -> str:
    """Post the button of the login page; the address that the browser is sent to."""
    url = reverse("openid_connect_login", args=["oidc"]) + f"?process={process}"
    return str(client.post(url).context["redirect_to"])


def come_back(client: Client, address: str):
    state = parse_qs(urlsplit(address).query)["state"][0]
    return client.get(reverse("openid_connect_callback", args=["oidc"]), {"code": "c", "state": state})


def test_no_button_without_a_provider(world, client):
    assert "Continue with" not in client.get(reverse("account_login")).content.decode()


def test_the_button_leads_there_by_a_page(world, client, provider):
    assert "Continue with Example ID" in client.get(reverse("account_login")).content.decode()
    address = urlsplit(start(client))
    query = parse_qs(address.query)
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{provider}/authorize"
    assert query["client_id"] == ["atrium"]
    assert query["redirect_uri"] == ["http://testserver/accounts/oidc/oidc/login/callback/"]
    assert query["code_challenge_method"] == ["S256"]


def test_a_new_person_gets_an_account(world, client, provider):
    come_back(client, start(client))
    person = User.objects.get(email="ida@example.org")
    assert (str(person), signed_in_as(client)) == ("Ida Identity", person.pk)
    assert person.can_sign_in_again()
    assert not person.has_usable_password()
    come_back(other := Client(), start(other))
    assert signed_in_as(other) == person.pk


def test_the_rules_of_sign_up_hold_here_too(world, client, provider):
    SiteSettings.current()
    SiteSettings.objects.update(sign_up="invitation")
    refused = come_back(client, start(client))
    assert (refused.status_code, BY_INVITATION in refused.content.decode()) == (403, True)
    session = client.session
    allow_signup_in(session, email="someone@example.org")
    session.save()
    assert "invitation is for someone@example.org" in come_back(client, start(client)).content.decode()
    assert not User.objects.filter(email="ida@example.org").exists()
    session = client.session
    allow_signup_in(session)
    session.save()
    come_back(client, start(client))
    assert signed_in_as(client) == User.objects.get(email="ida@example.org").pk


def test_anothers_address_is_not_taken_over(world, client, provider, monkeypatch):
    monkeypatch.setattr(Provider, "claims", {**CLAIMS, "email": "owner@example.org"})
    come_back(client, start(client))
    assert not signed_in_as(client)


def test_an_account_can_be_connected_and_disconnected(world, client, provider):
    sign_in(client, world.owner, fresh=True)
    come_back(client, start(client, "connect"))
    assert world.owner.socialaccount_set.count() == 1
    page = client.get(reverse("socialaccount_connections")).content.decode()
    assert "Disconnect" in page
    client.post(reverse("socialaccount_connections"), {"account": world.owner.socialaccount_set.get().pk})
    assert world.owner.socialaccount_set.count() == 0
    actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"account.connection.added", "account.connection.removed"} <= actions


def test_half_a_configuration_stops_the_start(monkeypatch):
    monkeypatch.setenv("OIDC_SERVER_URL", "https://id.example.org")
    with pytest.raises(ImproperlyConfigured, match="OIDC_CLIENT_ID and OIDC_CLIENT_SECRET"):
        env.openid_connect()
