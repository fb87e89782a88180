"""An app behind the gate that believes nothing but the signed assertion.

    pip install 'PyJWT[crypto]'
    python app.py                      # listens on 127.0.0.1:3000
"""

import json
import os
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

ISSUER = os.environ.get("ISSUER", "http://localhost:8080")  # public_url of the gate
AUDIENCE = os.environ.get("AUDIENCE", ISSUER)  # identity.audience, by default public_url
KEYS_URL = os.environ.get("KEYS_URL", ISSUER + "/_vestibule/jwks.json")
HEADER = "X-Vestibule-Assertion"


class Keys:
    """The public keys of the gate, kept for five minutes. An unknown one is looked for at most every 30 seconds."""

    def __init__(self):
        self.known, self.asked = {}, -300.0

    def get(self, kid):
        age = time.monotonic() - self.asked
        if age >= 300 or (age >= 30 and kid not in self.known):
            self.asked = time.monotonic()
            with urllib.request.urlopen(KEYS_URL, timeout=5) as reply:
                found = json.load(reply)["keys"]
            self.known = {key["kid"]: jwt.PyJWK(key).key for key in found}
        return self.known[kid]


KEYS = Keys()


def verify(lines):
    """The claims of the one assertion, or an exception: then nobody is signed in."""
    (token,) = lines or []  # exactly one header line
    if len(token) > 4096:
        raise ValueError("too long")
    head = jwt.get_unverified_header(token)
    if head.get("typ") != "JWT":
        raise ValueError("not an assertion")
    claims = jwt.decode(
        token,
        KEYS.get(head.get("kid")),
        algorithms=["ES256"],  # identity.algorithm; never what the token asks for
        issuer=ISSUER,
        audience=AUDIENCE,
        leeway=30,
        options={"require": ["iss", "aud", "sub", "iat", "nbf", "exp"]},
    )
    if not claims["sub"] or claims["exp"] - claims["iat"] > 300:
        raise ValueError("not an assertion")
    return claims


class App(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            claims = verify(self.headers.get_all(HEADER))
            # Key your data by `sub`: a user name can change and be given to somebody else.
            status, text = 200, f"Hello {claims['name']} ({claims['sub']})\n"
        except Exception as error:  # whatever it is: no fallback to the plain headers
            print("refused:", type(error).__name__, error)
            status, text = 403, "Forbidden\n"
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", 3000), App).serve_forever()
