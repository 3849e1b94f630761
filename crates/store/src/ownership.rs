//! Whose a record is: the TXT that External-DNS keeps for each RRset it manages (its TXT registry).

/// The owner that the TXT content (presentation format, one quoted string) names, if it is one of External-DNS's:
/// `"heritage=external-dns,external-dns/owner=ID,..."`. Encrypted ones name nobody.
pub fn external_dns_owner(content: &str) -> Option<&str> {
    let labels = content.strip_prefix('"')?.strip_suffix('"')?;
    let mut labels = labels.split(',');
    if labels.next()? != "heritage=external-dns" {
        return None;
    }
    labels.find_map(|label| label.strip_prefix("external-dns/owner=")).filter(|owner| !owner.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_external_dns_says_whose_it_is() {
        let text = "\"heritage=external-dns,external-dns/owner=cluster-1,external-dns/resource=service/a/b\"";
        assert_eq!(external_dns_owner(text), Some("cluster-1"));
        for text in [
            "\"heritage=external-dns\"",
            "\"heritage=external-dns,external-dns/owner=\"",
            "\"heritage=other,external-dns/owner=cluster-1\"",
            "\"v=spf1 external-dns/owner=cluster-1\"",
            "heritage=external-dns,external-dns/owner=cluster-1",
            "\"",
            "",
        ] {
            assert_eq!(external_dns_owner(text), None, "{text}");
        }
    }
}
