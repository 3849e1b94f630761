package clients

import (
	"slices"
	"strings"
	"testing"

	"github.com/joeig/go-powerdns/v3"
)

// Every call of joeig/go-powerdns, which External-DNS, cert-manager's webhook and PowerDNS-Operator stand on.
func joeig(t *testing.T) *powerdns.Client {
	t.Helper()
	return powerdns.New(api(t), "localhost", powerdns.WithAPIKey(key(t)))
}

func TestJoeigZones(t *testing.T) {
	client, ctx := joeig(t), t.Context()
	made, err := client.Zones.AddNative(ctx, "joeig.test", true, "1 0 0 -", false, "", "DEFAULT", true, []string{"ns1.joeig.test."})
	must(t, err)
	same(t, *made.Name, "joeig.test.")
	same(t, *made.DNSsec, true)
	same(t, *made.Nsec3Param, "1 0 0 -")
	_, err = client.Zones.AddNative(ctx, "joeig.test", false, "", false, "", "", true, nil)
	fails(t, err, "Conflict")
	primary, err := client.Zones.AddMaster(ctx, "primary.joeig.test", false, "", false, "", "INCREASE", false, []string{"ns1.joeig.test."})
	must(t, err)
	same(t, *primary.Kind, powerdns.MasterZoneKind)
	secondary, err := client.Zones.AddSlave(ctx, "secondary.joeig.test", []string{"127.0.0.1:9"})
	must(t, err)
	same(t, secondary.Masters, []string{"127.0.0.1:9"})
	for _, kind := range []powerdns.ZoneKind{powerdns.ProducerZoneKind, powerdns.ConsumerZoneKind} {
		zone := powerdns.Zone{Name: powerdns.String(strings.ToLower(string(kind)) + ".test"), Kind: powerdns.ZoneKindPtr(kind)}
		other, err := client.Zones.Add(ctx, &zone)
		must(t, err)
		same(t, *other.Kind, kind)
		must(t, client.Zones.Delete(ctx, *other.Name))
	}
	_, err = client.Zones.Add(ctx, &powerdns.Zone{
		Name: powerdns.String("filed.joeig.test"), Kind: powerdns.ZoneKindPtr(powerdns.NativeZoneKind), Account: powerdns.String("filed"),
		Zone: powerdns.String("@ 60 SOA ns1.joeig.test. hostmaster.joeig.test. 1 2 3 4 5\n@ 60 NS ns1.joeig.test.\n$GENERATE 1-3 host$ 60 A 192.0.2.$\n"),
	})
	must(t, err)
	same(t, len(stored(t, "filed.joeig.test.")), 4)

	zones, err := client.Zones.List(ctx)
	must(t, err)
	names := []string{}
	for _, zone := range zones {
		if strings.HasSuffix(*zone.Name, "joeig.test.") {
			names = append(names, *zone.Name)
		}
	}
	slices.Sort(names)
	same(t, names, []string{"filed.joeig.test.", "joeig.test.", "primary.joeig.test.", "secondary.joeig.test."})

	must(t, client.Zones.Change(ctx, "joeig.test", &powerdns.Zone{
		Kind: powerdns.ZoneKindPtr(powerdns.MasterZoneKind), Account: powerdns.String("ops"), Nsec3Narrow: powerdns.Bool(true),
		DNSsec: powerdns.Bool(true), Nsec3Param: powerdns.String("1 0 0 -"),
	}))
	changed, err := client.Zones.Get(ctx, "joeig.test")
	must(t, err)
	same(t, []any{*changed.Kind, *changed.Account, *changed.Nsec3Narrow}, []any{powerdns.MasterZoneKind, "ops", true})
	notified, err := client.Zones.Notify(ctx, "joeig.test")
	must(t, err)
	same(t, *notified.Result, "Notification queued")
	export, err := client.Zones.Export(ctx, "filed.joeig.test")
	must(t, err)
	if !strings.Contains(string(export), "host2.filed.joeig.test.\t60\tIN\tA\t192.0.2.2") {
		t.Fatalf("the export lacks a record:\n%s", export)
	}
	// Transfers are not there yet; the answer says so, in the form the client reads.
	_, err = client.Zones.AxfrRetrieve(ctx, "secondary.joeig.test")
	fails(t, err, "transfer")
	for _, zone := range names[2:] {
		must(t, client.Zones.Delete(ctx, zone))
	}
	_, err = client.Zones.Get(ctx, "secondary.joeig.test")
	fails(t, err, "Not Found")
	_, err = powerdns.New(api(t), "localhost", powerdns.WithAPIKey("wrong")).Zones.List(ctx)
	fails(t, err, "Unauthorized")
}

func TestJoeigRecords(t *testing.T) {
	client, ctx := joeig(t), t.Context()
	makeZone(t, "records.joeig.test.", "Native")
	zone := "records.joeig.test"
	comment := powerdns.Comment{Content: powerdns.String("why"), Account: powerdns.String("who")}
	must(t, client.Records.Add(ctx, zone, "www."+zone, powerdns.RRTypeA, 60, []string{"192.0.2.1", "192.0.2.2"}, powerdns.WithComments(comment)))
	// The final dot is added by the client.
	must(t, client.Records.Add(ctx, zone, "alias."+zone, powerdns.RRTypeCNAME, 60, []string{"www." + zone}))
	must(t, client.Records.Add(ctx, zone, zone, powerdns.RRTypeMX, 60, []string{"10 mx." + zone}))
	must(t, client.Records.Add(ctx, zone, "*."+zone, powerdns.RRTypeTXT, 60, []string{`"a <b> & c"`}))
	same(t, answers(t, "www."+zone+".", "A"), []string{"192.0.2.1", "192.0.2.2"})
	same(t, answers(t, "alias."+zone+".", "CNAME"), []string{"www." + zone + "."})
	same(t, answers(t, zone+".", "MX"), []string{"10 mx." + zone + "."})
	same(t, answers(t, "any."+zone+".", "TXT"), []string{`"a <b> & c"`})

	all, err := client.Records.Get(ctx, zone, "www."+zone+".", nil)
	must(t, err)
	same(t, len(all), 1)
	same(t, []any{*all[0].TTL, *all[0].Records[0].Content, *all[0].Comments[0].Content}, []any{uint32(60), "192.0.2.1", "why"})
	none, err := client.Records.Get(ctx, zone, "www."+zone+".", powerdns.RRTypePtr(powerdns.RRTypeAAAA))
	must(t, err)
	same(t, len(none), 0)

	must(t, client.Records.Change(ctx, zone, "www."+zone, powerdns.RRTypeA, 2147483647, []string{"192.0.2.3"}))
	same(t, answers(t, "www."+zone+".", "A"), []string{"192.0.2.3"})
	kept, err := client.Records.Get(ctx, zone, "www."+zone+".", powerdns.RRTypePtr(powerdns.RRTypeA))
	must(t, err)
	// A REPLACE without comments keeps them.
	same(t, []any{*kept[0].TTL, *kept[0].Comments[0].Account}, []any{uint32(2147483647), "who"})

	must(t, client.Records.Patch(ctx, zone, &powerdns.RRsets{Sets: []powerdns.RRset{
		{Name: powerdns.String("alias." + zone + "."), Type: powerdns.RRTypePtr(powerdns.RRTypeCNAME), ChangeType: powerdns.ChangeTypePtr(powerdns.ChangeTypeDelete)},
		{
			Name: powerdns.String("alias." + zone + "."), Type: powerdns.RRTypePtr(powerdns.RRTypeA), TTL: powerdns.Uint32(60),
			ChangeType: powerdns.ChangeTypePtr(powerdns.ChangeTypeReplace), Records: []powerdns.Record{{Content: powerdns.String("192.0.2.4")}},
		},
	}}))
	same(t, answers(t, "alias."+zone+".", "A"), []string{"192.0.2.4"})
	must(t, client.Records.Delete(ctx, zone, "www."+zone, powerdns.RRTypeA))
	same(t, answers(t, "www."+zone+".", "A"), []string{})
	// What is not there can be deleted.
	must(t, client.Records.Delete(ctx, zone, "www."+zone, powerdns.RRTypeA))
	fails(t, client.Records.Add(ctx, zone, "www."+zone, powerdns.RRTypeA, 60, []string{"nonsense"}), "Record www.records.joeig.test./A 'nonsense'")
}

func TestJoeigCryptokeysAndMetadata(t *testing.T) {
	client, ctx := joeig(t), t.Context()
	makeZone(t, "keys.joeig.test.", "Native")
	zone := "keys.joeig.test"
	keys, err := client.Cryptokeys.List(ctx, zone)
	must(t, err)
	made, err := client.Cryptokeys.Create(ctx, zone, powerdns.Cryptokey{
		KeyType: powerdns.String("zsk"), Algorithm: powerdns.String("ECDSAP256SHA256"), Active: powerdns.Bool(false), Published: powerdns.Bool(false),
	})
	must(t, err)
	shown, err := client.Cryptokeys.Get(ctx, zone, *made.ID)
	must(t, err)
	same(t, []any{*shown.KeyType, *shown.Active, *shown.Published, *shown.Bits}, []any{"zsk", false, false, uint64(256)})
	if !strings.HasPrefix(*shown.Privatekey, "Private-key-format: v1.2\n") || !strings.HasPrefix(*shown.DNSkey, "256 3 13 ") {
		t.Fatalf("the key is shown as %s", *shown.DNSkey)
	}
	must(t, client.Cryptokeys.Change(ctx, zone, *made.ID, powerdns.Cryptokey{Active: powerdns.Bool(true), Published: powerdns.Bool(true)}))
	shown, err = client.Cryptokeys.Get(ctx, zone, *made.ID)
	must(t, err)
	same(t, []any{*shown.Active, *shown.Published}, []any{true, true})
	must(t, client.Cryptokeys.Delete(ctx, zone, *made.ID))
	after, err := client.Cryptokeys.List(ctx, zone)
	must(t, err)
	same(t, after, keys)
	if _, err = client.Cryptokeys.Get(ctx, zone, *made.ID); err == nil {
		t.Fatal("a key that was deleted is shown")
	}

	_, err = client.Metadata.Create(ctx, zone, powerdns.MetadataAlsoNotify, []string{"192.0.2.1"})
	must(t, err)
	set, err := client.Metadata.Set(ctx, zone, powerdns.MetadataAlsoNotify, []string{"192.0.2.2", "192.0.2.3:5300"})
	must(t, err)
	same(t, set.Metadata, []string{"192.0.2.2", "192.0.2.3:5300"})
	got, err := client.Metadata.Get(ctx, zone, powerdns.MetadataAlsoNotify)
	must(t, err)
	same(t, got.Metadata, set.Metadata)
	all, err := client.Metadata.List(ctx, zone)
	must(t, err)
	if !slices.ContainsFunc(all, func(each powerdns.Metadata) bool { return *each.Kind == powerdns.MetadataAlsoNotify }) {
		t.Fatalf("the list lacks ALSO-NOTIFY: %v", all)
	}
	must(t, client.Metadata.Delete(ctx, zone, powerdns.MetadataAlsoNotify))
	got, err = client.Metadata.Get(ctx, zone, powerdns.MetadataAlsoNotify)
	must(t, err)
	same(t, len(got.Metadata), 0)
	_, err = client.Metadata.Set(ctx, zone, powerdns.MetadataSOAEditAPI, []string{"EPOCH"})
	fails(t, err, "SOA-EDIT-API")
}

func TestJoeigOfTheServer(t *testing.T) {
	client, ctx := joeig(t), t.Context()
	makeZone(t, "server.joeig.test.", "Native", "www.server.joeig.test. A 60 192.0.2.1")
	servers, err := client.Servers.List(ctx)
	must(t, err)
	server, err := client.Servers.Get(ctx, "localhost")
	must(t, err)
	same(t, []any{len(servers), *servers[0].ID, *server.DaemonType}, []any{1, "localhost", "authoritative"})
	if !strings.HasPrefix(*server.Version, "4.") && !strings.HasPrefix(*server.Version, "5.") {
		t.Fatalf("version %s", *server.Version)
	}
	flushed, err := client.Servers.CacheFlush(ctx, "localhost", "server.joeig.test")
	must(t, err)
	same(t, *flushed.Result, "Flushed cache.")
	settings, err := client.Config.List(ctx)
	must(t, err)
	if len(settings) == 0 || *settings[0].Type != "ConfigSetting" {
		t.Fatalf("config: %v", settings)
	}
	for kind, count := range map[powerdns.SearchObjectType]int{powerdns.SearchObjectTypeZone: 1, powerdns.SearchObjectTypeRecord: 3, powerdns.SearchObjectTypeComment: 0, powerdns.SearchObjectTypeAll: 4} {
		found, err := client.Search.Data(ctx, "*server.joeig*", 100, kind)
		must(t, err)
		same(t, len(found), count)
	}
	statistics, err := client.Statistics.List(ctx)
	must(t, err)
	uptime, err := client.Statistics.Get(ctx, "uptime")
	must(t, err)
	same(t, []any{len(uptime), *uptime[0].Name, *uptime[0].Type}, []any{1, "uptime", "StatisticItem"})
	if len(statistics) < 10 {
		t.Fatalf("%d statistics", len(statistics))
	}
	_, err = client.Statistics.Get(ctx, "no-such-thing")
	fails(t, err, "Unknown statistic name")

	secret := "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY="
	made, err := client.TSIGKeys.Create(ctx, "joeig", "hmac-sha256", secret)
	must(t, err)
	same(t, []any{*made.Name, *made.Key}, []any{"joeig", secret})
	changed, err := client.TSIGKeys.Change(ctx, *made.ID, powerdns.TSIGKey{Algorithm: powerdns.String("hmac-sha512")})
	must(t, err)
	same(t, *changed.Algorithm, "hmac-sha512")
	got, err := client.TSIGKeys.Get(ctx, *made.ID)
	must(t, err)
	same(t, []any{*got.Algorithm, *got.Key}, []any{"hmac-sha512", secret})
	keys, err := client.TSIGKeys.List(ctx)
	must(t, err)
	// Secrets are not in the list.
	same(t, []any{len(keys), *keys[0].Key}, []any{1, ""})
	must(t, client.TSIGKeys.Delete(ctx, *made.ID))
	_, err = client.TSIGKeys.Get(ctx, *made.ID)
	fails(t, err, "not found")
}
