"""An nginx of one process, for an app that costs little and for a proxy to compare with."""

import os
import pathlib

import gate as bench

NGINX = """
worker_processes 1;
daemon off;
pid {folder}/{name}.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    client_body_temp_path {folder}/{name}-body;
    proxy_temp_path {folder}/{name}-proxy;
    fastcgi_temp_path {folder}/{name}-fastcgi;
    uwsgi_temp_path {folder}/{name}-uwsgi;
    scgi_temp_path {folder}/{name}-scgi;
    {http}
}}
"""

UPSTREAM = """
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ default_type text/plain; return 200 "{body}"; }}
        location = /seen {{ default_type text/plain; return 200 "$http_remote_user|$http_x_vestibule_assertion|$http_cookie"; }}
    }}
"""


def nginx(folder, name, port, http):
    """Starts one nginx."""
    path = pathlib.Path(folder) / f"{name}.conf"
    path.write_text(NGINX.format(folder=folder, name=name, http=http))
    environment = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"}
    process = bench.run_until_exit(["nginx", "-p", folder, "-c", path], env=environment)
    bench.wait_for_port(port, process)
    return process
