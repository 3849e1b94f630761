"""certbot with certbot-dns-pdns, whose key may change the TXT records of two challenges and nothing else: a certificate is issued, renewed and
revoked, and nothing is left in the zone."""

import os
import subprocess
import sys
from pathlib import Path

from cryptography import x509

import server

ZONE = "example.com."
FOLDER = Path.cwd()
LIVE = FOLDER / "config/live/example.com"
PROGRAM = os.environ["CLIENT_PROGRAMS"] + "/certbot"

CREDENTIALS = FOLDER / "pdns.ini"
CREDENTIALS.touch(mode=0o600)
CREDENTIALS.write_text(f"""\
dns_pdns_endpoint = {server.URL}
dns_pdns_api_key = {os.environ["ACME_KEY"]}
dns_pdns_server_id = localhost
dns_pdns_disable_notify = false
""")


def certbot(*arguments, fails=False):
    folders = [f"--{each}-dir={FOLDER / each}" for each in ("config", "work", "logs")]
    command = [sys.executable, PROGRAM, *arguments, "--non-interactive", *folders, f"--server={os.environ['ACME_DIRECTORY']}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode != 0) == fails, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def certonly(*domains, fails=False):
    account = ["--agree-tos", "--register-unsafely-without-email"]
    # Signpost answers DNS with what it has confirmed: there is nothing to wait for.
    plugin = ["--authenticator=dns-pdns", f"--dns-pdns-credentials={CREDENTIALS}", "--dns-pdns-propagation-seconds=0"]
    return certbot("certonly", *account, *plugin, f"--domains={','.join(domains)}", fails=fails)


def certificate():
    return x509.load_pem_x509_certificate((LIVE / "cert.pem").read_bytes())


server.make_zone(ZONE, kind="Master")
foreign = '"of another, who waits too"'
rrset = {"name": f"_acme-challenge.{ZONE}", "type": "TXT", "ttl": 60, "changetype": "REPLACE", "records": [{"content": foreign}]}
server.call("PATCH", f"{server.ZONES}/{ZONE}", {"rrsets": [rrset]})
before = server.stored(ZONE)

certonly("example.com", "*.example.com", "www.example.com")
first = certificate()
names = first.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
server.same(sorted(names), ["*.example.com", "example.com", "www.example.com"])
server.same({name: contents for name, (_, contents) in server.stored(ZONE).items()}, {name: contents for name, (_, contents) in before.items()})
server.same(server.dig(f"_acme-challenge.{ZONE}", "TXT"), [foreign])
server.same(server.dig(f"_acme-challenge.www.{ZONE}", "TXT"), [])

certbot("renew", "--force-renewal", "--no-random-sleep-on-renew")
assert certificate().serial_number != first.serial_number
server.same(server.dig(f"_acme-challenge.www.{ZONE}", "TXT"), [])

# What the key is not for: another name of its zone, and another zone.
server.make_zone("example.net.")
certonly("mail.example.com", fails=True)
certonly("example.net", fails=True)
assert (f"_acme-challenge.mail.{ZONE}", "TXT") not in server.stored(ZONE)
server.same(server.stored("example.net."), {("example.net.", "NS"): (3600, ["ns1.example.net."])})

certbot("revoke", f"--cert-path={LIVE / 'cert.pem'}", "--delete-after-revoke")
assert not LIVE.exists()
