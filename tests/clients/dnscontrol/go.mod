module signpost.test/dnscontrol

go 1.25

require (
	github.com/DisposaBoy/JsonConfigReader v0.0.0-20201129172854-99cf318d67e7
	github.com/StackExchange/dnscontrol/v4 v4.24.0
	github.com/TomOnTime/utfutil v1.0.0
	github.com/containrrr/shoutrrr v0.8.0
	github.com/cpuguy83/go-md2man/v2 v2.0.7
	github.com/ditashi/jsbeautifier-go v0.0.0-20141206144643-2520a8026a9c
	github.com/fatih/color v1.18.0
	github.com/gobwas/glob v0.2.4-0.20181002190808-e7a84e9525fe
	github.com/google/shlex v0.0.0-20191202100458-e7afc7fbc510
	github.com/jinzhu/copier v0.4.0
	github.com/mattn/go-colorable v0.1.13
	github.com/mattn/go-isatty v0.0.20
	github.com/miekg/dns v1.1.68
	github.com/mittwald/go-powerdns v0.6.7
	github.com/pkg/errors v0.9.1
	github.com/qdm12/reprint v0.0.0-20200326205758-722754a53494
	github.com/robertkrimen/otto v0.5.1
	github.com/russross/blackfriday/v2 v2.1.0
	github.com/urfave/cli/v2 v2.27.7
	github.com/xddxdd/ottoext v0.0.0-20221109171055-210517fa4419
	github.com/xrash/smetrics v0.0.0-20240521201337-686a1a2994c1
	golang.org/x/exp v0.0.0-20250819193227-8b4c13bb791b
	golang.org/x/net v0.43.0
	golang.org/x/sys v0.35.0
	golang.org/x/text v0.28.0
	gopkg.in/sourcemap.v1 v1.0.5
)
