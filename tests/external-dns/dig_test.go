package externaldns

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// reply is one message as dig printed it.
type reply struct {
	status        string
	authoritative bool
	answer        []resource
	authority     []resource
	printed       string // as dig printed it
}

type resource struct {
	name, rtype, content string
	ttl                  uint32
}

// digAll asks every question with one dig, with DNSSEC records, over UDP or TCP.
func digAll(t *testing.T, questions []key, transport string) []reply {
	t.Helper()
	file := filepath.Join(t.TempDir(), "questions")
	var lines bytes.Buffer
	for _, q := range questions {
		fmt.Fprintf(&lines, "-q %s -t %s -c IN\n", q.name, q.rtype)
	}
	if err := os.WriteFile(file, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	options := []string{"@" + dnsHost, "-p", dnsPort, "-f", file, "+noall", "+comments", "+answer", "+authority",
		"+dnssec", "+norecurse", "+nosplit", "+tries=1", "+time=5", "+noidnin", "+noidnout"}
	if transport == "tcp" {
		// On one connection: thousands of short ones would use up the client's ports.
		options = append(options, "+tcp", "+keepopen")
	} else {
		// A truncated answer is repeated over TCP by dig itself: UDP is always asked first.
		options = append(options, "+notcp")
	}
	printed, err := exec.Command("dig", options...).CombinedOutput()
	if err != nil {
		t.Fatalf("dig over %s: %v\n%s", transport, err, printed)
	}
	replies := parseReplies(string(printed))
	if len(replies) != len(questions) {
		t.Fatalf("dig over %s: %d replies to %d questions\n%s", transport, len(replies), len(questions), printed)
	}
	return replies
}

func parseReplies(printed string) []reply {
	var replies []reply
	var section *[]resource
	for _, line := range strings.Split(printed, "\n") {
		if len(replies) > 0 {
			replies[len(replies)-1].printed += line + "\n"
		}
		switch {
		case strings.HasPrefix(line, ";; ->>HEADER<<-"):
			_, status, _ := strings.Cut(line, "status: ")
			status, _, _ = strings.Cut(status, ",")
			replies = append(replies, reply{status: status})
			section = nil
		case strings.HasPrefix(line, ";; flags:"):
			fields := strings.Fields(strings.SplitN(strings.TrimPrefix(line, ";; flags:"), ";", 2)[0])
			replies[len(replies)-1].authoritative = slices.Contains(fields, "aa")
		case strings.HasPrefix(line, ";; ANSWER SECTION"):
			section = &replies[len(replies)-1].answer
		case strings.HasPrefix(line, ";; AUTHORITY SECTION"):
			section = &replies[len(replies)-1].authority
		case strings.HasPrefix(line, ";"), strings.TrimSpace(line) == "":
		case section != nil:
			// name TTL IN TYPE content
			fields := strings.Fields(line)
			if len(fields) < 5 {
				continue
			}
			ttl, err := strconv.ParseUint(fields[1], 10, 32)
			if err != nil {
				continue
			}
			content := line
			for _, field := range fields[:4] {
				content = strings.TrimLeft(strings.TrimLeft(content, " \t")[len(field):], " \t")
			}
			*section = append(*section, resource{strings.ToLower(fields[0]), fields[3], content, uint32(ttl)})
		}
	}
	return replies
}

func of(section []resource, name, rtype string) (contents []string, ttl uint32) {
	for _, r := range section {
		if r.name == name && r.rtype == rtype {
			contents = append(contents, canonical(rtype, r.content))
			ttl = r.ttl
		}
	}
	slices.Sort(contents)
	return contents, ttl
}

// signed tells whether an RRSIG in the section covers name and type.
func signed(section []resource, name, rtype string) bool {
	return slices.ContainsFunc(section, func(r resource) bool {
		return r.name == name && r.rtype == "RRSIG" && strings.HasPrefix(r.content, rtype+" ")
	})
}

// denied tells whether the section has the signed SOA and a signed NSEC or NSEC3 (RFC 4035 section 3.1.3).
func denied(section []resource, zone string) bool {
	proof := func(rtype string) bool {
		return slices.ContainsFunc(section, func(r resource) bool {
			return r.rtype == rtype && signed(section, r.name, rtype)
		})
	}
	return signed(section, zone, "SOA") && (proof("NSEC") || proof("NSEC3"))
}

// canonical makes contents comparable: names and addresses in one spelling, text as it is.
func canonical(rtype, content string) string {
	switch rtype {
	case "AAAA":
		address, err := netip.ParseAddr(content)
		if err != nil {
			return content
		}
		return address.String()
	case "TXT":
		return joinStrings(content)
	case "A":
		return content
	default:
		content = strings.ToLower(content)
		if rtype != "NAPTR" && !strings.HasSuffix(content, ".") {
			content += "."
		}
		return content
	}
}

// joinStrings puts a TXT content's character-strings together: DNS cuts text at 255 octets, the API does not show it.
func joinStrings(content string) string {
	var out strings.Builder
	inside := false
	for i := 0; i < len(content); i++ {
		switch c := content[i]; {
		case c == '\\' && i+1 < len(content):
			out.WriteByte(c)
			i++
			out.WriteByte(content[i])
		case c == '"':
			inside = !inside
		case inside || c != ' ':
			out.WriteByte(c)
		}
	}
	return out.String()
}

// check asks DNS, over UDP and TCP, about everything External-DNS wrote or deleted in the zone.
func (z *zoneUnderTest) check(t *testing.T) {
	t.Helper()
	z.mu.Lock()
	defer z.mu.Unlock()
	if len(z.refused) > 0 {
		t.Fatalf("the server refused a PATCH: %s", z.refused[0])
	}
	var questions []key
	for at := range z.wanted {
		if at.rtype != "ALIAS" && !z.belowCut(at) {
			questions = append(questions, at)
		}
	}
	for at := range z.gone {
		if at.rtype != "ALIAS" && !z.belowCut(at) {
			questions = append(questions, at)
		}
	}
	if len(questions) == 0 {
		t.Fatal("nothing to ask")
	}
	for _, transport := range []string{"udp", "tcp"} {
		for i, got := range digAll(t, questions, transport) {
			if err := z.judge(questions[i], got); err != nil {
				t.Errorf("%s %s over %s: %v", questions[i].name, questions[i].rtype, transport, err)
			}
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// belowCut tells whether a delegation hides the RRset: it is below one, or at one and not its NS. So does a DNAME what is below.
func (z *zoneUnderTest) belowCut(at key) bool {
	for cut := range z.wanted {
		if cut.rtype == "DNAME" && strings.HasSuffix(at.name, "."+cut.name) {
			return true
		}
		if cut.rtype == "NS" && cut.name != z.name {
			if strings.HasSuffix(at.name, "."+cut.name) || (at.name == cut.name && at.rtype != "NS") {
				return true
			}
		}
	}
	return false
}

func (z *zoneUnderTest) judge(at key, got reply) error {
	set, wanted := z.wanted[at]
	if !wanted {
		if contents, _ := of(got.answer, at.name, at.rtype); len(contents) > 0 {
			return fmt.Errorf("deleted, but answered with %q", contents)
		}
		if _, cname := z.wanted[key{at.name, "CNAME"}]; cname {
			return nil
		}
		if (got.status != "NXDOMAIN" && got.status != "NOERROR") || !denied(got.authority, z.name) {
			return fmt.Errorf("deleted, but not denied with proof:\n%s", got.printed)
		}
		return nil
	}
	if got.status != "NOERROR" {
		return fmt.Errorf("status %s", got.status)
	}
	section, isCut := got.answer, at.rtype == "NS" && at.name != z.name
	if isCut {
		section = got.authority
	}
	contents, ttl := of(section, at.name, at.rtype)
	var expected []string
	for _, r := range set.Records {
		expected = append(expected, canonical(at.rtype, r.Content))
	}
	slices.Sort(expected)
	if !slices.Equal(contents, expected) {
		return fmt.Errorf("answered %q, written %q:\n%s", contents, expected, got.printed)
	}
	if ttl != set.TTL {
		return fmt.Errorf("TTL %d, written %d", ttl, set.TTL)
	}
	switch {
	case isCut && signed(section, at.name, "NS"):
		return fmt.Errorf("the NS of a cut is signed (RFC 4035 section 2.2)")
	case isCut && !slices.ContainsFunc(section, func(r resource) bool { return r.rtype == "NSEC" || r.rtype == "NSEC3" }):
		return fmt.Errorf("no proof that the delegation has no DS")
	case !isCut && !signed(section, at.name, at.rtype):
		return fmt.Errorf("not signed")
	case !isCut && !got.authoritative:
		return fmt.Errorf("no AA bit")
	}
	return nil
}
