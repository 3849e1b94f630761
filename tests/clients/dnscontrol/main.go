// dnscontrol as it is released, with the one provider that the test needs: with all of them it wants hundreds of modules.
package main

import (
	"os"

	"github.com/StackExchange/dnscontrol/v4/commands"
	_ "github.com/StackExchange/dnscontrol/v4/providers/powerdns"
)

func main() { os.Exit(commands.Run("4.24.0")) }
