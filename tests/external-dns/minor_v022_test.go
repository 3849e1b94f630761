//go:build v0_22

package externaldns

const minor = 22
