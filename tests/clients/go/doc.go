// Package clients drives Go clients of PowerDNS's API, as published, against the server named in the environment. `tests/clients.rs` and
// `tests/certificates.rs` build and start it.
package clients
