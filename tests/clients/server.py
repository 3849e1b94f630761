"""Where the server under test is, and what it says past the client: the API, and DNS by dig."""

import json
import os
import subprocess
import urllib.request

HOST, PORT = os.environ["CLIENT_API"].rsplit(":", 1)
URL = f"http://{HOST}:{PORT}"
KEY = os.environ["CLIENT_KEY"]
DNS_HOST, DNS_PORT = os.environ["CLIENT_DNS"].rsplit(":", 1)
ZONES = "/api/v1/servers/localhost/zones"


def call(method, path, body=None):
    """One request; the answer as JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, {"X-API-Key": KEY, "Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def make_zone(name, **fields):
    """A signed zone with one nameserver."""
    call("POST", ZONES, {"name": name, "kind": "Native", "nameservers": [f"ns1.{name}"], "dnssec": True, **fields})


def key_for(name, *zones):
    """A new key that may do everything about these zones, and nothing else."""
    return call("POST", "/api/v1/servers/localhost/apikeys", {"name": name, "zones": zones})["key"]


def stored(zone):
    """{(name, type): (ttl, contents)} of everything but the SOA."""
    rrsets = call("GET", f"{ZONES}/{zone}")["rrsets"]
    return {
        (rrset["name"], rrset["type"]): (rrset["ttl"], sorted(record["content"] for record in rrset["records"]))
        for rrset in rrsets
        if rrset["type"] != "SOA"
    }


def dig(name, rtype, *options):
    """The contents in the answer section, sorted; CNAMEs on the way are left out."""
    command = ["dig", f"@{DNS_HOST}", "-p", DNS_PORT, "+noall", "+answer", "+norecurse", "+tries=1", "+nosplit", *options, name, rtype]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [line.split(None, 4) for line in printed.splitlines() if line and not line.startswith(";")]
    return sorted(line[4] for line in lines if line[3] == rtype and line[0].lower() == name.lower())


def same(found, wanted):
    """An assertion that shows both sides."""
    assert found == wanted, f"\nfound  {found}\nwanted {wanted}"
