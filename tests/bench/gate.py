"""What the measurements share: a gate with one signed-in account, and the cost of processes."""

import atexit
import base64
import hashlib
import hmac
import html
import http.client
import os
import pathlib
import re
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

TOP = pathlib.Path(__file__).resolve().parents[2]
HOST = "app.localhost"
PORTAL = "/_vestibule"
DEADLINE = 30

# Tries are not limited here: the account signs in as often as it is measured.
LIMITS = """
[throttle]
free_attempts = 100
logins_per_minute = 1000
logins_per_hour = 1000
codes_per_hour = 100
backup_codes_per_hour = 100
"""


def binary(path):
    """The binary to measure; it must be there, built as it is deployed."""
    if not os.access(path, os.X_OK):
        sys.exit(f"error: no program at {path}\nhint: cargo build --release --locked")
    return path.resolve()


def needed(*programs):
    """Stops when a program is missing."""
    for program in programs:
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin"):
            sys.exit(f"error: {program} is missing\nhint: apt-get install {program}")


def run_until_exit(command, **options):
    """Starts a program that ends with this one, however that ends."""
    process = subprocess.Popen(command, **options)
    # In reverse order.
    atexit.register(process.wait)
    atexit.register(process.terminate)
    return process


def free_port():
    """A port that nobody has at the moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_for_port(port, process):
    """Waits until `process` accepts connections."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if process.poll() is not None:
            sys.exit(f"error: {process.args} ended with {process.returncode}")
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    sys.exit(f"error: nothing listens on {port}")


class Gate:
    """A running gate in a folder of its own."""

    def __init__(self, program, upstream, top="", tables=LIMITS):
        self.program = program
        self.folder = tempfile.TemporaryDirectory(prefix="vestibule-bench-")
        self.config = pathlib.Path(self.folder.name) / "vestibule.toml"
        self.data = pathlib.Path(self.folder.name) / "data"
        self.config.write_text(
            f'public_url = "http://{HOST}"\ndata_dir = "{self.data}"\n{top}\n'
            f'[[upstream]]\nurl = "{upstream}"\nmax_connections_per_user = 1000\n[log]\nlevel = "warn"\n{tables}'
        )
        self.process = None
        self.port = free_port()
        self.environment = {
            **os.environ,
            "VESTIBULE_LISTEN": f"127.0.0.1:{self.port}",
            "VESTIBULE_OPS__LISTEN": "off",
        }

    def start(self):
        """Starts it and returns the seconds until its first answer."""
        begin = time.monotonic()
        self.process = run_until_exit(
            [self.program, "serve", "--config", self.config],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.environment,
            cwd=self.folder.name,
        )
        end = begin + DEADLINE
        while time.monotonic() < end:
            if self.process.poll() is not None:
                sys.exit(f"error: the gate ended with {self.process.returncode}")
            try:
                Visitor(self.port).ask("GET", f"{PORTAL}/login")
                return time.monotonic() - begin
            except OSError:
                time.sleep(0.0005)
        sys.exit("error: the gate does not answer")

    def stop(self):
        """Ends it in order."""
        self.process.terminate()
        self.process.wait(DEADLINE)

    def invitation(self, name):
        """Adds an account and returns the path of its invitation."""
        arguments = [self.program, "user", "add", name, "--config", self.config]
        output = subprocess.run(
            arguments, check=True, capture_output=True, text=True, env=self.environment, cwd=self.folder.name
        ).stdout
        return re.search(r"https?://[^/\s]+(/\S*/invite/\S+)", output).group(1)


class Visitor:
    """A browser without script and with a cookie jar."""

    def __init__(self, port):
        self.port = port
        self.cookies = {}

    def ask(self, method, path, body=None):
        """One request; returns status, headers and text."""
        headers = {"Host": HOST, "Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Connection": "close"}
        if self.cookies:
            headers["Cookie"] = self.cookie_header()
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["Origin"] = f"http://{HOST}"
            headers["Sec-Fetch-Site"] = "same-origin"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        text = response.read().decode()
        for line in response.headers.get_all("Set-Cookie", []):
            name, value = line.split(";")[0].split("=", 1)
            if "max-age=0" in line.lower():
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        connection.close()
        return response.status, response.headers, text

    def cookie_header(self):
        """The cookies as one header value."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def visit(self, path):
        """Opens a page, follows redirects, returns its path and text."""
        status, headers, text = self.ask("GET", path)
        return self.follow(path, status, headers, text)

    def follow(self, path, status, headers, text):
        """Follows redirects among the gate's own pages."""
        while 300 <= status < 400:
            path = headers["Location"].removeprefix(f"http://{HOST}")
            if not path.startswith(PORTAL):
                break
            status, headers, text = self.ask("GET", path)
        if status >= 400:
            sys.exit(f"error: {path} answered {status}: {text}")
        return path, text

    def submit(self, page, **fields):
        """Sends the form with these fields from a page, and follows the answer."""
        path, text = page
        for form in re.findall(r"<form.*?</form>", text, re.S):
            if all(f'name="{name}"' in form for name in fields):
                break
        else:
            sys.exit(f"error: no form with {list(fields)} on {path}")
        filled = {}  # what a browser sends when nobody fills in anything
        for tag in re.findall(r"<input[^>]*>", form):
            attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
            if attributes.get("type") != "checkbox":
                filled[attributes["name"]] = html.unescape(attributes.get("value", ""))
        action = re.search(r'^<form[^>]* action="([^"]*)"', form)
        target = html.unescape(action.group(1)) if action else path
        return self.follow(target, *self.ask("POST", target, urllib.parse.urlencode({**filled, **fields})))


class Account:
    """An enrolled account and what it takes to sign in."""

    def __init__(self, gate, name):
        self.gate = gate
        self.name = name
        self.password = f"a long password for {name}"
        self.visitor = Visitor(gate.port)
        page = self.visitor.visit(gate.invitation(name))
        page = self.visitor.submit(page, new_password=self.password, new_password_again=self.password)
        secret = re.search(r"otpauth://[^\"]*secret=([A-Z2-7]+)", page[1]).group(1)
        page = self.visitor.submit(page, code=totp(secret))
        items = re.findall(r"<li[^>]*>(.*?)</li>", page[1], re.S)
        texts = [re.sub(r"<[^>]*>", "", item).strip() for item in items]
        self.backup_codes = [text for text in texts if re.fullmatch(r"[0-9A-Za-z]+(-[0-9A-Za-z]+)+", text)]
        self.visitor.submit(page, kept="yes")

    def sign_in(self):
        """Signs in once more, with password and backup code."""
        visitor = Visitor(self.gate.port)
        page = visitor.visit(f"{PORTAL}/login")
        page = visitor.submit(page, username=self.name, password=self.password)
        visitor.submit(page, code=self.backup_codes.pop())
        return visitor


def totp(secret):
    """The code of this moment (RFC 6238)."""
    message = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.new(base64.b32decode(secret), message, hashlib.sha1).digest()
    at = digest[-1] & 15
    return "%06d" % ((struct.unpack(">I", digest[at : at + 4])[0] & 0x7FFFFFFF) % 10**6)


def tree(pid):
    """A process and all below it."""
    pids = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            pids += tree(int(child))
    return pids


def cpu_seconds(pid):
    """User and system time of a process tree so far, threads that ended included.

    The kernel tells it in ticks of usually 10 ms: measure spans that are long beside that.
    """
    total = 0
    for member in tree(pid):
        fields = pathlib.Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def resident_kib(pid):
    """Resident memory of a process, in KiB."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))


def spread(values, digits=1):
    """Median with the smallest and the largest value."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"
