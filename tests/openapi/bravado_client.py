"""Drives the API by its own Swagger 2.0 document, as kpfleming.powerdns_auth does: bravado makes functions of it, and
checks what it sends and every answer against it.

    bravado_client.py URL KEY
"""

import sys
from urllib.parse import urlparse

from bravado.client import SwaggerClient
from bravado.exception import HTTPConflict, HTTPNotFound, HTTPUnprocessableEntity
from bravado.requests_client import RequestsClient

url, key = sys.argv[1:]
S = "localhost"
ZONE = "bravado.test."

http_client = RequestsClient()
http_client.set_api_key(urlparse(url).netloc, key, param_name="X-API-Key", param_in="header")
api = SwaggerClient.from_url(
    url + "/api/docs", http_client=http_client, request_headers={"Accept": "application/json", "X-API-Key": key}
)


def refused(exception, call):
    try:
        call.result()
    except exception as error:
        return error.swagger_result["error"]
    raise AssertionError(f"{exception} was expected")


assert api.servers.listServer(server_id=S).result()["daemon_type"] == "authoritative"
assert [server["id"] for server in api.servers.listServers().result()] == [S]
assert any(setting["name"] == "local-port" or setting["value"] for setting in api.config.getConfig(server_id=S).result())

# Create, and read in every form.
zone = api.zones.createZone(
    server_id=S, rrsets=False, zone_struct={"name": ZONE, "kind": "Native", "nameservers": ["ns1." + ZONE]}
).result()
assert (zone["id"], zone["rrsets"]) == (ZONE, None), zone
assert refused(HTTPConflict, api.zones.createZone(server_id=S, zone_struct={"name": ZONE, "kind": "Native"}))
assert [zone["name"] for zone in api.zones.listZones(server_id=S, zone=ZONE).result()] == [ZONE]
assert api.zones.listZones(server_id=S, zone="none.test.").result() == []
assert len(api.zones.listZones(server_id=S, dnssec=False).result()) == 1
assert "none" not in refused(HTTPNotFound, api.zones.listZone(server_id=S, zone_id="none.test."))


def addresses():
    zone = api.zones.listZone(server_id=S, zone_id=ZONE).result()
    sets = [rrset for rrset in zone["rrsets"] if rrset["name"] == "www." + ZONE and rrset["type"] == "A"]
    return [(record["content"], record["disabled"]) for rrset in sets for record in rrset["records"]]


# PATCH.
def patch(**rrset):
    rrset = {"name": "www." + ZONE, "type": "A", **rrset}
    return api.zones.patchZone(server_id=S, zone_id=ZONE, zone_struct={"rrsets": [rrset]})


records = [{"content": "192.0.2.1", "disabled": False}, {"content": "192.0.2.2", "disabled": True}]
comments = [{"content": "made by bravado", "account": "tests"}]
patch(changetype="REPLACE", ttl=300, records=records, comments=comments).result()
assert addresses() == [("192.0.2.1", False), ("192.0.2.2", True)], addresses()
one = api.zones.listZone(server_id=S, zone_id=ZONE, rrset_name="www." + ZONE, rrset_type="A").result()
assert one["rrsets"][0]["comments"][0]["content"] == "made by bravado"
assert "Invalid" in refused(HTTPUnprocessableEntity, patch(changetype="REPLACE", ttl=1, records=[{"content": "(x)"}]))
patch(changetype="DELETE").result()
assert addresses() == []

# Settings and metadata.
api.zones.putZone(server_id=S, zone_id=ZONE, zone_struct={"kind": "Master", "account": "tests"}).result()
zone = api.zones.listZone(server_id=S, zone_id=ZONE, rrsets=False).result()
assert (zone["kind"], zone["account"], zone["rrsets"]) == ("Master", "tests", None)
meta = {"server_id": S, "zone_id": ZONE}
api.zonemetadata.modifyMetadata(
    **meta, metadata_kind="ALLOW-AXFR-FROM", metadata={"kind": "ALLOW-AXFR-FROM", "metadata": ["192.0.2.0/24"]}
).result()
api.zonemetadata.createMetadata(**meta, metadata={"kind": "ALSO-NOTIFY", "metadata": ["192.0.2.9"]}).result()
kinds = {kind["kind"]: kind["metadata"] for kind in api.zonemetadata.listMetadata(**meta).result()}
assert kinds["ALLOW-AXFR-FROM"] == ["192.0.2.0/24"] and kinds["ALSO-NOTIFY"] == ["192.0.2.9"], kinds
api.zonemetadata.deleteMetadata(**meta, metadata_kind="ALSO-NOTIFY").result()
assert api.zonemetadata.getMetadata(**meta, metadata_kind="ALSO-NOTIFY").result()["metadata"] == []

# Keys.
keys = {"server_id": S, "zone_id": ZONE}
made = api.zonecryptokey.createCryptokey(**keys, cryptokey={"keytype": "csk", "active": True}).result()
assert made["privatekey"].startswith("Private-key-format") and made["ds"], made
assert [key["id"] for key in api.zonecryptokey.listCryptokeys(**keys).result()] == [made["id"]]
api.zonecryptokey.modifyCryptokey(**keys, cryptokey_id=str(made["id"]), cryptokey={"active": False}).result()
assert api.zonecryptokey.getCryptokey(**keys, cryptokey_id=str(made["id"])).result()["active"] is False
api.zonecryptokey.deleteCryptokey(**keys, cryptokey_id=str(made["id"])).result()
assert api.zonecryptokey.listCryptokeys(**keys).result() == []

# Actions.
assert api.zones.rectifyZone(**keys).result()["result"] == "Rectified"
assert api.zones.notifyZone(**keys).result()["result"] == "Notification queued"
assert "is not a secondary domain" in refused(HTTPUnprocessableEntity, api.zones.axfrRetrieveZone(**keys))
assert ZONE in api.zones.axfrExportZone(**keys).result()["zone"]
assert api.servers.cacheFlushByName(server_id=S, domain=ZONE).result()["result"] == "Flushed cache."
# PowerDNS 4.7.3's own document forbids its answer here.
names = {item["name"] for item in api.stats.getStats(server_id=S).result()}
assert {"uptime", "udp-queries", "response-by-qtype"} <= names, names

api.zones.deleteZone(**keys).result()
assert api.zones.listZones(server_id=S).result() == []
print("bravado did its whole job")
