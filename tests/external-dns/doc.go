// Package externaldns drives the real External-DNS (its pdns and webhook providers, TXT registry, plan and
// controller) against a running server that speaks the PowerDNS API, and checks with dig, over UDP
// and TCP, that DNS says what External-DNS was told.
//
// One source serves three releases; `run` chooses the module file and the build tag.
package externaldns
