"""powerdns-client, made from PowerDNS's OpenAPI document: every answer must fit its models."""

import powerdns_client
from powerdns_client.rest import ApiException

import server

ZONE = "model.test."
configuration = powerdns_client.Configuration()
configuration.host = f"{server.URL}/api/v1"
configuration.api_key["X-API-Key"] = server.KEY
client = powerdns_client.ApiClient(configuration)
zones = powerdns_client.ZonesApi(client)


def rrset(name, rtype, contents, change="REPLACE"):
    records = [powerdns_client.Record(content=content, disabled=False) for content in contents]
    return powerdns_client.RRSet(name=name, type=rtype, ttl=60, changetype=change, records=records, comments=[])


made = zones.create_zone("localhost", powerdns_client.Zone(name=ZONE, kind="Native", nameservers=[f"ns1.{ZONE}"]), rrsets=True)
server.same((made.name, made.kind, made.dnssec), (ZONE, "Native", False))
zones.patch_zone("localhost", ZONE, powerdns_client.Zone(rrsets=[rrset(f"www.{ZONE}", "A", ["192.0.2.1"])]))
server.same(server.dig(f"www.{ZONE}", "A"), ["192.0.2.1"])
read = zones.list_zone("localhost", ZONE, rrsets=True)
server.same([record.content for each in read.rrsets if each.type == "A" for record in each.records], ["192.0.2.1"])
server.same([zone.name for zone in zones.list_zones("localhost", zone=ZONE, dnssec=True)], [ZONE])
zones.put_zone("localhost", ZONE, powerdns_client.Zone(kind="Master", account="team"))
assert "www.model.test." in str(zones.axfr_export_zone("localhost", ZONE))
zones.notify_zone("localhost", ZONE)
zones.rectify_zone("localhost", ZONE)

keys = powerdns_client.ZonecryptokeyApi(client)
key = keys.create_cryptokey("localhost", ZONE, powerdns_client.Cryptokey(keytype="csk", active=True))
server.same([one.id for one in keys.list_cryptokeys("localhost", ZONE)], [key.id])
assert server.dig(ZONE, "DNSKEY"), "the zone is not signed"
metadata = powerdns_client.ZonemetadataApi(client)
metadata.modify_metadata("localhost", ZONE, "ALSO-NOTIFY", powerdns_client.Metadata(kind="ALSO-NOTIFY", metadata=["192.0.2.54"]))
server.same(metadata.get_metadata("localhost", ZONE, "ALSO-NOTIFY").metadata, ["192.0.2.54"])
tsig = powerdns_client.TsigkeyApi(client)
made = tsig.create_tsig_key("localhost", powerdns_client.TSIGKey(name="model-key", algorithm="hmac-sha256", key=""))
assert made.key, "no secret was made"
tsig.delete_tsig_key("localhost", made.id)
servers = powerdns_client.ServersApi(client)
server.same([one.id for one in servers.list_servers()], ["localhost"])
assert powerdns_client.ConfigApi(client).get_config("localhost")
assert powerdns_client.SearchApi(client).search_data("localhost", "www*", 10)
assert powerdns_client.StatsApi(client).get_stats("localhost")
zones.delete_zone("localhost", ZONE)
server.same(server.dig(f"www.{ZONE}", "A"), [])
try:
    zones.list_zone("localhost", ZONE)
    raise SystemExit("a deleted zone is there")
except ApiException as error:
    server.same(error.status, 404)
