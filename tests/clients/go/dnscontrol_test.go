package clients

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	pdns "github.com/mittwald/go-powerdns"
	"github.com/mittwald/go-powerdns/apis/cryptokeys"
	"github.com/mittwald/go-powerdns/apis/zones"
	"github.com/mittwald/go-powerdns/pdnshttp"
)

// No module of a dnscontrol that has a provider for PowerDNS can be fetched. These are that provider's calls in its order, by the client
// that it has: a zone is made if it is not there, read whole and parsed by miekg/dns, and changed by one PATCH of deletions and one of
// replacements.
type dnscontrol struct {
	client pdns.Client
	zone   string
}

func (d dnscontrol) ensureZone(t *testing.T) {
	t.Helper()
	_, err := d.client.Zones().GetZone(t.Context(), "localhost", d.zone)
	if err == nil {
		return
	}
	same(t, pdnshttp.IsNotFound(err), true)
	_, err = d.client.Zones().CreateZone(t.Context(), "localhost", zones.Zone{
		Name: d.zone, Type: zones.ZoneTypeZone, Kind: zones.ZoneKindNative, SOAEditAPI: zones.ZoneSOAEditAPIDefault,
		Nameservers: zones.ZoneNameservers{"ns1.example.net.", "ns2.example.net."},
	})
	must(t, err)
}

// read lists what is there as miekg/dns prints it; one type that it cannot parse would end a run.
func (d dnscontrol) read(t *testing.T) map[dns.Question][]string {
	t.Helper()
	zone, err := d.client.Zones().GetZone(t.Context(), "localhost", d.zone)
	must(t, err)
	found := map[dns.Question][]string{}
	for _, set := range zone.ResourceRecordSets {
		if set.Type == "SOA" {
			continue
		}
		for _, record := range set.Records {
			insert(t, found, fmt.Sprintf("%s %d IN %s %s", set.Name, set.TTL, set.Type, record.Content))
		}
	}
	return found
}

func insert(t *testing.T, into map[dns.Question][]string, text string) {
	t.Helper()
	record, err := dns.NewRR(text)
	must(t, err)
	header := record.Header()
	at := dns.Question{Name: header.Name, Qtype: header.Rrtype, Qclass: dns.ClassINET}
	into[at] = append(into[at], record.String())
	slices.Sort(into[at])
}

// push makes the zone what `wanted` says and returns the number of RRsets that it deleted and replaced.
func (d dnscontrol) push(t *testing.T, wanted []string) (int, int) {
	t.Helper()
	goal, sent := map[dns.Question][]string{}, map[dns.Question]*zones.ResourceRecordSet{}
	for _, line := range append(slices.Clone(wanted), d.zone+" 3600 IN NS ns1.example.net.", d.zone+" 3600 IN NS ns2.example.net.") {
		insert(t, goal, line)
		part := strings.SplitN(line, " ", 5)
		at := dns.Question{Name: part[0], Qtype: dns.StringToType[part[3]], Qclass: dns.ClassINET}
		if sent[at] == nil {
			sent[at] = &zones.ResourceRecordSet{Name: part[0], Type: part[3]}
			_, err := fmt.Sscan(part[1], &sent[at].TTL)
			must(t, err)
		}
		sent[at].Records = append(sent[at].Records, zones.Record{Content: part[4]})
	}
	deletions, replacements := []zones.ResourceRecordSet{}, []zones.ResourceRecordSet{}
	now := d.read(t)
	for at := range now {
		if goal[at] == nil {
			deletions = append(deletions, zones.ResourceRecordSet{Name: at.Name, Type: dns.TypeToString[at.Qtype]})
		}
	}
	for at, records := range goal {
		if !slices.Equal(records, now[at]) {
			replacements = append(replacements, *sent[at])
		}
	}
	if len(deletions) > 0 {
		must(t, d.client.Zones().RemoveRecordSetsFromZone(t.Context(), "localhost", d.zone, deletions))
	}
	if len(replacements) > 0 {
		must(t, d.client.Zones().AddRecordSetsToZone(t.Context(), "localhost", d.zone, replacements))
	}
	return len(deletions), len(replacements)
}

func TestDnscontrolCalls(t *testing.T) {
	makeZone(t, "closed.test.", "Native")
	client := dnscontrol{mittwald(t, keyFor(t, "dnscontrol", "control.test")), "control.test."}
	all, err := client.client.Zones().ListZones(t.Context(), "localhost")
	must(t, err)
	same(t, len(all), 0)
	client.ensureZone(t)
	client.ensureZone(t)
	long := strings.Repeat("a", 255)
	wanted := []string{
		"control.test. 300 IN A 192.0.2.1",
		"control.test. 300 IN A 192.0.2.2",
		"control.test. 300 IN AAAA 2001:db8::1",
		"control.test. 300 IN MX 10 mx.example.net.",
		"control.test. 300 IN MX 0 .",
		`control.test. 300 IN CAA 0 issue "letsencrypt.org; validationmethods=dns-01"`,
		`control.test. 300 IN TXT "v=spf1 -all"`,
		`control.test. 300 IN TXT "` + long + `" "` + long + `" "the rest"`,
		// Without quotes, as dnscontrol sends them.
		"control.test. 300 IN HTTPS 1 . alpn=h3,h2 ipv4hint=192.0.2.1",
		"_dns.control.test. 300 IN SVCB 1 dns.example.net. alpn=dot port=853",
		"www.control.test. 300 IN CNAME control.test.",
		"_sip._tcp.control.test. 300 IN SRV 10 20 5060 sip.example.net.",
		`naptr.control.test. 300 IN NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .`,
		"_443._tcp.control.test. 300 IN TLSA 3 1 1 " + strings.Repeat("ab", 32),
		"host.control.test. 300 IN SSHFP 4 2 " + strings.Repeat("cd", 32),
		"loc.control.test. 300 IN LOC 52 22 23.000 N 4 53 32.000 E -2.00m 1.00m 10000.00m 10.00m",
		"child.control.test. 300 IN NS ns1.example.net.",
		"child.control.test. 300 IN DS 12345 13 2 " + strings.Repeat("ef", 32),
		"old.control.test. 300 IN DNAME control.test.",
		"ptr.control.test. 300 IN PTR www.control.test.",
		"*.control.test. 300 IN A 192.0.2.3",
	}
	deleted, replaced := client.push(t, wanted)
	same(t, []int{deleted, replaced}, []int{0, 18})
	again := func() {
		t.Helper()
		deleted, replaced := client.push(t, wanted)
		same(t, []int{deleted, replaced}, []int{0, 0})
	}
	again()

	// www turns from CNAME to A: the deletion goes first.
	at := slices.Index(wanted, "www.control.test. 300 IN CNAME control.test.")
	wanted[at] = "www.control.test. 300 IN A 192.0.2.4"
	deleted, replaced = client.push(t, wanted)
	same(t, []int{deleted, replaced}, []int{1, 1})
	again()

	keys := client.client.Cryptokeys()
	none, err := keys.ListCryptokeys(t.Context(), "localhost", client.zone)
	must(t, err)
	same(t, len(none), 0)
	_, err = keys.CreateCryptokey(t.Context(), "localhost", client.zone, cryptokeys.Cryptokey{KeyType: "csk", Active: true, Published: true})
	must(t, err)
	// Signed, and none of the signer's records are among those that dnscontrol would delete.
	same(t, answers(t, "www.control.test.", "A"), []string{"192.0.2.4"})
	same(t, answers(t, "control.test.", "HTTPS"), []string{`1 . alpn="h3,h2" ipv4hint="192.0.2.1"`})
	again()
	made, err := keys.ListCryptokeys(t.Context(), "localhost", client.zone)
	must(t, err)
	same(t, []any{len(made), made[0].KeyType, made[0].Active, made[0].Published}, []any{1, "csk", true, true})
	must(t, keys.DeleteCryptokey(t.Context(), "localhost", client.zone, made[0].ID))
	again()

	// A variant for a view, which dnscontrol writes as a zone with a tag.
	variant := dnscontrol{client.client, "control.test..inside"}
	_, err = client.client.Zones().CreateZone(t.Context(), "localhost", zones.Zone{Name: variant.zone, Kind: zones.ZoneKindNative})
	must(t, err)
	list, err := client.client.Zones().ListZone(t.Context(), "localhost", variant.zone)
	must(t, err)
	same(t, []any{len(list), list[0].Name}, []any{1, variant.zone})
	again()

	fails(t, client.client.Zones().DeleteZone(t.Context(), "localhost", "closed.test."), "unexpected status code 403")
}
