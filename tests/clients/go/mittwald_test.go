package clients

import (
	"strings"
	"testing"

	pdns "github.com/mittwald/go-powerdns"
	"github.com/mittwald/go-powerdns/apis/cryptokeys"
	"github.com/mittwald/go-powerdns/apis/search"
	"github.com/mittwald/go-powerdns/apis/zones"
	"github.com/mittwald/go-powerdns/pdnshttp"
)

// Every call of mittwald/go-powerdns, which dnscontrol and libdns/powerdns (Caddy) stand on. Its enums are strict: a kind, a type or an
// SOA-EDIT-API that it does not know, or that is empty, ends the reading of a whole zone.
func mittwald(t *testing.T, apiKey string) pdns.Client {
	t.Helper()
	client, err := pdns.New(pdns.WithBaseURL(api(t)), pdns.WithAPIKeyAuthentication(apiKey))
	must(t, err)
	return client
}

func TestMittwaldZones(t *testing.T) {
	client, ctx := mittwald(t, key(t)), t.Context()
	must(t, client.Status())
	must(t, client.WaitUntilUp(ctx))
	made, err := client.Zones().CreateZone(ctx, "localhost", zones.Zone{
		Name: "mittwald.test.", Kind: zones.ZoneKindMaster, DNSSec: true, Nameservers: zones.ZoneNameservers{"ns1.mittwald.test."},
		SOAEditAPI: zones.ZoneSOAEditAPIIncrease,
		ResourceRecordSets: []zones.ResourceRecordSet{
			{Name: "www.mittwald.test.", Type: "A", TTL: 60, ChangeType: zones.ChangeTypeReplace, Records: []zones.Record{{Content: "192.0.2.1"}}},
		},
	})
	must(t, err)
	same(t, []any{made.Name, made.Kind, made.DNSSec, made.SOAEditAPI}, []any{"mittwald.test.", zones.ZoneKindMaster, true, zones.ZoneSOAEditAPIIncrease})
	same(t, answers(t, "www.mittwald.test.", "A"), []string{"192.0.2.1"})

	// As octoDNS and others make zones: what they write in lower case is read all the same.
	for name, fields := range map[string]map[string]any{
		"lower.mittwald.test.": {"kind": "master", "soa_edit_api": "default"},
		"empty.mittwald.test.": {"kind": "Primary", "soa_edit": ""},
		"plain.mittwald.test.": {"kind": "NATIVE"},
	} {
		fields["name"], fields["nameservers"] = name, []string{}
		call(t, "POST", "/zones", fields, nil)
		_, err := client.Zones().GetZone(ctx, "localhost", name)
		must(t, err)
		one, err := client.Zones().ListZone(ctx, "localhost", name)
		must(t, err)
		same(t, []any{len(one), one[0].Name}, []any{1, name})
	}
	// Where the serial is not to be raised, the dialect says so by "", which this client cannot read, from PowerDNS neither.
	call(t, "PUT", "/zones/empty.mittwald.test.", map[string]any{"soa_edit_api": ""}, nil)
	_, err = client.Zones().GetZone(ctx, "localhost", "empty.mittwald.test.")
	fails(t, err, "unsupported SOA-EDIT-API value")
	call(t, "PUT", "/zones/empty.mittwald.test.", map[string]any{"soa_edit_api": "default"}, nil)
	_, err = client.Zones().GetZone(ctx, "localhost", "empty.mittwald.test.")
	must(t, err)
	list, err := client.Zones().ListZones(ctx, "localhost")
	must(t, err)
	if len(list) < 4 {
		t.Fatalf("%d zones", len(list))
	}
	none, err := client.Zones().ListZone(ctx, "localhost", "absent.mittwald.test.")
	must(t, err)
	same(t, len(none), 0)
	_, err = client.Zones().GetZone(ctx, "localhost", "absent.mittwald.test.")
	same(t, pdnshttp.IsNotFound(err), true)

	yes := true
	for kind, edit := range map[zones.ZoneKind]zones.ZoneSOAEditAPI{
		zones.ZoneKindNative: zones.ZoneSOAEditAPIDefault,
		zones.ZoneKindSlave:  zones.ZoneSOAEditAPIEpoch,
		zones.ZoneKindMaster: zones.ZoneSOAEditAPISoaEditIncrease,
	} {
		must(t, client.Zones().ModifyBasicZoneData(ctx, "localhost", "plain.mittwald.test.", zones.ZoneBasicDataUpdate{
			Kind: kind, Account: "ops", SOAEdit: zones.ZoneSOAEditInceptionIncrement, SOAEditAPI: edit, APIRectify: &yes,
		}))
		changed, err := client.Zones().GetZone(ctx, "localhost", "plain.mittwald.test.", zones.WithoutResourceRecordSets())
		must(t, err)
		same(t, []any{changed.Kind, changed.Account, changed.SOAEditAPI, changed.APIRectify, len(changed.ResourceRecordSets)}, []any{kind, "ops", edit, true, 0})
	}

	must(t, client.Zones().NotifySlaves(ctx, "localhost", "mittwald.test."))
	must(t, client.Zones().RectifyZone(ctx, "localhost", "mittwald.test."))
	// PowerDNS has no `check` any more either.
	same(t, pdnshttp.IsNotFound(client.Zones().VerifyZone(ctx, "localhost", "mittwald.test.")), true)
	fails(t, client.Zones().RetrieveFromMaster(ctx, "localhost", "lower.mittwald.test."), "unexpected status code 422")
	exported, err := client.Zones().ExportZone(ctx, "localhost", "mittwald.test.")
	must(t, err)
	if !strings.Contains(string(exported), "www.mittwald.test.\t60\tIN\tA\t192.0.2.1\n") {
		t.Fatalf("the export lacks a record:\n%s", exported)
	}
	for _, name := range []string{"lower.mittwald.test.", "empty.mittwald.test.", "plain.mittwald.test."} {
		must(t, client.Zones().DeleteZone(ctx, "localhost", name))
	}
	_, err = client.Zones().GetZone(ctx, "localhost", "plain.mittwald.test.")
	same(t, pdnshttp.IsNotFound(err), true)
	_, err = client.Servers().GetServer(ctx, "another")
	same(t, pdnshttp.IsNotFound(err), true)
}

func TestMittwaldRecords(t *testing.T) {
	client, ctx := mittwald(t, key(t)), t.Context()
	makeZone(t, "records.mittwald.test.", "Native")
	zone := "records.mittwald.test."
	address := zones.ResourceRecordSet{Name: "www." + zone, Type: "A", TTL: 60, Records: []zones.Record{{Content: "192.0.2.1"}, {Content: "192.0.2.2", Disabled: true}}}
	must(t, client.Zones().AddRecordSetToZone(ctx, "localhost", zone, address))
	must(t, client.Zones().AddRecordSetsToZone(ctx, "localhost", zone, []zones.ResourceRecordSet{
		{Name: "a." + zone, Type: "TXT", TTL: 60, Records: []zones.Record{{Content: `"x"`}}, Comments: []zones.Comment{{Content: "why", Account: "who"}}},
		{Name: "b." + zone, Type: "HTTPS", TTL: 60, Records: []zones.Record{{Content: "1 . alpn=h3,h2"}}},
	}))
	same(t, answers(t, "www."+zone, "A"), []string{"192.0.2.1"})
	same(t, answers(t, "b."+zone, "HTTPS"), []string{`1 . alpn="h3,h2"`})
	got, err := client.Zones().GetZone(ctx, "localhost", zone, zones.WithResourceRecordSetFilter("a."+zone, "TXT"))
	must(t, err)
	same(t, []any{len(got.ResourceRecordSets), got.GetRecordSet("a."+zone, "TXT").Comments[0].Content}, []any{1, "why"})

	must(t, client.Zones().RemoveRecordSetFromZone(ctx, "localhost", zone, "www."+zone, "A"))
	// As read, with records and comments.
	must(t, client.Zones().RemoveRecordSetsFromZone(ctx, "localhost", zone, got.ResourceRecordSets))
	same(t, stored(t, zone), []string{"b." + zone + " HTTPS 60 1 . alpn=h3,h2", zone + " NS 3600 ns1." + zone})
	address.Records[0].Content = "nonsense"
	fails(t, client.Zones().AddRecordSetToZone(ctx, "localhost", zone, address), "unexpected status code 422")
}

func TestMittwaldOfTheServer(t *testing.T) {
	client, ctx := mittwald(t, key(t)), t.Context()
	makeZone(t, "server.mittwald.test.", "Native", "www.server.mittwald.test. A 60 192.0.2.1")
	zone := "server.mittwald.test."
	servers, err := client.Servers().ListServers(ctx)
	must(t, err)
	server, err := client.Servers().GetServer(ctx, "localhost")
	must(t, err)
	same(t, []any{len(servers), servers[0], server.DaemonType}, []any{1, *server, "authoritative"})
	flushed, err := client.Cache().Flush(ctx, "localhost", zone)
	must(t, err)
	same(t, flushed.Result, "Flushed cache.")
	found, err := client.Search().Search(ctx, "localhost", "*server.mittwald*", 100, search.ObjectTypeAll)
	must(t, err)
	same(t, []any{len(found.FilterByObjectType(search.ObjectTypeZone)), len(found.FilterByRecordType("A"))}, []any{1, 1})

	before, err := client.Cryptokeys().ListCryptokeys(ctx, "localhost", zone)
	must(t, err)
	made, err := client.Cryptokeys().CreateCryptokey(ctx, "localhost", zone, cryptokeys.Cryptokey{KeyType: "ksk", Algorithm: "ECDSAP256SHA256", Active: true, Published: true})
	must(t, err)
	shown, err := client.Cryptokeys().GetCryptokey(ctx, "localhost", zone, made.ID)
	must(t, err)
	same(t, []any{shown.KeyType, shown.Active, shown.Bits, shown.DNSKey}, []any{"ksk", true, 256, made.DNSKey})
	// It sends no body, of which PowerDNS makes nothing either.
	fails(t, client.Cryptokeys().ToggleCryptokey(ctx, "localhost", zone, made.ID), "unexpected status code 4")
	must(t, client.Cryptokeys().DeleteCryptokey(ctx, "localhost", zone, made.ID))
	after, err := client.Cryptokeys().ListCryptokeys(ctx, "localhost", zone)
	must(t, err)
	same(t, after, before)
}
