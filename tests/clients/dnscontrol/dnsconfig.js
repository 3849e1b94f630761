// Every type that dnscontrol writes to PowerDNS. STEP is 1 first, then 2: a CNAME gives way to addresses, keys go.
var REG = NewRegistrar("none");
var DNS = NewDnsProvider("signpost", {"default_ns": ["ns1.example.net.", "ns2.example.net."], "zone_kind": "Native"});
var DIGEST = "abababababababababababababababababababababababababababababababab";

D(ZONE, REG, DnsProvider(DNS), DefaultTTL(300),
  // Without this dnscontrol deletes the SOA that it did not write.
  IGNORE("@", "SOA"),
  STEP == "1" ? AUTODNSSEC_ON : AUTODNSSEC_OFF,
  A("@", "192.0.2.1"), A("www", "192.0.2.2"), A("www", "192.0.2.3"), A("*", "192.0.2.4"),
  AAAA("@", "2001:db8::1"),
  ALIAS("alias", "target.example.net."),
  CAA("@", "issue", "ca.example.net", CAA_CRITICAL),
  DS("child", 12345, 13, 2, DIGEST), NS("child", "ns1.child." + ZONE + "."), A("ns1.child", "192.0.2.9"),
  HTTPS("@", 1, ".", "alpn=h3,h2"),
  MX("@", 10, "mail." + ZONE + "."),
  NAPTR("@", 100, 50, "s", "http", "", "_http._tcp.example.net."),
  PTR("4", "host.example.net."),
  SRV("_sip._udp", 1, 2, 5060, "sip.example.net."),
  SSHFP("www", 4, 2, DIGEST),
  SVCB("_svc", 1, "svc.example.net.", "port=8443"),
  TLSA("_443._tcp", 3, 1, 1, DIGEST),
  TXT("@", "v=spf1 -all"), TXT("text", "semi; colon"), TXT("long", new Array(61).join("0123456789")),
  STEP == "1" ? CNAME("swap", "www") : [A("swap", "192.0.2.8"), AAAA("swap", "2001:db8::8")]
);
