//go:build v0_14

package externaldns

import (
	"context"
	"testing"
	"time"

	"sigs.k8s.io/external-dns/controller"
	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/plan"
	"sigs.k8s.io/external-dns/provider"
	"sigs.k8s.io/external-dns/provider/pdns"
	"sigs.k8s.io/external-dns/registry"
)

const minor = 14

// newProvider makes the real provider from the settings a deployment gives it.
func newProvider(t *testing.T, server, zone string) provider.Provider {
	t.Helper()
	made, err := pdns.NewPDNSProvider(context.Background(), pdns.PDNSConfig{
		DomainFilter: endpoint.NewDomainFilter([]string{zone}),
		Server:       server,
		APIKey:       apiKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// newRegistry makes the real TXT registry over the provider.
func newRegistry(t *testing.T, form form, owner string, over provider.Provider) registry.Registry {
	t.Helper()
	made, err := registry.NewTXTRegistry(over, form.prefix, form.suffix, owner, 0, form.wildcard, form.managed(), nil,
		form.aesKey != "", []byte(form.aesKey))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func newController(zone string, form form, over registry.Registry, from *fixedSource) *controller.Controller {
	return &controller.Controller{
		Source:             from,
		Registry:           over,
		Policy:             &plan.SyncPolicy{},
		Interval:           time.Minute,
		DomainFilter:       endpoint.NewDomainFilter([]string{zone}),
		ManagedRecordTypes: form.managed(),
	}
}

// planned is what the real plan would change.
func planned(zone string, current, desired []*endpoint.Endpoint) *plan.Changes {
	filter := endpoint.NewDomainFilter([]string{zone})
	return (&plan.Plan{
		Policies:       []plan.Policy{&plan.SyncPolicy{}},
		Current:        current,
		Desired:        desired,
		DomainFilter:   endpoint.MatchAllDomainFilters{&filter},
		ManagedRecords: managedTypes,
	}).Calculate().Changes
}
