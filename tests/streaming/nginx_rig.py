"""An nginx that runs the example of docker/nginx with the ports and folders of a test."""

import re
import shutil
import socket
import subprocess
from pathlib import Path

import httpx

EXAMPLE = Path(__file__).parents[2] / "docker" / "nginx" / "sunbid.conf"
NGINX = shutil.which("nginx")
MAIN = """daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log warn;
events {{ worker_connections 512; }}
http {{ client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; access_log off; include {folder}/sunbid.conf; }}
"""


def _free():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


class Proxy:
    """An nginx that runs the example with the ports and folders of a test."""

    def __init__(self, folder, upstream):
        self.folder = folder
        self.ports = {name: _free() for name in ("plain", "tls", "intake")}
        text = EXAMPLE.read_text(encoding="utf-8")
        text = re.sub(r"^\s*listen \[::\].*$", "", text, flags=re.MULTILINE)
        for given, used in (
            ("listen 80;", f"listen 127.0.0.1:{self.ports['plain']};"),
            ("listen 443 ssl", f"listen 127.0.0.1:{self.ports['tls']} ssl"),
            ("listen 10.0.0.2:8443", f"listen 127.0.0.1:{self.ports['intake']}"),
            ("allow 10.0.0.0/8;", "allow 127.0.0.0/8;"),
            *((f"127.0.0.1:{port}", f"127.0.0.1:{upstream}") for port in (8600, 8601, 8602)),
            *((path, str(folder)) for path in ("/etc/nginx/tls", "/var/log/nginx", "/var/cache/nginx")),
        ):
            assert given in text, given
            text = text.replace(given, used)
        (folder / "sunbid.conf").write_text(text, encoding="utf-8")
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder), encoding="utf-8")

    def certify(self):
        """One certificate for the three names."""
        command = (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test"
        )
        made = ["-keyout", str(self.folder / "key"), "-out", str(self.folder / "pem")]
        subprocess.run([*command.split(), *made], check=True, capture_output=True)
        for name in ("live", "desk", "intake"):
            for kind in ("pem", "key"):
                shutil.copy(self.folder / kind, self.folder / f"{name}.example.cn.{kind}")

    @property
    def command(self):
        return [NGINX, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")]

    def client(self, name="live"):
        port = self.ports["intake" if name == "intake" else "tls"]
        return httpx.AsyncClient(
            base_url=f"https://127.0.0.1:{port}", headers={"Host": f"{name}.example.cn"}, verify=False, timeout=20,
            limits=httpx.Limits(max_connections=100),
        )  # fmt: skip
