//! `pdns.conf`: PowerDNS's settings file (PDNS-DIALECT section 14.1).
//!
//! Only the syntax is here; what the settings mean is in [`super::powerdns`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::{ConfigError, Origin};
use super::layers::Rank;

/// Most files an `include-dir` may hold.
const INCLUDED_FILES_MAX: usize = 1000;

/// A value of a PowerDNS setting and who said it.
#[derive(Debug, Clone)]
pub struct Assigned {
    /// As written, spaces around it removed.
    pub text: String,
    /// For errors.
    pub origin: Origin,
    /// For precedence.
    pub rank: Rank,
}

/// PowerDNS settings by name, each with its last value.
#[derive(Debug, Default)]
pub struct PdnsSettings(pub BTreeMap<String, Assigned>);

impl PdnsSettings {
    /// Sets a value, or adds it to the comma list that is there.
    pub fn assign(&mut self, name: String, mut assigned: Assigned, is_append: bool) {
        if is_append && let Some(present) = self.0.get(&name).filter(|present| !present.text.is_empty()) {
            assigned.text = format!("{}, {}", present.text, assigned.text);
        }
        self.0.insert(name, assigned);
    }

    /// The value of a setting, and `None` if it is not set.
    pub fn at(&self, name: &str) -> Option<&Assigned> {
        self.0.get(name)
    }
}

/// The name as PowerDNS compares it: lower case, dashes for underscores.
pub fn normal_name(written: &str) -> String {
    written.trim().replace('_', "-").to_ascii_lowercase()
}

/// Reads `pdns.conf` (or `pdns-NAME.conf`) in `dir` and what its `include-dir` names.
///
/// # Errors
///
/// [`ConfigError::Read`] for a missing file or folder, [`ConfigError::Syntax`] for a line without a name.
pub fn read(dir: &Path, config_name: &str, into: &mut PdnsSettings) -> Result<(), ConfigError> {
    let path = file_in(dir, config_name);
    read_file(&path, into)?;
    let Some(included) = into.at("include-dir").filter(|included| !included.text.is_empty()) else { return Ok(()) };
    for path in included_files(Path::new(&included.text.clone()))? {
        read_file(&path, into)?;
    }
    Ok(())
}

/// Where the settings called `config_name` (empty: the usual ones) are in `dir`.
pub fn file_in(dir: &Path, config_name: &str) -> PathBuf {
    if config_name.is_empty() { dir.join("pdns.conf") } else { dir.join(format!("pdns-{config_name}.conf")) }
}

fn included_files(dir: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let read_error = |source| ConfigError::Read { path: dir.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(read_error)? {
        let path = entry.map_err(read_error)?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !is_hidden && path.extension().is_some_and(|extension| extension == "conf") {
            files.push(path);
        }
        if files.len() > INCLUDED_FILES_MAX {
            return Err(read_error(std::io::Error::other("more than 1000 files")));
        }
    }
    files.sort();
    Ok(files)
}

fn read_file(path: &Path, into: &mut PdnsSettings) -> Result<(), ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    parse(&text, path, into)
}

/// Reads the text of one file.
pub(crate) fn parse(text: &str, path: &Path, into: &mut PdnsSettings) -> Result<(), ConfigError> {
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let mut line = without_comment(line).trim().to_owned();
        // A backslash at the end goes on with the next line.
        while let Some(begun) = line.strip_suffix('\\') {
            let Some((_, more)) = lines.next() else { break };
            line = format!("{begun}{}", without_comment(more).trim());
        }
        if line.is_empty() {
            continue;
        }
        let origin = Origin::File { path: path.to_owned(), line: at + 1 };
        let (name, value, is_append) = match line.split_once('=') {
            Some((name, value)) => match name.strip_suffix('+') {
                Some(name) => (name, value.trim(), true),
                None => (name, value.trim(), false),
            },
            None => (line.as_str(), "yes", false),
        };
        let name = normal_name(name);
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(ConfigError::Syntax { origin, reason: "expected name=value".to_owned() });
        }
        let assigned = Assigned { text: value.to_owned(), origin, rank: Rank::PdnsConf };
        into.assign(name, assigned, is_append);
    }
    Ok(())
}

/// A `#` begins a comment at the start of a line and after a space: passwords may hold one.
fn without_comment(line: &str) -> &str {
    let octets = line.as_bytes();
    let begins = |at: usize| octets[at] == b'#' && (at == 0 || octets[at - 1].is_ascii_whitespace());
    (0..octets.len()).find(|at| begins(*at)).map_or(line, |at| &line[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> PdnsSettings {
        let mut settings = PdnsSettings::default();
        parse(text, Path::new("pdns.conf"), &mut settings).unwrap();
        settings
    }

    fn text<'a>(settings: &'a PdnsSettings, name: &str) -> &'a str {
        &settings.at(name).unwrap().text
    }

    #[test]
    fn section_14_1_names_values_comments_and_bare_names() {
        let settings = parsed("# comment\n api = yes # on\nwebserver\nDefault_TTL=60\napi-key=a#b\n\n");
        assert_eq!(text(&settings, "api"), "yes");
        assert_eq!(text(&settings, "webserver"), "yes");
        assert_eq!(text(&settings, "default-ttl"), "60");
        assert_eq!(text(&settings, "api-key"), "a#b");
        assert_eq!(settings.at("api-key").unwrap().origin.to_string(), "pdns.conf:5");
    }

    #[test]
    fn section_14_1_plus_appends_with_a_comma() {
        let settings = parsed("launch=gpgsql\nlaunch+=gsqlite3\nallow-axfr-ips+=::1\n");
        assert_eq!(text(&settings, "launch"), "gpgsql, gsqlite3");
        assert_eq!(text(&settings, "allow-axfr-ips"), "::1");
    }

    #[test]
    fn a_backslash_joins_lines() {
        let settings = parsed("local-address=192.0.2.1,\\\n  192.0.2.2\nlocal-port=53\n");
        assert_eq!(text(&settings, "local-address"), "192.0.2.1,192.0.2.2");
        assert_eq!(text(&settings, "local-port"), "53");
    }

    #[test]
    fn a_line_without_a_name_is_an_error_with_its_line() {
        let error = parse("\n=5\n", Path::new("p.conf"), &mut PdnsSettings::default()).unwrap_err();
        assert_eq!(error.to_string(), "p.conf:2: expected name=value");
        assert!(parse("two words\n", Path::new("p.conf"), &mut PdnsSettings::default()).is_err());
    }

    #[test]
    fn include_dir_is_read_in_name_order() {
        let dir = std::env::temp_dir().join(format!("signpost-include-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("d")).unwrap();
        std::fs::write(dir.join("pdns-x.conf"), format!("include-dir={}\nttl=0\n", dir.join("d").display())).unwrap();
        std::fs::write(dir.join("d/20.conf"), "ttl=20\n").unwrap();
        std::fs::write(dir.join("d/10.conf"), "ttl=10\nten=yes\n").unwrap();
        std::fs::write(dir.join("d/other.txt"), "ttl=30\n").unwrap();
        let mut settings = PdnsSettings::default();
        read(&dir, "x", &mut settings).unwrap();
        assert_eq!(text(&settings, "ttl"), "20");
        assert_eq!(text(&settings, "ten"), "yes");
        assert!(matches!(read(&dir, "", &mut settings), Err(ConfigError::Read { .. })));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
