package clients

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-acme/lego/v5/acme"
	"github.com/go-acme/lego/v5/certcrypto"
	"github.com/go-acme/lego/v5/certificate"
	"github.com/go-acme/lego/v5/challenge/dns01"
	"github.com/go-acme/lego/v5/lego"
	"github.com/go-acme/lego/v5/providers/dns/pdns"
	"github.com/go-acme/lego/v5/registration"
)

// account is a user of the ACME server.
type account struct {
	key        crypto.Signer
	registered *acme.ExtendedAccount
}

func (a *account) GetEmail() string                       { return "" }
func (a *account) GetRegistration() *acme.ExtendedAccount { return a.registered }
func (a *account) GetPrivateKey() crypto.Signer           { return a.key }

// pdnsProvider has lego's defaults but for the interval at which it looks, which a user sets by PDNS_POLLING_INTERVAL.
func pdnsProvider(t *testing.T, apiKey string) *pdns.DNSProvider {
	t.Helper()
	settings := pdns.NewDefaultConfig()
	settings.APIKey, settings.PollingInterval = apiKey, 50*time.Millisecond
	var err error
	settings.Host, err = url.Parse(api(t))
	must(t, err)
	provider, err := pdns.NewDNSProviderConfig(settings)
	must(t, err)
	return provider
}

// seen is what DNS had for the names of challenges when lego, done with all of them, looked whether it is there.
type seen struct {
	mu       sync.Mutex
	contents map[string][]string
}

// legoWith is lego with its provider pdns, registered at the ACME server.
func legoWith(t *testing.T, apiKey string) (*lego.Client, *seen) {
	t.Helper()
	// In place of the resolver of the machine. The authoritative servers that lego would ask besides have port 53.
	dns01.SetDefaultClient(dns01.NewClient(&dns01.Options{RecursiveNameservers: []string{setting(t, "CLIENT_DNS")}}))
	provider := pdnsProvider(t, apiKey)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	user := &account{key: private}
	config := lego.NewConfig(user)
	config.CADirURL = setting(t, "ACME_DIRECTORY")
	client, err := lego.NewClient(config)
	must(t, err)
	challenges := &seen{contents: map[string][]string{}}
	look := func(ctx context.Context, domain, fqdn, value string, check dns01.PreCheckFunc) (bool, error) {
		challenges.mu.Lock()
		defer challenges.mu.Unlock()
		if challenges.contents[fqdn] == nil {
			challenges.contents[fqdn] = answers(t, fqdn, "TXT")
		}
		return check(ctx, fqdn, value)
	}
	must(t, client.Challenge.SetDNS01Provider(provider, dns01.DisableAuthoritativeNssPropagationRequirement(), dns01.WrapPreCheck(look)))
	user.registered, err = client.Registration.Register(t.Context(), registration.RegisterOptions{TermsOfServiceAgreed: true})
	must(t, err)
	return client, challenges
}

// obtain gets a certificate for the domains and reads it.
func obtain(t *testing.T, client *lego.Client, domains ...string) *certificate.Resource {
	t.Helper()
	got, err := client.Certificate.Obtain(t.Context(), certificate.ObtainRequest{Domains: domains, KeyType: certcrypto.EC256, Bundle: true})
	must(t, err)
	isFor(t, got, domains)
	return got
}

func isFor(t *testing.T, got *certificate.Resource, domains []string) {
	t.Helper()
	parsed, err := certcrypto.ParsePEMBundle(got.Certificate)
	must(t, err)
	names := slices.Clone(parsed[0].DNSNames)
	slices.Sort(names)
	wanted := slices.Clone(domains)
	slices.Sort(wanted)
	same(t, names, wanted)
}

func TestLegoIssuesForAnApexItsWildcardAndRevokes(t *testing.T) {
	t.Parallel()
	// NOTIFY belongs to lego's work for this kind. It gives its TTL to the RRset.
	makeZone(t, "lego.test.", "Master", `_acme-challenge.lego.test. TXT 120 "of another, who waits too"`)
	before := stored(t, "lego.test.")
	client, challenges := legoWith(t, key(t))
	got := obtain(t, client, "lego.test", "*.lego.test")
	same(t, len(challenges.contents["_acme-challenge.lego.test."]), 3)
	same(t, stored(t, "lego.test."), before)
	same(t, answers(t, "_acme-challenge.lego.test.", "TXT"), []string{`"of another, who waits too"`})
	must(t, client.Certificate.Revoke(t.Context(), got.Certificate))
}

func TestLegoRenews(t *testing.T) {
	t.Parallel()
	makeZone(t, "renewed.test.", "Native")
	client, challenges := legoWith(t, key(t))
	got := obtain(t, client, "www.renewed.test")
	same(t, len(challenges.contents["_acme-challenge.www.renewed.test."]), 1)
	same(t, answers(t, "_acme-challenge.www.renewed.test.", "TXT"), []string{})
	renewed, err := client.Certificate.Renew(t.Context(), *got, &certificate.RenewOptions{KeyType: certcrypto.EC256, Bundle: true})
	must(t, err)
	isFor(t, renewed, []string{"www.renewed.test"})
	if slices.Equal(renewed.Certificate, got.Certificate) {
		t.Fatal("the renewed certificate is the old one")
	}
	same(t, stored(t, "renewed.test."), []string{"renewed.test. NS 3600 ns1.renewed.test."})
}

func TestLegoWithAKeyForOneChallenge(t *testing.T) {
	t.Parallel()
	makeZone(t, "shop.test.", "Master")
	makeZone(t, "closed.test.", "Native")
	before := stored(t, "shop.test.")
	client, challenges := legoWith(t, setting(t, "ACME_KEY"))
	obtain(t, client, "shop.test")
	same(t, len(challenges.contents), 1)
	for domain, why := range map[string]string{
		"www.shop.test": "RRset _acme-challenge.www.shop.test. IN TXT is beyond what this API key may change",
		"closed.test":   "404",
	} {
		_, err := client.Certificate.Obtain(t.Context(), certificate.ObtainRequest{Domains: []string{domain}, KeyType: certcrypto.EC256})
		fails(t, err, why)
	}
	same(t, stored(t, "shop.test."), before)
	same(t, stored(t, "closed.test."), []string{"closed.test. NS 3600 ns1.closed.test."})
}

// The zones are made before.
func TestLegoWithAKeyForAZoneOfChallenges(t *testing.T) {
	t.Parallel()
	before, challengesBefore := stored(t, "far.test."), stored(t, "challenges.test.")
	client, challenges := legoWith(t, setting(t, "ACME_ZONE_KEY"))
	obtain(t, client, "far.test", "*.far.test")
	same(t, len(challenges.contents["far.challenges.test."]), 2)
	same(t, stored(t, "far.test."), before)
	same(t, stored(t, "challenges.test."), challengesBefore)
}
