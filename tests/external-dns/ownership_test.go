package externaldns

import (
	"context"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/external-dns/endpoint"
)

// form is how the TXT registry names and writes its ownership records.
type form struct {
	name, prefix, suffix, wildcard, aesKey string
	// txt maps a host and type to the host of its ownership record.
	txt func(host, rtype string) string
}

func firstLabel(host string, change func(label string) string) string {
	label, rest, found := strings.Cut(host, ".")
	if !found {
		return change(label)
	}
	return change(label) + "." + rest
}

const (
	plainKey  = "0123456789abcdef0123456789abcdef"
	base64Key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
)

// forms is every shape of the affix flags: none, before, after, the type in them, a label of its own.
func forms() []form {
	typed := func(host, rtype string) string {
		return firstLabel(host, func(l string) string { return rtype + "-" + l })
	}
	all := []form{
		{name: "no affix", txt: typed},
		{name: "prefix", prefix: "edns-", txt: func(h, r string) string { return "edns-" + typed(h, r) }},
		{name: "prefix that is a label", prefix: "edns.", txt: func(h, r string) string { return "edns." + typed(h, r) }},
		{name: "prefix in upper case", prefix: "EDNS-", txt: func(h, r string) string { return "edns-" + typed(h, r) }},
		{name: "record type in the prefix", prefix: "%{record_type}-edns-", txt: func(h, r string) string { return r + "-edns-" + h }},
		{name: "record type is a label", prefix: "%{record_type}.edns.", txt: func(h, r string) string {
			if h == "" {
				return r + ".edns"
			}
			return r + ".edns." + h
		}},
		{name: "suffix", suffix: "-edns", txt: func(h, r string) string {
			return firstLabel(h, func(l string) string { return r + "-" + l + "-edns" })
		}},
		{name: "record type in the suffix", suffix: "-%{record_type}-edns", txt: func(h, r string) string {
			return firstLabel(h, func(l string) string { return l + "-" + r + "-edns" })
		}},
		{name: "wildcard replacement", wildcard: "any", txt: func(h, r string) string {
			return typed(strings.Replace(h, "*", "any", 1), r)
		}},
		{name: "wildcard replacement and prefix", prefix: "edns-", wildcard: "any", txt: func(h, r string) string {
			return "edns-" + typed(strings.Replace(h, "*", "any", 1), r)
		}},
		{name: "encrypted", aesKey: plainKey, txt: typed},
		{name: "encrypted, record type in the prefix", prefix: "%{record_type}.", aesKey: plainKey, txt: func(h, r string) string {
			if h == "" {
				return r
			}
			return r + "." + h
		}},
	}
	if minor >= 21 {
		all = append(all, form{name: "encrypted, key in base64", aesKey: base64Key, txt: typed})
	}
	return all
}

// reachesApex tells whether the ownership record of the apex is in the zone (else it is in the parent, or nowhere).
func (f form) reachesApex() bool {
	return strings.HasPrefix(f.prefix, "%{record_type}.")
}

// managed are the record types of a deployment. With NS among them nothing can be created at the
// apex: the zone's own NS RRset is foreign data at that name.
func (f form) managed() []string {
	if f.reachesApex() {
		return slices.DeleteFunc(slices.Clone(managedTypes), func(rtype string) bool { return rtype == "NS" })
	}
	return managedTypes
}

// owned are the records of this form that the release can own.
func owned(t *testing.T, form form, zone *zoneUnderTest) (kept []life) {
	for _, l := range append(lives(zone), texts(zone)...) {
		switch {
		case l.created.RecordType == "TXT" && minor < 22:
			// Created by the plan, but nobody's.
		case strings.HasPrefix(l.created.DNSName, "*") && form.wildcard == "":
			// `a-*.rest` is no name the dialect allows.
		case l.created.DNSName == zone.host("") && !form.reachesApex():
		case !slices.Contains(form.managed(), l.created.RecordType):
		case minor == 14 && l.created.RecordType == "CNAME" && form.aesKey == "" && !strings.Contains(form.prefix+form.suffix, "%{") &&
			form.prefix == "" && form.suffix == "":
			// The old form is a TXT at the CNAME's own name (external-dns issue 715).
		default:
			kept = append(kept, l)
		}
	}
	if len(kept) < 5 {
		t.Fatalf("only %d records", len(kept))
	}
	return kept
}

// The whole way, in each form of the ownership record: source, plan, registry, provider, API, DNS; and back.
func TestControllerOwnsItsRecords(t *testing.T) {
	for _, form := range forms() {
		t.Run(form.name, func(t *testing.T) {
			zone := newZone(t)
			external := newDeployment(t, zone, form, "default")
			lives := owned(t, form, zone)

			external.settle(t, zone, created(lives))
			zone.check(t)
			for _, l := range lives {
				host := strings.TrimSuffix(strings.TrimSuffix(l.created.DNSName, zone.domain()), ".")
				txt := form.txt(host, strings.ToLower(l.created.RecordType))
				set, found := zone.sent(txt, "TXT")
				if !found {
					t.Fatalf("%s: no ownership record at %q", l.what, txt)
				}
				if clear := strings.Contains(set.Records[0].Content, "heritage=external-dns"); clear == (form.aesKey != "") {
					t.Fatalf("%s: ownership record is %s", l.what, set.Records[0].Content)
				}
				if stored, found := zone.stored(t, txt, "TXT"); !found || stored.Records[0].Content != set.Records[0].Content {
					t.Fatalf("%s: ownership record %q is read back as %q", l.what, set.Records[0].Content, stored.Records)
				}
			}

			external.settle(t, zone, updated(lives))
			zone.check(t)

			external.settle(t, zone, nil)
			zone.check(t)
			zone.mu.Lock()
			defer zone.mu.Unlock()
			if len(zone.wanted) != 0 {
				t.Fatalf("left over: %v", zone.wanted)
			}
		})
	}
}

// With api-external-dns-takeover a name heals that PowerDNS would leave as it was for ever.
func TestNameTurnsFromCNAMEIntoAddressesAndBack(t *testing.T) {
	for _, form := range forms() {
		if form.aesKey != "" || minor == 14 && form.prefix == "" {
			// Nobody can read whose an encrypted record is; and the old form is a TXT at the CNAME's own name.
			continue
		}
		t.Run(form.name, func(t *testing.T) {
			zone := newZone(t)
			external := newDeployment(t, zone, form, "default")
			hosts := []string{"turns", "a", "cname"}
			check := zone.check
			if form.wildcard != "" {
				hosts = append(hosts, "*.turns")
				// The wildcard also answers for the names of its deleted TXTs.
				check = func(*testing.T) {}
			}
			var cnames, addresses []*endpoint.Endpoint
			for _, host := range hosts {
				cnames = append(cnames, ep(zone.host(host), "CNAME", 60, "lb.example.net"))
				addresses = append(addresses, ep(zone.host(host), "A", 60, "192.0.2.1"), ep(zone.host(host), "AAAA", 60, "2001:db8::1"))
			}
			if minor == 14 {
				// v0.14 makes an ALIAS of a CNAME that leads out of the zone.
				for _, cname := range cnames {
					cname.Targets = endpoint.Targets{zone.host("lb")}
				}
			}
			settle := external.settle
			if minor == 14 {
				// Its old form of the TXT has no type: deleted with the old record, made again for the new one in the next cycle.
				settle = func(t *testing.T, zone *zoneUnderTest, desired []*endpoint.Endpoint) {
					for range 2 {
						external.reconcile(t, desired)
					}
					if external.reconcile(t, desired) {
						t.Fatal("the third cycle found changes")
					}
				}
			}
			for range 2 {
				settle(t, zone, cnames)
				check(t)
				settle(t, zone, addresses)
				check(t)
				for _, address := range addresses {
					host := strings.TrimSuffix(address.DNSName, "."+zone.domain())
					if stored, found := zone.stored(t, host, address.RecordType); !found || stored.Records[0].Content != address.Targets[0] {
						t.Fatalf("%s %s is %v", host, address.RecordType, stored)
					}
				}
			}
			settle(t, zone, cnames[:1])
			check(t)
		})
	}
}

// What another External-DNS made is not taken.
func TestNameOfAnotherOwnerDoesNotTurn(t *testing.T) {
	zone := newZone(t)
	blue, green := newDeployment(t, zone, form{prefix: "edns-"}, "blue"), newDeployment(t, zone, form{prefix: "edns-"}, "green")
	ofBlue := []*endpoint.Endpoint{ep(zone.host("app"), "CNAME", 60, zone.host("lb"))}
	blue.settle(t, zone, ofBlue)
	green.source.endpoints = []*endpoint.Endpoint{ep(zone.host("app"), "A", 60, "192.0.2.1")}
	_ = green.run(context.Background())
	if stored, found := zone.stored(t, "app", "CNAME"); !found || len(stored.Records) != 1 {
		t.Fatalf("the CNAME of blue is gone: %v", stored)
	}
	if blue.reconcile(t, ofBlue) {
		t.Fatal("blue found something to change")
	}
}

// Two External-DNS with different owners share a zone: neither takes nor deletes what is the other's.
func TestTwoOwnersInOneZone(t *testing.T) {
	zone := newZone(t)
	form := form{prefix: "edns-"}
	blue, green := newDeployment(t, zone, form, "blue"), newDeployment(t, zone, form, "green")
	ofBlue := []*endpoint.Endpoint{ep(zone.host("app"), "A", 0, "192.0.2.1"), ep(zone.host("blue"), "A", 0, "192.0.2.2")}
	ofGreen := []*endpoint.Endpoint{ep(zone.host("app"), "A", 0, "192.0.2.99"), ep(zone.host("green"), "A", 0, "192.0.2.3")}

	blue.settle(t, zone, ofBlue)
	green.settle(t, zone, ofGreen)
	zone.check(t)
	address := func(host string) []string {
		set, _ := zone.sent(host, "A")
		var contents []string
		for _, r := range set.Records {
			contents = append(contents, r.Content)
		}
		return contents
	}
	if got := address("app"); !slices.Equal(got, []string{"192.0.2.1"}) {
		t.Fatalf("green took blue's record: %v", got)
	}
	if blue.reconcile(t, ofBlue) {
		t.Fatal("blue was disturbed by green")
	}

	// Green goes: only its own records do.
	green.settle(t, zone, nil)
	zone.check(t)
	if got := address("app"); !slices.Equal(got, []string{"192.0.2.1"}) {
		t.Fatalf("green deleted blue's record: %v", got)
	}
	if blue.reconcile(t, ofBlue) {
		t.Fatal("blue was disturbed by green's leaving")
	}

	// Blue gives the name up, green takes it.
	blue.settle(t, zone, ofBlue[1:])
	green.settle(t, zone, ofGreen)
	zone.check(t)
	if got := address("app"); !slices.Equal(got, []string{"192.0.2.99"}) {
		t.Fatalf("green did not get the free name: %v", got)
	}
}
