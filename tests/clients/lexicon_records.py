"""dns-lexicon, which scripts and certbot's plugins call: records of a zone are made, listed, changed and deleted."""

from lexicon.client import Client
from lexicon.config import ConfigResolver

import server

# Lexicon finds the registered domain by the public suffix list.
ZONE = "example.net"
# Its notify is for zones of this kind only, and without the final dot.
server.make_zone(f"{ZONE}.", kind="Master")


def operations():
    settings = {
        "provider_name": "powerdns",
        "domain": ZONE,
        "powerdns": {"pdns_server": server.URL, "auth_token": server.KEY, "pdns_server_id": "localhost"},
    }
    return Client(ConfigResolver().with_dict(settings))


def contents(records):
    return sorted(record["content"] for record in records)


with operations() as do:
    assert do.create_record("A", "www", "192.0.2.1")
    assert do.create_record("A", "www", "192.0.2.2")
    assert do.create_record("TXT", "_acme-challenge.www", "a token; with Case")
    assert do.create_record("MX", "mail", "10 mx.example.net.")
    assert do.create_record("CNAME", "alias", "www.example.net")
server.same(server.dig(f"www.{ZONE}.", "A"), ["192.0.2.1", "192.0.2.2"])
server.same(server.dig(f"_acme-challenge.www.{ZONE}.", "TXT"), ['"a token; with Case"'])
server.same(server.dig(f"alias.{ZONE}.", "CNAME"), [f"www.{ZONE}."])
server.same(server.dig(f"mail.{ZONE}.", "MX"), [f"10 mx.{ZONE}."])
with operations() as do:
    server.same(contents(do.list_records("A", "www")), ["192.0.2.1", "192.0.2.2"])
    server.same(contents(do.list_records("TXT", "_acme-challenge.www")), ["a token; with Case"])
    # Made twice, there once.
    assert do.create_record("A", "www", "192.0.2.1")
    assert do.delete_record(rtype="A", name="www", content="192.0.2.1")
server.same(server.dig(f"www.{ZONE}.", "A"), ["192.0.2.2"])
with operations() as do:
    assert do.update_record(do.list_records("A", "www")[0]["id"], "A", "www", "192.0.2.3")
    assert do.delete_record(rtype="TXT", name="_acme-challenge.www")
server.same(server.dig(f"www.{ZONE}.", "A"), ["192.0.2.3"])
server.same(server.dig(f"_acme-challenge.www.{ZONE}.", "TXT"), [])
assert (f"_acme-challenge.www.{ZONE}.", "TXT") not in server.stored(f"{ZONE}.")
