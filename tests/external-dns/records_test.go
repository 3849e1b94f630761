package externaldns

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/plan"
)

// ep makes an endpoint as a DNSEndpoint resource does: the target's text is kept.
func ep(name, rtype string, ttl endpoint.TTL, targets ...string) *endpoint.Endpoint {
	return &endpoint.Endpoint{DNSName: name, RecordType: rtype, RecordTTL: ttl, Targets: targets, Labels: endpoint.NewLabels()}
}

// life is one record's way through create, update and delete.
type life struct {
	what            string
	created, update *endpoint.Endpoint
}

// reverseZone is where PTR records may be: releases from v0.21 on refuse them elsewhere.
func reverseZone(t *testing.T) *zoneUnderTest {
	zoneCount++
	return newZoneNamed(t, fmt.Sprintf("%d.%d.10.in-addr.arpa.", zoneCount, minor))
}

// lives has every record type External-DNS manages in a forward zone.
func lives(z *zoneUnderTest) []life {
	all := []life{
		{"A", ep(z.host("a"), "A", 0, "192.0.2.1"), ep(z.host("a"), "A", 120, "192.0.2.2")},
		{"A with several targets", ep(z.host("many"), "A", 60, "192.0.2.1", "192.0.2.2", "192.0.2.3"),
			ep(z.host("many"), "A", 60, "192.0.2.2", "192.0.2.4")},
		{"AAAA", ep(z.host("six"), "AAAA", 0, "2001:db8::1"), ep(z.host("six"), "AAAA", 0, "2001:db8::2", "2001:db8::3")},
		{"A and AAAA at one name", ep(z.host("dual"), "A", 0, "192.0.2.9"), ep(z.host("dual"), "A", 0, "192.0.2.10")},
		{"AAAA and A at one name", ep(z.host("dual"), "AAAA", 0, "2001:db8::9"), ep(z.host("dual"), "AAAA", 0, "2001:db8::10")},
		{"CNAME into the zone", ep(z.host("inside"), "CNAME", 300, z.host("a")), ep(z.host("inside"), "CNAME", 300, z.host("many"))},
		{"deep name", ep(z.host("x.y.deep"), "A", 0, "192.0.2.7"), ep(z.host("x.y.deep"), "A", 0, "192.0.2.8")},
		{"wildcard", ep(z.host("*.wild"), "A", 0, "192.0.2.11"), ep(z.host("*.wild"), "A", 0, "192.0.2.12")},
	}
	if minor >= 21 {
		// Releases before v0.15.1 write these without the final dot PowerDNS's dialect demands,
		// v0.14 turns a CNAME out of the zone into ALIAS.
		all = append(all,
			life{"CNAME out of the zone", ep(z.host("outside"), "CNAME", 0, "lb.example.net"), ep(z.host("outside"), "CNAME", 0, "lb2.example.net")},
			life{"AAAA in a long spelling", ep(z.host("long6"), "AAAA", 0, "2001:DB8:0:0::1"), ep(z.host("long6"), "AAAA", 0, "2001:DB8:0:0::2")},
			life{"MX", ep(z.host("mail"), "MX", 0, "10 mx1.example.net", "20 mx2.example.net"), ep(z.host("mail"), "MX", 0, "5 mx3.example.net")},
			life{"SRV", ep(z.host("_sip._tcp"), "SRV", 0, "10 20 5060 sip.example.net."), ep(z.host("_sip._tcp"), "SRV", 0, "10 20 5061 sip.example.net.")},
			life{"NS", ep(z.host("child"), "NS", 0, "ns1.example.net", "ns2.example.net"), ep(z.host("child"), "NS", 0, "ns3.example.net")},
			life{"apex ALIAS", ep(z.host(""), "CNAME", 0, "lb.example.net"), ep(z.host(""), "CNAME", 0, "lb2.example.net")},
		)
	}
	return all
}

// texts are TXT records, which releases before v0.22 create but never own.
func texts(z *zoneUnderTest) []life {
	long := `"` + strings.Repeat("0123456789 ", 40) + `"`
	return []life{
		{"TXT", ep(z.host("text"), "TXT", 0, `"hello world"`), ep(z.host("text"), "TXT", 0, `"Mixed Case; semicolon=kept"`)},
		{"TXT over 255 octets", ep(z.host("long"), "TXT", 0, long), ep(z.host("long"), "TXT", 0, strings.ToUpper(long))},
	}
}

func created(from []life) (all []*endpoint.Endpoint) {
	for _, l := range from {
		all = append(all, l.created)
	}
	return all
}

func updated(from []life) (all []*endpoint.Endpoint) {
	for _, l := range from {
		all = append(all, l.update)
	}
	return all
}

// managed keeps of what the provider read the endpoints the test wrote.
func managed(read, wanted []*endpoint.Endpoint) (kept []*endpoint.Endpoint) {
	for _, r := range read {
		if slices.ContainsFunc(wanted, func(w *endpoint.Endpoint) bool {
			return strings.EqualFold(w.DNSName, r.DNSName) && w.RecordType == r.RecordType
		}) {
			kept = append(kept, r)
		}
	}
	return kept
}

// The provider alone: every type is created, read back as the plan wants it, updated, deleted.
func TestProviderCarriesEveryType(t *testing.T) {
	for _, from := range []struct {
		name  string
		zone  func(*testing.T) *zoneUnderTest
		lives func(*zoneUnderTest) []life
	}{
		{"forward", newZone, func(z *zoneUnderTest) []life { return append(lives(z), texts(z)...) }},
		{"reverse", reverseZone, func(z *zoneUnderTest) []life {
			if minor < 21 {
				t.Log("releases before v0.21 write PTR without final dot, which the dialect refuses")
				return nil
			}
			return []life{{"PTR", ep(z.host("7"), "PTR", 0, "host7.example.net"), ep(z.host("7"), "PTR", 600, "host8.example.net")}}
		}},
	} {
		t.Run(from.name, func(t *testing.T) {
			zone := from.zone(t)
			lives := from.lives(zone)
			if len(lives) == 0 {
				return
			}
			provider := newProvider(t, zone.proxy.URL, zone.domain())
			apply := func(changes *plan.Changes) {
				t.Helper()
				if err := provider.ApplyChanges(context.Background(), changes); err != nil {
					t.Fatal(err)
				}
				if patches := zone.takePatches(t); len(patches) != 1 {
					t.Fatalf("%d PATCHes for one change", len(patches))
				}
				zone.check(t)
			}
			reread := func(wanted []*endpoint.Endpoint) {
				t.Helper()
				read, err := provider.Records(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				read = managed(read, wanted)
				if len(read) != len(wanted) {
					t.Fatalf("%d endpoints written, %d read: %v", len(wanted), len(read), read)
				}
				changes := planned(zone.domain(), read, wanted)
				if n := len(changes.Create) + len(changes.UpdateNew) + len(changes.Delete); n != 0 {
					t.Fatalf("re-reading finds %d changes: create %v, update %v to %v, delete %v", n, changes.Create,
						changes.UpdateOld, changes.UpdateNew, changes.Delete)
				}
			}
			apply(&plan.Changes{Create: created(lives)})
			reread(created(lives))
			for _, l := range lives {
				host := strings.TrimSuffix(strings.TrimSuffix(l.created.DNSName, zone.domain()), ".")
				rtype := l.created.RecordType
				if host == "" {
					rtype = "ALIAS"
				}
				if _, found := zone.stored(t, host, rtype); !found {
					t.Errorf("%s: not stored as %s", l.what, rtype)
				}
			}
			apply(&plan.Changes{UpdateOld: created(lives), UpdateNew: updated(lives)})
			reread(updated(lives))
			apply(&plan.Changes{Delete: updated(lives)})
			reread(nil)
			read, err := provider.Records(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if left := managed(read, updated(lives)); len(left) > 0 {
				t.Fatalf("deleted, but read back: %v", left)
			}
		})
	}
}

// A wildcard answers names below it with its own signature (RFC 4035 section 3.1.3.3).
func TestWildcardIsExpanded(t *testing.T) {
	zone := newZone(t)
	provider := newProvider(t, zone.proxy.URL, zone.domain())
	wild := ep(zone.host("*.apps"), "A", 0, "192.0.2.80")
	if err := provider.ApplyChanges(context.Background(), &plan.Changes{Create: []*endpoint.Endpoint{wild}}); err != nil {
		t.Fatal(err)
	}
	zone.check(t)
	asked := key{zone.at("shop.apps"), "A"}
	for _, transport := range []string{"udp", "tcp"} {
		got := digAll(t, []key{asked}, transport)[0]
		contents, ttl := of(got.answer, asked.name, "A")
		if !slices.Equal(contents, []string{"192.0.2.80"}) || ttl != 300 || !signed(got.answer, asked.name, "A") {
			t.Errorf("over %s: %v", transport, got)
		}
		if !slices.ContainsFunc(got.authority, func(r resource) bool { return r.rtype == "NSEC" || r.rtype == "NSEC3" }) {
			t.Errorf("over %s: no proof that the name itself does not exist: %v", transport, got.authority)
		}
	}
}

// 2,000 endpoints go out in one PATCH of 4,000 RRsets, come back unchanged, change and go.
func TestTwoThousandEndpointsInOnePatch(t *testing.T) {
	zone := newZone(t)
	external := newDeployment(t, zone, form{prefix: "edns-"}, "bulk")
	const count = 2000
	desired := func(ttl endpoint.TTL, octet int) (all []*endpoint.Endpoint) {
		for i := range count {
			all = append(all, ep(zone.host(fmt.Sprintf("host-%04d", i)), "A", ttl, fmt.Sprintf("198.51.%d.%d", octet+i/256, i%256)))
		}
		return all
	}
	perEndpoint := 2
	if minor < 21 {
		perEndpoint = 3 // the ownership record in its old form as well
	}
	for _, step := range []struct {
		what    string
		desired []*endpoint.Endpoint
	}{{"create", desired(60, 0)}, {"update", desired(90, 100)}, {"delete", nil}} {
		if !external.reconcile(t, step.desired) {
			t.Fatalf("%s: nothing to change", step.what)
		}
		if patches := zone.takePatches(t); !slices.Equal(patches, []int{perEndpoint * count}) {
			t.Fatalf("%s: RRsets in PATCHes: %v", step.what, patches)
		}
		zone.check(t)
		if external.reconcile(t, step.desired) {
			t.Fatalf("%s: re-reading found changes", step.what)
		}
	}
}
