//go:build pebble

// The ACME server of the tests is built from the module that go.sum has the hash of.

package clients

import _ "github.com/letsencrypt/pebble/v2/cmd/pebble"
