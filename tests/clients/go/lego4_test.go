package clients

import (
	"net/url"
	"testing"

	"github.com/go-acme/lego/v4/challenge/dns01"
	"github.com/go-acme/lego/v4/providers/dns/pdns"
)

// The provider of lego 4, which Traefik and many others have inside: two challenges at one name, and what it finds there is kept.
func TestLego4PresentsAndCleansUp(t *testing.T) {
	makeZone(t, "lego4.test.", "Master", `_acme-challenge.lego4.test. TXT 120 "of another, who waits too"`)
	before := stored(t, "lego4.test.")
	must(t, dns01.AddRecursiveNameservers([]string{setting(t, "CLIENT_DNS")})(nil))
	settings := pdns.NewDefaultConfig()
	settings.APIKey = key(t)
	var err error
	settings.Host, err = url.Parse(api(t))
	must(t, err)
	provider, err := pdns.NewDNSProviderConfig(settings)
	must(t, err)
	for _, token := range []string{"first", "second"} {
		must(t, provider.Present("lego4.test", token, token))
	}
	same(t, len(answers(t, "_acme-challenge.lego4.test.", "TXT")), 3)
	must(t, provider.CleanUp("lego4.test", "first", "first"))
	same(t, len(answers(t, "_acme-challenge.lego4.test.", "TXT")), 2)
	must(t, provider.CleanUp("lego4.test", "second", "second"))
	same(t, stored(t, "lego4.test."), before)
}
