//go:build v0_21

package externaldns

const minor = 21
