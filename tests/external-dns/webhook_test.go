//go:build v0_21 || v0_22

package externaldns

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/external-dns/controller"
	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/pkg/apis/externaldns"
	"sigs.k8s.io/external-dns/plan"
	"sigs.k8s.io/external-dns/provider/webhook"
)

// The URL that --webhook-provider-url would have, password included.
var webhookURL = os.Getenv("EXTERNAL_DNS_TEST_WEBHOOK")

// Everything that External-DNS can manage, the nameservers of an apex among it.
var webhookTypes = []string{"A", "AAAA", "CNAME", "TXT", "MX", "SRV", "NS", "PTR", "NAPTR", "DNAME"}

// overWebhook is one External-DNS with --provider=webhook.
func overWebhook(t *testing.T, zone *zoneUnderTest, form form, owner string) *deployment {
	t.Helper()
	config := &externaldns.Config{
		WebhookProviderURL:          webhookURL,
		WebhookProviderReadTimeout:  time.Minute,
		WebhookProviderWriteTimeout: time.Minute,
	}
	over, err := webhook.New(context.Background(), config, nil)
	if err != nil {
		t.Fatal(err)
	}
	made := &deployment{}
	made.registry = &countingRegistry{Registry: newRegistry(t, form, owner, over)}
	made.run = (&controller.Controller{
		Source:             &made.source,
		Registry:           made.registry,
		Policy:             &plan.SyncPolicy{},
		Interval:           time.Minute,
		DomainFilter:       endpoint.NewDomainFilter([]string{zone.domain()}),
		ManagedRecordTypes: webhookTypes,
	}).RunOnce
	return made
}

// compare holds the zone against what is wanted: nothing else is stored, and DNS says all of it.
func (z *zoneUnderTest) compare(t *testing.T, wanted []*endpoint.Endpoint, ownershipRecords int) {
	t.Helper()
	answer := call(t, "GET", "/api/v1/servers/localhost/zones/"+z.name, nil, http.StatusOK)
	var stored struct{ Rrsets []rrset }
	if err := json.Unmarshal(answer, &stored); err != nil {
		t.Fatal(err)
	}
	z.mu.Lock()
	for at := range z.wanted {
		z.gone[at] = true
	}
	clear(z.wanted)
	heritage := 0
	for _, set := range stored.Rrsets {
		if set.Type == "SOA" || set.Type == "NS" && set.Name == z.name || set.Name == "ns1."+z.name {
			continue
		}
		z.wanted[key{set.Name, set.Type}] = set
		delete(z.gone, key{set.Name, set.Type})
		if set.Type == "TXT" && strings.HasPrefix(set.Records[0].Content, `"heritage=external-dns,`) {
			heritage++
		}
	}
	if heritage != ownershipRecords || len(z.wanted) != heritage+len(wanted) {
		t.Errorf("%d ownership records and %d others are stored, not %d and %d: %v", heritage, len(z.wanted)-heritage,
			ownershipRecords, len(wanted), z.wanted)
	}
	for _, e := range wanted {
		rtype := e.RecordType
		if _, alias := z.wanted[key{strings.ToLower(e.DNSName) + ".", "ALIAS"}]; alias {
			rtype = "ALIAS"
		}
		set, found := z.wanted[key{strings.ToLower(e.DNSName) + ".", rtype}]
		if !found {
			t.Errorf("%s is not stored", e)
			continue
		}
		var contents, targets []string
		for _, r := range set.Records {
			contents = append(contents, canonical(rtype, r.Content))
		}
		for _, target := range e.Targets {
			targets = append(targets, canonical(rtype, target))
		}
		slices.Sort(contents)
		slices.Sort(targets)
		if !slices.Equal(contents, targets) {
			t.Errorf("%s is stored as %q", e, contents)
		}
		if wanted := max(uint32(e.RecordTTL), 300); e.RecordTTL == 0 && set.TTL != wanted || e.RecordTTL > 0 && set.TTL != uint32(e.RecordTTL) {
			t.Errorf("%s is stored with TTL %d", e, set.TTL)
		}
	}
	z.mu.Unlock()
	if len(z.wanted)+len(z.gone) > 0 {
		z.check(t)
	}
}

// webhookLives are records as people write them, in spellings of which PowerDNS's API refuses half.
func webhookLives(z *zoneUnderTest) []life {
	all := append(lives(z),
		life{"NAPTR", ep(z.host("naptr"), "NAPTR", 0, `100 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .`),
			ep(z.host("naptr"), "NAPTR", 0, `100 10 "u" "E2U+sip" "!^.*$!sip:other@example.com!" .`)},
		life{"wildcard at the top", ep(z.host("*"), "A", 0, "192.0.2.13"), ep(z.host("*"), "A", 0, "192.0.2.14")},
		life{"apex A beside the ALIAS's name", ep(z.host("apexlike"), "A", 60, "192.0.2.15"), ep(z.host("apexlike"), "A", 90, "192.0.2.15")},
	)
	if minor >= 22 {
		all = append(all, texts(z)...)
		all = append(all,
			life{"TXT without quotes", ep(z.host("bare"), "TXT", 0, `v=spf1 -all`), ep(z.host("bare"), "TXT", 0, `v=spf1 ~all`)},
			life{"DNAME", ep(z.host("old"), "DNAME", 0, "new.example.net"), ep(z.host("old"), "DNAME", 0, "newer.example.net")},
		)
	}
	return all
}

// quoted is what a text without quotes is stored as.
func quoted(all []*endpoint.Endpoint) []*endpoint.Endpoint {
	for _, e := range all {
		for i, target := range e.Targets {
			if e.RecordType == "TXT" && !strings.HasPrefix(target, `"`) {
				e.Targets[i] = `"` + target + `"`
			}
		}
	}
	return all
}

func TestWebhookOwnsItsRecords(t *testing.T) {
	for _, form := range forms() {
		// No form needs a prefix for the apex, or a replacement for wildcards.
		t.Run(form.name, func(t *testing.T) {
			zone := newZone(t)
			external := overWebhook(t, zone, form, "default")
			lives := webhookLives(zone)
			ownership := len(lives)
			if form.aesKey != "" {
				t.Skip("nobody can tell an encrypted ownership record from text: see the next test")
			}
			external.settle(t, zone, created(lives))
			zone.compare(t, quoted(created(lives)), ownership)
			external.settle(t, zone, updated(lives))
			zone.compare(t, quoted(updated(lives)), ownership)
			external.settle(t, zone, nil)
			zone.compare(t, nil, 0)
		})
	}
}

// Encrypted ownership is recognised, or nothing would be updated and deleted.
func TestWebhookWithEncryptedOwnership(t *testing.T) {
	zone := newZone(t)
	external := overWebhook(t, zone, form{aesKey: plainKey}, "default")
	for _, desired := range [][]*endpoint.Endpoint{
		{ep(zone.host("a"), "A", 0, "192.0.2.1"), ep(zone.host(""), "A", 0, "192.0.2.2")},
		{ep(zone.host("a"), "A", 0, "192.0.2.3"), ep(zone.host(""), "A", 0, "192.0.2.4")},
		nil,
	} {
		external.settle(t, zone, desired)
	}
	zone.compare(t, nil, 0)
}

func TestWebhookPointers(t *testing.T) {
	zone := reverseZone(t)
	external := overWebhook(t, zone, form{}, "default")
	for _, target := range []string{"a.example.net", "b.example.net"} {
		desired := []*endpoint.Endpoint{ep(zone.host("7"), "PTR", 0, target)}
		external.settle(t, zone, desired)
		zone.compare(t, desired, 1)
	}
	external.settle(t, zone, nil)
	zone.compare(t, nil, 0)
}

// With --provider=pdns this never heals on PowerDNS.
func TestWebhookTurnsCNAMEIntoAddressesAndBack(t *testing.T) {
	zone := newZone(t)
	external := overWebhook(t, zone, form{}, "default")
	cname := []*endpoint.Endpoint{ep(zone.host("turns"), "CNAME", 60, "lb.example.net")}
	addresses := []*endpoint.Endpoint{
		ep(zone.host("turns"), "A", 60, "192.0.2.1"), ep(zone.host("turns"), "AAAA", 60, "2001:db8::1"),
	}
	for range 2 {
		external.settle(t, zone, cname)
		zone.compare(t, cname, 1)
		external.settle(t, zone, addresses)
		zone.compare(t, addresses, 2)
	}
}

// A CNAME that is to be an ALIAS, with the flag --prefer-alias or by annotation, and no longer.
func TestWebhookAliasIsStable(t *testing.T) {
	zone := newZone(t)
	external := overWebhook(t, zone, form{}, "default")
	plain := ep(zone.host("alias"), "CNAME", 60, "lb.example.net")
	alias := ep(zone.host("alias"), "CNAME", 60, "lb.example.net").WithProviderSpecific("alias", "true").
		WithProviderSpecific("aws/weight", "10")
	for _, desired := range []*endpoint.Endpoint{plain, alias, plain} {
		external.settle(t, zone, []*endpoint.Endpoint{desired})
		zone.compare(t, []*endpoint.Endpoint{desired}, 1)
		rtype := "CNAME"
		if desired == alias {
			rtype = "ALIAS"
		}
		if _, found := zone.stored(t, "alias", rtype); !found {
			t.Fatalf("%s is not stored as %s", desired, rtype)
		}
	}
}

// What a person made is left alone, and does not stand in the way of anything else.
func TestWebhookLeavesForeignRecordsAlone(t *testing.T) {
	zone := newZone(t)
	call(t, "PATCH", "/api/v1/servers/localhost/zones/"+zone.name, map[string]any{"rrsets": []any{map[string]any{
		"name": zone.at("taken"), "type": "LOC", "ttl": 60, "changetype": "REPLACE",
		"records": []any{map[string]any{"content": "52 22 23.000 N 4 53 32.000 E -2.00m 1.00m 10000.00m 10.00m", "disabled": false}},
	}}}, http.StatusNoContent)
	external := overWebhook(t, zone, form{}, "default")
	external.source.endpoints = []*endpoint.Endpoint{
		ep(zone.host("taken"), "CNAME", 0, "lb.example.net"), ep(zone.host("free"), "CNAME", 0, "lb.example.net"),
	}
	if err := external.run(context.Background()); err == nil || !strings.Contains(err.Error(), "500") {
		t.Fatalf("a CNAME beside a LOC: %v", err)
	}
	if _, found := zone.stored(t, "free", "CNAME"); !found {
		t.Fatal("one clash kept another name from being stored")
	}
	if _, found := zone.stored(t, "taken", "LOC"); !found {
		t.Fatal("a foreign record is gone")
	}

	// Two owners in one zone.
	green := overWebhook(t, zone, form{}, "green")
	if green.reconcile(t, []*endpoint.Endpoint{ep(zone.host("free"), "CNAME", 0, "other.example.net")}) {
		t.Fatal("green changes what is default's")
	}
	green.settle(t, zone, []*endpoint.Endpoint{ep(zone.host("green"), "A", 0, "192.0.2.1")})
}

// Many endpoints at once.
func TestWebhookTakesFiveHundredEndpoints(t *testing.T) {
	zone := newZone(t)
	external := overWebhook(t, zone, form{}, "bulk")
	var desired []*endpoint.Endpoint
	for i := range 500 {
		desired = append(desired, ep(zone.host(fmt.Sprintf("host-%04d", i)), "A", 60, "192.0.2.1"))
	}
	external.settle(t, zone, desired)
	zone.compare(t, desired, len(desired))
	external.settle(t, zone, nil)
	zone.compare(t, nil, 0)
}
