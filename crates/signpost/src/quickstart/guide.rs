//! What quickstart prints: commands to try, each on a line that begins with `  $ ` and runs as printed.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use dnssec::ZoneKey;
use wire::Name;

/// Everything the text needs to know.
pub struct Guide {
    /// The sample zone.
    pub zone: Name,
    /// Whether it was made just now.
    pub is_new: bool,
    /// Where everything is kept.
    pub folder: PathBuf,
    /// Where DNS is answered.
    pub dns: SocketAddr,
    /// Where HTTP is answered.
    pub api: SocketAddr,
    /// delv's trust anchor.
    pub anchor: PathBuf,
    /// Keys to trust.
    pub keys: Vec<ZoneKey>,
}

impl fmt::Display for Guide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zone = self.zone.to_dotless();
        let made = if self.is_new { "was made and signed" } else { "is as you left it" };
        let key_file = quoted(&self.folder.join("api-key"));
        let at = format!("@{} -p {}", self.dns.ip(), self.dns.port());
        let url = format!("http://{}", self.api);
        writeln!(f, "Signpost answers DNS on {} and HTTP on {}.", self.dns, self.api)?;
        writeln!(f, "Zone {zone} {made}; everything is in {}. Stop with Ctrl-C.\n", self.folder.display())?;

        writeln!(f, "Ask, over UDP and over TCP; +dnssec shows the signatures:")?;
        writeln!(f, "  $ dig {at} www.{zone} A +short")?;
        writeln!(f, "  $ dig {at} blog.{zone} AAAA +tcp +dnssec")?;
        writeln!(f, "  $ dig {at} anything.apps.{zone} A +short")?;

        writeln!(
            f,
            "\nValidate as a resolver would, trusting the zone's key; the second name does not exist, and that is proven:"
        )?;
        let trust = format!("-a {} +root={zone}", quoted(&self.anchor));
        writeln!(f, "  $ delv {at} {trust} www.{zone} A")?;
        writeln!(f, "  $ delv {at} {trust} nothing.{zone} A")?;

        writeln!(f, "\nChange something through the API, as External-DNS does; the answer follows at once:")?;
        let body = format!(
            "{{\"rrsets\": [{{\"name\": \"new.{zone}.\", \"type\": \"A\", \"ttl\": 60, \"changetype\": \"REPLACE\", \
             \"records\": [{{\"content\": \"192.0.2.42\", \"disabled\": false}}]}}]}}"
        );
        writeln!(
            f,
            "  $ curl -fsS -X PATCH -H \"X-API-Key: $(cat {key_file})\" -d '{body}' \
             {url}/api/v1/servers/localhost/zones/{zone}."
        )?;
        writeln!(f, "  $ dig {at} new.{zone} A +short")?;

        writeln!(f, "\nPoint External-DNS at it:")?;
        writeln!(f, "    --provider=pdns --pdns-server={url} --pdns-api-key=\"$(cat {key_file})\"")?;
        writeln!(
            f,
            "    --domain-filter={zone} --txt-owner-id=quickstart --managed-record-types=A --managed-record-types=AAAA --managed-record-types=CNAME"
        )?;

        writeln!(
            f,
            "\nFor a zone of your own, the registrar or the parent zone gets the DS record. Here it would be:"
        )?;
        for key in &self.keys {
            if let Some(ds) = key.ds_text(&self.zone, 2) {
                writeln!(f, "    {} IN DS {ds}", self.zone)?;
            }
        }
        Ok(())
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_survive_a_shell() {
        assert_eq!(quoted(Path::new("./signpost-data/api-key")), "./signpost-data/api-key");
        assert_eq!(quoted(Path::new("/my data/it's")), "'/my data/it'\\''s'");
    }
}
