"""A small OpenID Connect provider on 127.0.0.1: discovery, a page to choose an account, tokens and their keys.

It is as strict as a real one where that matters to the app: a code works once, for the client that asked, with its
secret, its way back and the proof of its key (PKCE).
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "threeways", "the secret of the client"


@dataclass(frozen=True, slots=True)
class _Code:
    account: str
    redirect_uri: str
    nonce: str
    challenge: str


class TinyProvider:
    """Serves within `with`. `accounts` are the claims by the name under which a person chooses theirs. `forges`: tokens
    are signed with a key that isn't in the published ones."""

    def __init__(self, accounts: dict[str, dict[str, Any]]) -> None:
        self.accounts = accounts
        self.forges = False
        self.redirect_uri = ""  # the only one that is let through, as it is registered
        self.refused: list[str] = []
        self._key, self._other_key = (
            RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"}) for _ in range(2)
        )
        self._codes: dict[str, _Code] = {}
        provider = self

        class Handler(_Handler):
            tiny = provider

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def metadata_url(self) -> str:
        return f"{self.issuer}/.well-known/openid-configuration"

    def __enter__(self) -> TinyProvider:
        Thread(target=self._http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def keys(self) -> dict[str, Any]:
        return {"keys": [self._key.as_dict(private=False)]}

    def page(self, asked: dict[str, str]) -> str | None:
        """To choose an account; None if the client isn't known with this way back."""
        if (asked.get("client_id"), asked.get("redirect_uri")) != (CLIENT, self.redirect_uri):
            return None
        links = [f'<p><a href="/chosen?{urlencode(asked | {"account": one})}">{one}</a></p>' for one in self.accounts]
        return f"<!doctype html><title>Provider</title><h1>Choose an account</h1>{''.join(links)}"

    def way_back(self, asked: dict[str, str]) -> str:
        code = secrets.token_urlsafe()
        self._codes[code] = _Code(
            asked["account"], asked["redirect_uri"], asked.get("nonce", ""), asked.get("code_challenge", "")
        )
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, asked: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """None for a request that a provider must refuse."""
        code = self._codes.pop(asked.get("code", ""), None)
        client = base64.b64encode(f"{quote(CLIENT)}:{quote(SECRET)}".encode()).decode()
        plain = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        proof = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
        if (
            code is None
            or authorization not in (f"Basic {client}", f"Basic {plain}")
            or asked.get("redirect_uri") != code.redirect_uri
            or base64.urlsafe_b64encode(proof).rstrip(b"=").decode() != code.challenge
        ):
            return None
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": code.nonce}
        claims |= self.accounts[code.account]
        key = self._other_key if self.forges else self._key
        signed = jwt.encode({"alg": "RS256", "kid": "1"}, claims, key)
        return {"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "expires_in": 300, "id_token": signed}


class _Handler(BaseHTTPRequestHandler):
    tiny: TinyProvider

    def do_GET(self) -> None:
        path, asked = self._asked(self.path)
        match path:
            case "/.well-known/openid-configuration":
                self._send(json.dumps(self.tiny.metadata()), "application/json")
            case "/jwks":
                self._send(json.dumps(self.tiny.keys()), "application/json")
            case "/authorize" if page := self.tiny.page(asked):
                self._send(page, "text/html")
            case "/chosen" if self.tiny.page(asked):
                self.send_response(302)
                self.send_header("Location", self.tiny.way_back(asked))
                self.end_headers()
            case _:
                self._refuse(path)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        path, _ = self._asked(self.path)
        given = {name: values[0] for name, values in parse_qs(body).items()}
        token = self.tiny.token(given, self.headers.get("Authorization", "")) if path == "/token" else None
        if token is None:
            self._refuse(path)
        else:
            self._send(json.dumps(token), "application/json")

    def _asked(self, address: str) -> tuple[str, dict[str, str]]:
        parts = urlsplit(address)
        return parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}

    def _send(self, text: str, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())

    def _refuse(self, path: str) -> None:
        if path != "/favicon.ico":
            self.tiny.refused.append(path)
        self.send_error(400)

    def log_message(self, *_: object) -> None:
        pass
