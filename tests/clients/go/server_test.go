package clients

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// What the tests are told by the environment.
func setting(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s is not set", name)
	}
	return value
}

// api is the address of the server's API, without a path.
func api(t *testing.T) string { return "http://" + setting(t, "CLIENT_API") }

// key may do everything.
func key(t *testing.T) string { return setting(t, "CLIENT_KEY") }

// call does what a test needs done past the client under test. `into` may be nil.
func call(t *testing.T, method, path string, body, into any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if body == nil {
		text = nil
	}
	request, err := http.NewRequest(method, api(t)+"/api/v1/servers/localhost"+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-API-Key", key(t))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var read bytes.Buffer
	if _, err := read.ReadFrom(answer.Body); err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode >= 300 {
		t.Fatalf("%s %s: %s %s", method, path, answer.Status, read.String())
	}
	if into != nil {
		if err := json.Unmarshal(read.Bytes(), into); err != nil {
			t.Fatal(err)
		}
	}
}

// keyFor makes a key that may do everything about some zones, and nothing else.
func keyFor(t *testing.T, name string, zones ...string) string {
	t.Helper()
	var made struct{ Key string }
	call(t, "POST", "/apikeys", map[string]any{"name": name, "zones": zones}, &made)
	return made.Key
}

// makeZone makes a signed zone with one nameserver and the records given as "name type ttl content".
func makeZone(t *testing.T, name, kind string, records ...string) {
	t.Helper()
	sets := []map[string]any{}
	for _, line := range records {
		part := strings.SplitN(line, " ", 4)
		content := []map[string]any{{"content": part[3], "disabled": false}}
		sets = append(sets, map[string]any{"name": part[0], "type": part[1], "ttl": json.Number(part[2]), "records": content})
	}
	zone := map[string]any{"name": name, "kind": kind, "nameservers": []string{"ns1." + name}, "dnssec": true, "rrsets": sets}
	call(t, "POST", "/zones", zone, nil)
}

// stored lists the records of a zone as the API shows them, "name type ttl content", without the SOA, sorted.
func stored(t *testing.T, zone string) []string {
	t.Helper()
	var shown struct {
		Rrsets []struct {
			Name, Type string
			TTL        uint32
			Records    []struct{ Content string }
		}
	}
	call(t, "GET", "/zones/"+zone, nil, &shown)
	lines := []string{}
	for _, set := range shown.Rrsets {
		for _, record := range set.Records {
			if set.Type != "SOA" {
				lines = append(lines, fmt.Sprintf("%s %s %d %s", set.Name, set.Type, set.TTL, record.Content))
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// answers asks the server by UDP and lists the contents of `rtype` in the answer section, sorted.
func answers(t *testing.T, name, rtype string) []string {
	t.Helper()
	question := new(dns.Msg)
	question.SetQuestion(name, dns.StringToType[rtype])
	question.SetEdns0(1232, true)
	answer, err := dns.Exchange(question, setting(t, "CLIENT_DNS"))
	if err != nil {
		t.Fatal(err)
	}
	contents, signed := []string{}, false
	for _, record := range answer.Answer {
		signed = signed || record.Header().Rrtype == dns.TypeRRSIG
		if record.Header().Rrtype == dns.StringToType[rtype] {
			contents = append(contents, strings.TrimPrefix(record.String(), record.Header().String()))
		}
	}
	if len(contents) > 0 && !signed {
		t.Fatalf("the answer for %s %s is not signed:\n%s", name, rtype, answer)
	}
	slices.Sort(contents)
	return contents
}

// same ends the test, showing both sides, unless they are equal.
func same(t *testing.T, found, wanted any) {
	t.Helper()
	if !reflect.DeepEqual(found, wanted) {
		t.Fatalf("\nfound  %v\nwanted %v", found, wanted)
	}
}

// must ends the test at an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fails ends the test unless there is an error that says `text`.
func fails(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Fatalf("wanted an error with %q, found %v", text, err)
	}
}
