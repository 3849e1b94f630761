"""python-powerdns: zones, records, search, backup and restore."""

import sys

import powerdns
from powerdns import Comment, RRSet

import server

ZONE = "py.test."
client = powerdns.PDNSApiClient(api_endpoint=f"{server.URL}/api/v1", api_key=server.KEY, timeout=60)
api = powerdns.PDNSEndpoint(client)
server.same([one.sid for one in api.servers], ["localhost"])
one = api.servers[0]
assert any(item["name"] == "api-version" for item in one.config), one.config[:5]

zone = one.create_zone(ZONE, "Native", [f"ns1.{ZONE}"], rrsets=[RRSet(f"ns1.{ZONE}", "A", [("192.0.2.53", False)])])
zone.create_records(
    [
        RRSet("www", "A", [("192.0.2.1", False), ("192.0.2.2", False)], ttl=60, comments=[Comment("made by hand", "me")]),
        RRSet("text", "TXT", [('"Mixed Case; kept"', False)]),
        RRSet("off", "A", [("192.0.2.3", True)]),
    ]
)
server.same(server.dig(f"www.{ZONE}", "A"), ["192.0.2.1", "192.0.2.2"])
server.same(server.dig(f"text.{ZONE}", "TXT"), ['"Mixed Case; kept"'])
server.same(server.dig(f"off.{ZONE}", "A"), [])
found = one.get_zone(ZONE)
server.same(found.get_record(f"www.{ZONE}")[0]["comments"][0]["content"], "made by hand")
server.same(one.suggest_zone(f"a.b.{ZONE}").name, ZONE)
results = one.search("www.*")
assert any(item["name"] == f"www.{ZONE}" and item["object_type"] == "record" for item in results), results
found.notify()

# What a backup holds, a restore posts whole: id, url, serials and all.
found.backup(sys.argv[1], filename="py.json", pretty_json=True)
before = server.stored(ZONE)
one.delete_zone(ZONE)
server.same(server.dig(f"www.{ZONE}", "A"), [])
one.restore_zone(f"{sys.argv[1]}/py.json")
server.same(server.stored(ZONE), before)
server.same(server.dig(f"www.{ZONE}", "A"), ["192.0.2.1", "192.0.2.2"])

one.get_zone(ZONE).delete_records([RRSet("www", "A", [])])
server.same(server.dig(f"www.{ZONE}", "A"), [])
assert (f"www.{ZONE}", "A") not in server.stored(ZONE)
try:
    powerdns.PDNSEndpoint(powerdns.PDNSApiClient(api_endpoint=f"{server.URL}/api/v1", api_key="wrong")).servers
    sys.exit("a wrong key was taken")
except powerdns.exceptions.PDNSError as error:
    server.same(error.status_code, 401)
