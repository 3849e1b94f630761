package externaldns

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/external-dns/endpoint"
)

// limitedKey makes a key for the records that External-DNS writes below one name of one zone, and uses it until the test has ended.
func limitedKey(t *testing.T, zone *zoneUnderTest, suffix string) {
	t.Helper()
	body := map[string]any{
		"name": "external-dns-" + zone.domain(), "zones": []string{zone.domain()}, "names": []string{zone.host(suffix)},
		"types": []string{"A", "AAAA", "CNAME", "TXT"},
	}
	var made struct{ Key string }
	if err := json.Unmarshal(call(t, "POST", "/api/v1/servers/localhost/apikeys", body, http.StatusCreated), &made); err != nil {
		t.Fatal(err)
	}
	full := apiKey
	apiKey = made.Key
	t.Cleanup(func() { apiKey = full })
}

// With a key as docs/external-dns.md shows it, the whole work is done, and nothing else can be.
func TestLimitedKeyIsEnoughAndKeepsOut(t *testing.T) {
	foreign := newZone(t)
	zone := newZone(t)
	patch := map[string]any{"rrsets": []any{map[string]any{
		"name": zone.at("www"), "type": "A", "ttl": 60, "changetype": "REPLACE",
		"records": []any{map[string]any{"content": "192.0.2.80", "disabled": false}},
	}}}
	call(t, "PATCH", "/api/v1/servers/localhost/zones/"+zone.name, patch, http.StatusNoContent)
	whole := call(t, "GET", "/api/v1/servers/localhost/zones/"+foreign.name, nil, http.StatusOK)
	full := apiKey
	limitedKey(t, zone, "k8s")
	form := form{prefix: "edns-", wildcard: "any"}
	external := newDeployment(t, zone, form, "default")
	// It sees only what the key is for, whatever its domain filter lets in.
	records, err := newProvider(t, zone.proxy.URL, "test").Records(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(records, func(e *endpoint.Endpoint) bool { return !strings.HasSuffix(e.DNSName, zone.domain()) }); i >= 0 {
		t.Fatalf("it sees %s", records[i].DNSName)
	}
	apiKey = full

	desired := []*endpoint.Endpoint{
		ep(zone.host("app.k8s"), "A", 60, "192.0.2.1", "192.0.2.2"),
		ep(zone.host("app.k8s"), "AAAA", 0, "2001:db8::1"),
		ep(zone.host("alias.k8s"), "CNAME", 0, zone.host("app.k8s")),
		ep(zone.host("*.k8s"), "A", 0, "192.0.2.3"),
	}
	external.settle(t, zone, desired)
	zone.check(t)
	desired[0].Targets, desired[2].Targets[0] = desired[0].Targets[:1], zone.host("other.k8s")
	external.settle(t, zone, desired[:3])
	zone.check(t)

	// A name beyond the key: that PATCH is refused whole, and says why.
	external.source.endpoints = append(slices.Clone(desired[:3]), ep(zone.host("new"), "A", 0, "192.0.2.9"))
	_ = external.run(context.Background())
	zone.mu.Lock()
	refused := slices.Clone(zone.refused)
	zone.refused = nil
	zone.mu.Unlock()
	if len(refused) == 0 || !strings.Contains(refused[0], "403") || !strings.Contains(refused[0], "beyond what this API key may change") {
		t.Fatalf("refused: %q", refused)
	}
	if set, found := zone.stored(t, "new", "A"); found {
		t.Fatalf("stored beyond the key: %v", set)
	}
	zone.check(t)

	external.settle(t, zone, nil)
	zone.check(t)
	if set, found := zone.stored(t, "www", "A"); !found || set.Records[0].Content != "192.0.2.80" {
		t.Fatalf("the record of others is %v", set)
	}
	if now := call(t, "GET", "/api/v1/servers/localhost/zones/"+foreign.name, nil, http.StatusOK); string(now) != string(whole) {
		t.Fatalf("the zone of others changed: %s", now)
	}
}
