package externaldns

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	log "github.com/sirupsen/logrus"
	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/plan"
	"sigs.k8s.io/external-dns/registry"
)

// Where the server under test is. The harness that starts it sets these.
var (
	apiURL  = os.Getenv("EXTERNAL_DNS_TEST_API")
	apiKey  = os.Getenv("EXTERNAL_DNS_TEST_KEY")
	dnsHost = os.Getenv("EXTERNAL_DNS_TEST_DNS_HOST")
	dnsPort = os.Getenv("EXTERNAL_DNS_TEST_DNS_PORT")
)

func TestMain(m *testing.M) {
	if apiURL == "" || apiKey == "" || dnsHost == "" || dnsPort == "" {
		fmt.Fprintln(os.Stderr, "set EXTERNAL_DNS_TEST_API, _KEY, _DNS_HOST and _DNS_PORT")
		os.Exit(2)
	}
	log.SetLevel(log.ErrorLevel)
	os.Exit(m.Run())
}

var managedTypes = []string{"A", "AAAA", "CNAME", "TXT", "MX", "SRV", "NS", "PTR"}

// rrset is one RRset as External-DNS sent it.
type rrset struct {
	Name       string   `json:"name"`
	Type       string   `json:"type"`
	TTL        uint32   `json:"ttl"`
	Changetype string   `json:"changetype"`
	Records    []record `json:"records"`
}

type record struct {
	Content  string `json:"content"`
	Disabled bool   `json:"disabled"`
}

type key struct{ name, rtype string }

// zoneUnderTest is a signed zone, and a proxy before the server that keeps what was acknowledged:
// DNS must say exactly that, whatever External-DNS meant to send.
type zoneUnderTest struct {
	name    string // with final dot
	proxy   *httptest.Server
	mu      sync.Mutex
	wanted  map[key]rrset
	gone    map[key]bool
	patches []int // RRsets in each acknowledged PATCH
	refused []string
}

var zoneCount int

// newZone makes a signed zone of a name not used before.
func newZone(t *testing.T) *zoneUnderTest {
	zoneCount++
	return newZoneNamed(t, fmt.Sprintf("z%d.v0-%d.test.", zoneCount, minor))
}

func newZoneNamed(t *testing.T, name string) *zoneUnderTest {
	t.Helper()
	body := map[string]any{
		"name": name, "kind": "Native", "dnssec": true, "nameservers": []string{"ns1." + name},
		"rrsets": []any{map[string]any{
			"name": "ns1." + name, "type": "A", "ttl": 3600,
			"records": []any{map[string]any{"content": "192.0.2.53", "disabled": false}},
		}},
	}
	call(t, "POST", "/api/v1/servers/localhost/zones", body, http.StatusCreated)
	target, err := url.Parse(apiURL)
	if err != nil {
		t.Fatal(err)
	}
	zone := &zoneUnderTest{name: name, wanted: map[key]rrset{}, gone: map[key]bool{}}
	reverse := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(response *http.Response) error {
			if response.Request.Method == http.MethodPatch {
				zone.keep(response)
			}
			return nil
		},
	}
	zone.proxy = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadGateway)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			r = r.WithContext(context.WithValue(r.Context(), patchBody{}, body))
		}
		reverse.ServeHTTP(w, r)
	}))
	t.Cleanup(zone.proxy.Close)
	return zone
}

type patchBody struct{}

// keep applies an acknowledged PATCH to what is wanted, and notes a refused one.
func (z *zoneUnderTest) keep(response *http.Response) {
	z.mu.Lock()
	defer z.mu.Unlock()
	sent, _ := response.Request.Context().Value(patchBody{}).([]byte)
	if response.StatusCode != http.StatusNoContent {
		answer, _ := io.ReadAll(response.Body)
		response.Body = io.NopCloser(bytes.NewReader(answer))
		z.refused = append(z.refused, fmt.Sprintf("%s: %s", response.Status, answer))
		return
	}
	var change struct{ Rrsets []rrset }
	if err := json.Unmarshal(sent, &change); err != nil {
		z.refused = append(z.refused, "body is not JSON: "+err.Error())
		return
	}
	z.patches = append(z.patches, len(change.Rrsets))
	for _, set := range change.Rrsets {
		at := key{strings.ToLower(set.Name), set.Type}
		if set.Changetype == "DELETE" || len(set.Records) == 0 {
			delete(z.wanted, at)
			z.gone[at] = true
		} else {
			delete(z.gone, at)
			z.wanted[at] = set
		}
	}
}

// takePatches returns the sizes of the PATCHes acknowledged since the last call.
func (z *zoneUnderTest) takePatches(t *testing.T) []int {
	t.Helper()
	z.mu.Lock()
	defer z.mu.Unlock()
	if len(z.refused) > 0 {
		t.Fatalf("the server refused a PATCH: %s", z.refused[0])
	}
	taken := z.patches
	z.patches = nil
	return taken
}

// sent returns the RRset External-DNS wrote at host, which is relative to the zone.
func (z *zoneUnderTest) sent(host, rtype string) (rrset, bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	set, found := z.wanted[key{z.at(host), rtype}]
	return set, found
}

// at is host in the zone, with final dot.
func (z *zoneUnderTest) at(host string) string {
	if host == "" {
		return z.name
	}
	return strings.ToLower(host) + "." + z.name
}

// host is a name in the zone as a source gives it, without final dot.
func (z *zoneUnderTest) host(host string) string { return strings.TrimSuffix(z.at(host), ".") }

// domain is the zone's name without final dot, for a domain filter.
func (z *zoneUnderTest) domain() string { return strings.TrimSuffix(z.name, ".") }

// stored asks the API, past External-DNS, for one RRset.
func (z *zoneUnderTest) stored(t *testing.T, host, rtype string) (rrset, bool) {
	t.Helper()
	answer := call(t, "GET", "/api/v1/servers/localhost/zones/"+z.name, nil, http.StatusOK)
	var zone struct{ Rrsets []rrset }
	if err := json.Unmarshal(answer, &zone); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(zone.Rrsets, func(s rrset) bool { return s.Name == z.at(host) && s.Type == rtype })
	if i < 0 {
		return rrset{}, false
	}
	return zone.Rrsets[i], true
}

func call(t *testing.T, method, path string, body any, wanted int) []byte {
	t.Helper()
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		sent = bytes.NewReader(text)
	}
	request, err := http.NewRequest(method, apiURL+path, sent)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-API-Key", apiKey)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != wanted {
		t.Fatalf("%s %s: %s, not %d: %s", method, path, response.Status, wanted, answer)
	}
	return answer
}

// fixedSource is a Kubernetes source whose endpoints the test sets.
type fixedSource struct{ endpoints []*endpoint.Endpoint }

// Endpoints returns copies, since the registry and the provider write into what they are given.
func (s *fixedSource) Endpoints(context.Context) ([]*endpoint.Endpoint, error) {
	copies := make([]*endpoint.Endpoint, 0, len(s.endpoints))
	for _, e := range s.endpoints {
		clone := *e
		clone.Targets = slices.Clone(e.Targets)
		clone.Labels = endpoint.NewLabels()
		clone.Labels[endpoint.ResourceLabelKey] = "ingress/default/web"
		clone.ProviderSpecific = slices.Clone(e.ProviderSpecific)
		copies = append(copies, &clone)
	}
	return copies, nil
}

func (s *fixedSource) AddEventHandler(context.Context, func()) {}

// countingRegistry counts the cycles in which the controller found something to change.
type countingRegistry struct {
	registry.Registry
	changed int
}

func (r *countingRegistry) ApplyChanges(ctx context.Context, changes *plan.Changes) error {
	r.changed++
	return r.Registry.ApplyChanges(ctx, changes)
}

// deployment is one External-DNS: provider, registry and controller.
type deployment struct {
	source   fixedSource
	registry *countingRegistry
	run      func(context.Context) error
}

func newDeployment(t *testing.T, zone *zoneUnderTest, form form, owner string) *deployment {
	t.Helper()
	made := &deployment{}
	made.registry = &countingRegistry{Registry: newRegistry(t, form, owner, newProvider(t, zone.proxy.URL, zone.domain()))}
	made.run = newController(zone.domain(), form, made.registry, &made.source).RunOnce
	return made
}

// reconcile runs one cycle and returns whether the plan had changes.
func (d *deployment) reconcile(t *testing.T, desired []*endpoint.Endpoint) bool {
	t.Helper()
	d.source.endpoints = desired
	before := d.registry.changed
	if err := d.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return d.registry.changed > before
}

// settle reconciles until the state is reached: one cycle that changes, one that finds nothing to do.
func (d *deployment) settle(t *testing.T, zone *zoneUnderTest, desired []*endpoint.Endpoint) {
	t.Helper()
	if !d.reconcile(t, desired) {
		t.Fatal("the plan had nothing to change")
	}
	zone.takePatches(t)
	if d.reconcile(t, desired) {
		zone.mu.Lock()
		defer zone.mu.Unlock()
		t.Fatalf("re-reading found changes; last PATCHes %v, acknowledged state %v", zone.patches, zone.wanted)
	}
}
