"""powerdns-cli: the commands an operator types, each with its exit code."""

import json
import os
import subprocess
import sys

import server

ZONE = "cli.test."
PROGRAM = os.environ["CLIENT_PROGRAMS"] + "/powerdns-cli"


def cli(*arguments, fails=False):
    command = [sys.executable, PROGRAM, *arguments[:2], "-j", "-a", server.KEY, "-u", server.URL, *arguments[2:]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode != 0) == fails, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


cli("zone", "add", ZONE, "primary")
assert ZONE in cli("zone", "list")
cli("record", "add", "www", ZONE, "A", "192.0.2.1")
cli("record", "add", "www", ZONE, "A", "192.0.2.2")
cli("record", "add", "mail", ZONE, "MX", "10 mx.example.net.")
server.same(server.dig(f"www.{ZONE}", "A"), ["192.0.2.1", "192.0.2.2"])
server.same(server.dig(f"mail.{ZONE}", "MX"), ["10 mx.example.net."])
cli("record", "disable", "www", ZONE, "A", "192.0.2.1")
server.same(server.dig(f"www.{ZONE}", "A"), ["192.0.2.2"])
cli("record", "enable", "www", ZONE, "A", "192.0.2.1")
cli("record", "replace", "www", ZONE, "A", "192.0.2.3")
server.same(server.dig(f"www.{ZONE}", "A"), ["192.0.2.3"])
exported = cli("record", "export", ZONE)
assert "192.0.2.3" in exported and json.loads(exported), exported
cli("record", "delete", "www", ZONE, "A", "192.0.2.3")
server.same(server.dig(f"www.{ZONE}", "A"), [])

cli("cryptokey", "add", "ksk", "ecdsap256sha256", ZONE)
keys = server.call("GET", f"{server.ZONES}/{ZONE}/cryptokeys")
server.same(len(keys), 1)
cli("cryptokey", "enable", ZONE, str(keys[0]["id"]))
assert server.dig(ZONE, "DNSKEY"), "the zone is not signed"
cli("metadata", "add", ZONE, "ALSO-NOTIFY", "192.0.2.54")
assert "192.0.2.54" in cli("metadata", "export", ZONE)
cli("tsigkey", "add", "cli-key", "hmac-sha256")
assert "cli-key" in cli("tsigkey", "list")
cli("tsigkey", "delete", "cli-key")
cli("zone", "rectify", ZONE)
cli("zone", "notify", ZONE)
cli("zone", "export", ZONE)
cli("zone", "search", "mail*")
cli("config", "list")
cli("config", "export")
cli("config", "stats")
cli("zone", "delete", "-f", ZONE)
server.same(server.dig(f"mail.{ZONE}", "MX"), [])
server.same([zone for zone in server.call("GET", server.ZONES) if zone["name"] == ZONE], [])
