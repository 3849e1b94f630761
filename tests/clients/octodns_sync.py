"""octoDNS with octodns-powerdns, from a folder of YAML: it makes the zone, knows its own records again, and changes them."""

import sys
from pathlib import Path

from octodns.manager import Manager

import server

FOLDER = Path(sys.argv[1])
ZONE = "octo.test."

CONFIG = f"""
providers:
  config:
    class: octodns.provider.yaml.YamlProvider
    directory: {FOLDER}/zones
    default_ttl: 300
    enforce_order: false
  powerdns:
    class: octodns_powerdns.PowerDnsProvider
    host: {server.HOST}
    port: {server.PORT}
    api_key: {server.key_for("octodns", ZONE)}
    timeout: 60
    notify: true
zones:
  {ZONE}:
    sources: [config]
    targets: [powerdns]
"""

# Every type that the plugin supports, but LUA, which is off unless the server is told otherwise.
RECORDS = r"""
'':
  - type: ALIAS
    value: lb.example.net.
  - type: NS
    values: [ns1.octo.test., ns2.octo.test.]
  - type: MX
    values:
      - {preference: 10, exchange: mx1.octo.test.}
      - {preference: 20, exchange: mx2.octo.test.}
  - type: CAA
    values:
      - {flags: 0, tag: issue, value: ca.example.net}
      - {flags: 128, tag: iodef, value: 'mailto:security@example.net'}
many: {type: A, values: [192.0.2.1, 192.0.2.2]}
ns1: {type: A, value: 192.0.2.53}
ns2: {type: A, value: 192.0.2.54}
six: {type: AAAA, ttl: 60, values: ['2001:db8::1', '2001:db8:0:0:1::2']}
turns: {type: CNAME, value: lb.example.net.}
back: {type: A, value: 192.0.2.3}
child:
  - type: NS
    values: [ns1.example.net., ns2.example.net.]
  - type: DS
    value: {key_tag: 60485, algorithm: 13, digest_type: 2, digest: d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469da50a}
place:
  type: LOC
  value:
    lat_degrees: 52
    lat_minutes: 22
    lat_seconds: 23
    lat_direction: N
    long_degrees: 4
    long_minutes: 53
    long_seconds: 32
    long_direction: E
    altitude: -2
    size: 1
    precision_horz: 10000
    precision_vert: 10
phone:
  type: NAPTR
  values:
    - {order: 100, preference: 10, flags: U, service: E2U+sip, regexp: '!^.*$!sip:info@example.com!', replacement: .}
    - {order: 100, preference: 20, flags: S, service: SIP+D2U, regexp: '', replacement: _sip._udp.octo.test.}
ptr: {type: PTR, values: [a.example.net., b.example.net.]}
ssh: {type: SSHFP, value: {algorithm: 4, fingerprint_type: 2, fingerprint: 123456789abcdef67890123456789abcdef67890123456789abcdef123456789}}
_sip._tcp:
  type: SRV
  values:
    - {priority: 10, weight: 20, port: 5060, target: sip.octo.test.}
    - {priority: 0, weight: 0, port: 0, target: .}
_443._tcp:
  type: TLSA
  value: {certificate_usage: 3, selector: 1, matching_type: 1, certificate_association_data: 0c72ac70b745ac19998811b131d662c9ac69dbdbe7cb23e5b514b56664c5d3d6}
txt:
  type: TXT
  values: ['plain', 'v=DKIM1\; k=rsa\; p=MIIB+/=', 'Mixed Case']
long: {type: TXT, value: LONG}
_ftp._tcp: {type: URI, value: {priority: 10, weight: 1, target: 'ftp://ftp.example.net/public'}}
https:
  type: HTTPS
  values:
    - {svcpriority: 1, targetname: ., svcparams: {alpn: [h2, h3], port: 8443, ipv4hint: [192.0.2.1]}}
svcb: {type: SVCB, value: {svcpriority: 0, targetname: svc.example.net.}}
'*.wild': {type: A, value: 192.0.2.9}
""".replace("LONG", "0123456789" * 45)


def write(records):
    (FOLDER / "zones").mkdir(exist_ok=True)
    (FOLDER / "zones" / f"{ZONE}yaml").write_text(records)


def sync(changes_are_wanted=True):
    """One run as `octodns-sync --doit --force`; then one that must plan nothing."""
    changes = Manager(str(FOLDER / "config.yaml")).sync(dry_run=False, force=True)
    assert (changes > 0) == changes_are_wanted, f"{changes} changes"
    planned = Manager(str(FOLDER / "config.yaml")).sync(dry_run=True, force=True)
    server.same(planned, 0)


(FOLDER / "config.yaml").write_text(CONFIG)
write(RECORDS)
# The plugin makes zones of kind Master with `soa_edit_api` "default".
sync()
zone = server.call("GET", f"{server.ZONES}/{ZONE}?rrsets=false")
server.same((zone["kind"], zone["soa_edit_api"]), ("Master", "DEFAULT"))
types = {rtype for _, rtype in server.stored(ZONE)}
server.same(
    sorted(types),
    sorted("A AAAA ALIAS CAA CNAME DS LOC MX NAPTR NS PTR SSHFP SRV TLSA TXT URI HTTPS SVCB".split()),
)
for (name, rtype), (ttl, contents) in server.stored(ZONE).items():
    if rtype == "ALIAS" or name.startswith("child."):
        continue
    found = server.dig(name, rtype)
    assert len(found) == len(contents), f"{name} {rtype}: {found}, stored {contents}"
server.same(server.dig("place.octo.test.", "LOC"), ["52 22 23.000 N 4 53 32.000 E -2.00m 1m 10000m 10m"])
server.same(server.dig("x.wild.octo.test.", "A"), ["192.0.2.9"])
server.same(server.dig("turns.octo.test.", "CNAME"), ["lb.example.net."])
server.same(server.dig("https.octo.test.", "HTTPS"), ['1 . alpn="h2,h3" port=8443 ipv4hint=192.0.2.1'])

# A and CNAME change places in one PATCH, deletions first.
write(
    RECORDS.replace("turns: {type: CNAME, value: lb.example.net.}", "turns: {type: A, value: 192.0.2.4}").replace(
        "back: {type: A, value: 192.0.2.3}", "back: {type: CNAME, value: lb.example.net.}"
    )
)
sync()
server.same(server.dig("turns.octo.test.", "A"), ["192.0.2.4"])
server.same(server.dig("back.octo.test.", "CNAME"), ["lb.example.net."])

# A signed zone: nothing of the signer's is taken for data.
server.call("PUT", f"{server.ZONES}/{ZONE}", {"dnssec": True})
sync(changes_are_wanted=False)

write("'': {type: NS, values: [ns1.octo.test., ns2.octo.test.]}\nns1: {type: A, value: 192.0.2.53}\nns2: {type: A, value: 192.0.2.54}\n")
sync()
server.same(len(server.stored(ZONE)), 3)
server.same(server.dig("six.octo.test.", "AAAA"), [])
