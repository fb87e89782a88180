"""An app that verifies with PyJWT as the README says, while the keys of a real gate are replaced.

The environment variable ROTATION says, as JSON: gate (host:port), host, cookie, command (of the gate's
binary), clock (the file that moves the time of the gate and of this program). Prints what happened as JSON.
"""

import http.client
import json
import os
import subprocess
import time

import jwt

SETUP = json.loads(os.environ["ROTATION"])
ORIGIN = "http://" + SETUP["host"]
KEYS = f"http://{SETUP['gate']}/_vestibule/jwks.json"

# Variables of that prefix would configure the gate.
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("VESTIBULE_")}

keys = jwt.PyJWKClient(KEYS, headers={"Host": SETUP["host"]})
line = http.client.HTTPConnection(SETUP["gate"], timeout=60)
done = {"requests": 0, "refused": [], "signed_by": []}


def verify(token, keys=keys):
    return jwt.decode(token, keys.get_signing_key_from_jwt(token), algorithms=["ES256"], leeway=30,
                      issuer=ORIGIN, audience=ORIGIN)


def ask():
    """One request to the app behind the gate: the assertion that it got."""
    line.request("GET", "/", headers={"Host": SETUP["host"], "Cookie": SETUP["cookie"]})
    reply = line.getresponse()
    body = reply.read()
    assert reply.status == 200, (reply.status, body[:200])
    (token,) = [value for name, value in json.loads(body)["headers"] if name == "x-vestibule-assertion"]
    return token


def serve(count):
    for _ in range(count):
        token = ask()
        done["requests"] += 1
        try:
            verify(token)
        except Exception as error:  # counted, whatever it is
            done["refused"].append(f"{type(error).__name__}: {error}")
        kid = jwt.get_unverified_header(token)["kid"]
        if [kid] != done["signed_by"][-1:]:
            done["signed_by"].append(kid)


def command(*arguments):
    words = [*SETUP["command"], *arguments, "--json"]
    output = subprocess.run(words, check=True, stdout=subprocess.PIPE, env=CLEAN).stdout
    return [(key["kid"], key["state"]) for key in json.loads(output)["keys"]]


def wait(minutes):
    """Lets minutes pass for the gate and for us, with requests all the while."""
    for _ in range(minutes):
        line.close()  # the gate will have closed it, too
        wait.passed += 60
        with open(SETUP["clock"] + ".new", "w", encoding="ascii") as draft:
            draft.write(f"+{wait.passed}\n")
        os.replace(SETUP["clock"] + ".new", SETUP["clock"])
        serve(50)


wait.passed = 0


def until(states):
    """Serves until the keys are in these states; the gate looks after them once a minute."""
    deadline = time.perf_counter() + 7200
    while sorted(state for _, state in command("key", "list")) != sorted(states):
        assert time.perf_counter() < deadline, command("key", "list")
        wait(1)


serve(1000)
command("key", "rotate")
serve(1000)
until(["active", "retired"])
serve(1000)
until(["active"])
serve(1000)
command("key", "rotate", "--now")
serve(1000)
until(["active"])
serve(max(1000, 10_000 - done["requests"]))

# The key leaks: what it signed is refused by whoever fetched the set since, what follows is not.
old = ask()
leaked = done["signed_by"][-1]
verify(old)
command("key", "retire", leaked)
serve(100)
try:
    verify(old, jwt.PyJWKClient(KEYS, headers={"Host": SETUP["host"]}))
    done["leaked"] = "accepted"
except jwt.PyJWKClientError:
    done["leaked"] = "refused"
print(json.dumps(done))
