//go:build v0_21 || v0_22

package externaldns

import (
	"context"
	"testing"
	"time"

	"sigs.k8s.io/external-dns/controller"
	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/pkg/apis/externaldns"
	"sigs.k8s.io/external-dns/plan"
	"sigs.k8s.io/external-dns/provider"
	"sigs.k8s.io/external-dns/provider/pdns"
	"sigs.k8s.io/external-dns/registry"
	"sigs.k8s.io/external-dns/registry/txt"
)

// newProvider makes the real provider from the settings a deployment gives it.
func newProvider(t *testing.T, server, zone string) provider.Provider {
	t.Helper()
	config := &externaldns.Config{PDNSServer: server, PDNSServerID: "localhost", PDNSAPIKey: apiKey}
	made, err := pdns.New(context.Background(), config, endpoint.NewDomainFilter([]string{zone}))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// newRegistry makes the real TXT registry over the provider.
func newRegistry(t *testing.T, form form, owner string, over provider.Provider) registry.Registry {
	t.Helper()
	made, err := txt.New(&externaldns.Config{
		TXTPrefix:              form.prefix,
		TXTSuffix:              form.suffix,
		TXTOwnerID:             owner,
		TXTWildcardReplacement: form.wildcard,
		TXTEncryptEnabled:      form.aesKey != "",
		TXTEncryptAESKey:       form.aesKey,
		ManagedDNSRecordTypes:  form.managed(),
	}, over)
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
	return (&plan.Plan{
		Policies:       []plan.Policy{&plan.SyncPolicy{}},
		Current:        current,
		Desired:        desired,
		DomainFilter:   endpoint.MatchAllDomainFilters{endpoint.NewDomainFilter([]string{zone})},
		ManagedRecords: managedTypes,
	}).Calculate().Changes
}
