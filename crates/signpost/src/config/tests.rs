//! Precedence of the sources, and each error as an operator sees it.

use std::time::Duration;

use dataplane::profile::{Clients, Label};
use dataplane::{CookieSecret, CookieSecrets};

use super::settings::{CookieSettings, ServerId};
use super::*;

fn variables(pairs: &[(&str, &str)]) -> Vec<Variable> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn sources(pairs: &[(&str, &str)], flags: &str) -> Sources {
    let (flags, rest) = flags::split(flags.split_whitespace().map(str::to_owned));
    assert!(rest.is_empty(), "{rest:?} are no flags");
    Sources { flags, variables: variables(pairs), root: Some(PathBuf::from("/nonexistent")), ..Sources::default() }
}

fn loaded(pairs: &[(&str, &str)], flags: &str) -> Settings {
    load(&sources(pairs, flags)).unwrap()
}

fn error(pairs: &[(&str, &str)], flags: &str) -> String {
    load(&sources(pairs, flags)).unwrap_err().to_string()
}

fn warnings(settings: &Settings) -> Vec<String> {
    settings.warnings.iter().map(Warning::to_string).collect()
}

/// A folder of its own that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("signpost-config-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn without_any_source_the_defaults_hold_and_there_is_no_database() {
    let settings = loaded(&[], "");
    assert!(settings.database.is_none());
    assert_eq!(settings.dns.listen, ["0.0.0.0:53".parse().unwrap(), "[::]:53".parse().unwrap()]);
    assert!(settings.api.key.is_none());
    assert_eq!(settings.zones.nsec3param.as_deref(), Some("1 0 0 -"));
    assert_eq!(settings.signing.lifetime, Duration::from_secs(21 * 86_400));
    assert!(settings.warnings.is_empty());
}

#[test]
fn sources_overrule_one_another_in_the_documented_order() {
    let folder = Folder::new("order");
    let toml = folder.file("s.toml", "default-ttl = 1\napi-key = \"toml\"\n");
    folder.file("pdns.conf", "default-ttl=2\n");
    let dir = folder.0.display().to_string();
    let ttl = |pairs: &[(&str, &str)], flags: &str| loaded(pairs, flags).zones.ttl;
    let toml_only = format!("--config={toml}");
    let both = format!("--config={toml} --config-dir={dir}");
    assert_eq!(ttl(&[], ""), 3600);
    assert_eq!(ttl(&[], &toml_only), 1);
    assert_eq!(ttl(&[("SIGNPOST_CONFIG", &toml)], ""), 1);
    assert_eq!(ttl(&[], &both), 2);
    assert_eq!(ttl(&[("SIGNPOST_CONFIG", &toml), ("PDNS_config_dir", &dir)], ""), 2);
    assert_eq!(ttl(&[("pdns_Default_TTL", "3")], &both), 3);
    assert_eq!(ttl(&[("PDNS_default_ttl", "3"), ("signpost_default_ttl", "4")], &both), 4);
    assert_eq!(ttl(&[("SIGNPOST_DEFAULT_TTL", "4")], &format!("{both} --default-ttl=5")), 5);
}

#[test]
fn the_environment_of_a_powerdns_container_starts_a_server() {
    let settings = loaded(
        &[
            ("PDNS_launch", "gpgsql"),
            ("PDNS_gpgsql_host", "db"),
            ("PDNS_gpgsql_dbname", "pdns"),
            ("PDNS_gpgsql_user", "pdns"),
            ("PDNS_gpgsql_password", "s3cret"),
            ("PDNS_api", "yes"),
            ("PDNS_api_key", "k"),
            ("PDNS_webserver", "yes"),
            ("PDNS_webserver_address", "0.0.0.0"),
            ("PDNS_webserver_allow_from", "10.0.0.0/8,127.0.0.1"),
            ("PDNS_default_soa_content", "ns1.example.com hostmaster.@ 0 10800 3600 604800 3600"),
            ("PATH", "/bin"),
        ],
        "",
    );
    let database = settings.database.as_ref().unwrap();
    assert_eq!(database.url.0, "postgres:///?host=db&dbname=pdns&user=pdns&password=s3cret");
    assert_eq!(settings.api.listen, ["0.0.0.0:8081".parse().unwrap()]);
    assert_eq!(settings.api.key.as_ref().unwrap().0, "k");
    assert_eq!(settings.api.allow_from[0], "10.0.0.0/8".parse().unwrap());
    assert_eq!(settings.zones.soa_content, "ns1.example.com hostmaster.@ 0 10800 3600 604800 3600");
    assert!(settings.api.has_api && settings.api.has_pages);
    assert_eq!(warnings(&settings), [""; 0]);
    assert!(!format!("{settings:?}").contains("s3cret"));
}

#[test]
fn flags_of_a_powerdns_container_do_the_same() {
    let settings = loaded(
        &[("PDNS_gpgsql_password", "p")],
        "--launch=gpgsql --gpgsql-host=db --api=yes --webserver-port=80 --local_port=5300 --disable-syslog",
    );
    assert_eq!(settings.database.as_ref().unwrap().url.0, "postgres:///?host=db&password=p");
    assert_eq!(settings.api.listen, ["127.0.0.1:80".parse().unwrap()]);
    assert_eq!(settings.dns.listen[1], "[::]:5300".parse().unwrap());
    assert_eq!(
        warnings(&settings),
        [
            "setting disable-syslog (flag --disable-syslog): has no effect: logs go to standard error, see log-filter and log-format"
        ]
    );
}

#[test]
fn the_official_images_key_opens_the_web_server() {
    let settings = loaded(&[("PDNS_AUTH_API_KEY", "k")], "");
    assert_eq!(settings.api.key.as_ref().unwrap().0, "k");
    assert_eq!(settings.api.web_password.as_ref().unwrap().0, "k");
    assert_eq!(settings.api.listen, ["0.0.0.0:8081".parse().unwrap()]);
    assert_eq!(settings.api.allow_from, ["0.0.0.0/0".parse().unwrap()]);
    let narrower = loaded(&[("PDNS_AUTH_API_KEY", "k"), ("PDNS_webserver_allow_from", "::1")], "");
    assert_eq!(narrower.api.allow_from, ["::1".parse().unwrap()]);
}

/// PDNS-DIALECT section 14.2: of each setting either the effect or the reason why it has none is known.
#[test]
fn section_14_2_every_setting_that_matters_is_known() {
    let names = "launch gpgsql-host gpgsql-port gpgsql-dbname gpgsql-user gpgsql-password gpgsql-extra-connection-parameters \
        gpgsql-dnssec gpgsql-prepared-statements gpgsql-info-zone-query local-address local-port api api-key webserver \
        webserver-address webserver-port webserver-allow-from webserver-password webserver-max-bodysize webserver-loglevel \
        webserver-connection-timeout webserver-max-concurrent-connections webserver-cross-origin-request-header \
        default-soa-content default-soa-edit default-soa-edit-signed default-soa-edit-api default-ttl default-api-rectify \
        default-catalog-zone default-ksk-algorithm default-ksk-size default-zsk-algorithm default-zsk-size \
        default-publish-cds default-publish-cdnskey max-nsec3-iterations primary secondary autosecondary master slave superslave \
        allow-axfr-ips allow-notify-from allow-dnsupdate-from also-notify only-notify xfr-cycle-interval dnsupdate \
        dnsupdate-require-tsig expand-alias resolver enable-lua-records enable-lua-record-updates cache-ttl query-cache-ttl \
        negquery-cache-ttl zone-cache-refresh-interval zone-metadata-cache-ttl dnssec-key-cache-ttl \
        udp-truncation-threshold max-tcp-connections receiver-threads distributor-threads signing-threads loglevel \
        log-dns-queries disable-syslog version-string server-id security-poll-suffix socket-dir setuid setgid chroot daemon guardian";
    let unknown: Vec<&str> = names.split_ascii_whitespace().filter(|name| powerdns::find(name).is_none()).collect();
    assert_eq!(unknown, [""; 0]);
}

/// Section 14.2: what is taken for granted where nothing is set.
#[test]
fn section_14_2_defaults_are_powerdnss() {
    let settings = loaded(&[], "--dnssec-defaults=pdns");
    let (zones, api) = (&settings.zones, &settings.api);
    assert_eq!(zones.soa_content, "a.misconfigured.dns.server.invalid hostmaster.@ 0 10800 3600 604800 3600");
    assert_eq!((zones.ttl, zones.soa_edit_api.as_str(), zones.nsec3_iterations_max), (3600, "DEFAULT", 100));
    assert_eq!((zones.ksk_algorithm, zones.zsk_algorithm), (Some(dnssec::Algorithm::EcdsaP256Sha256), None));
    assert_eq!(api.listen, ["127.0.0.1:8081".parse().unwrap()]);
    // All of the loopback network, where PowerDNS has one address of it.
    assert_eq!(api.allow_from, ["127.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()]);
    let shown = |name: &str| settings.shown.iter().find(|(shown, _)| shown == name).unwrap().1.clone();
    let wanted = [
        ("default-api-rectify", "yes"),
        ("default-catalog-zone", ""),
        ("default-ksk-algorithm", "ecdsa256"),
        ("default-soa-edit", ""),
        ("default-soa-edit-signed", ""),
        ("default-publish-cds", ""),
        ("default-publish-cdnskey", ""),
        // A zone of 100,000 records is more than the 2 MiB that PowerDNS takes.
        ("api-body-bytes-max", "16777216"),
        ("api-connection-timeout-secs", "5"),
        ("api-connections-max", "100"),
        ("api-cross-origin", ""),
        ("also-notify", ""),
        ("only-notify", "0.0.0.0/0,::/0"),
        ("resolver", ""),
        ("udp-payload-max", "1232"),
    ];
    for (name, value) in wanted {
        assert_eq!(shown(name), value, "{name}");
    }
}

#[test]
fn section_14_3_templates_of_powerdnss_image_are_not_rendered_and_that_is_said() {
    let settings = loaded(&[("TEMPLATE_FILES", "api,gpgsql"), ("DEBUG_CONFIG", "yes")], "");
    assert_eq!(
        warnings(&settings),
        [
            "setting TEMPLATE_FILES (environment variable TEMPLATE_FILES): has no effect: templates are not rendered, set PDNS_* variables instead"
        ]
    );
    assert_eq!(warnings(&loaded(&[("TEMPLATE_FILES", "")], "")), [""; 0]);
}

#[test]
fn what_kubernetes_injects_is_no_setting() {
    let settings = loaded(
        &[
            ("SIGNPOST_PORT", "tcp://10.0.0.1:53"),
            ("SIGNPOST_SERVICE_HOST", "10.0.0.1"),
            ("SIGNPOST_SERVICE_PORT_DNS", "53"),
            ("PDNS_SERVICE_HOST", "10.0.0.1"),
            ("PDNS_PORT_53_UDP", "udp://10.0.0.1:53"),
            ("PDNS_PORT_53_UDP_ADDR", "10.0.0.1"),
            ("PDNS_WEBSERVER_PORT", "tcp://10.0.0.1:8081"),
        ],
        "",
    );
    assert_eq!(warnings(&settings), [""; 0]);
    assert_eq!(settings.api.listen, ["127.0.0.1:8081".parse().unwrap()]);
}

#[test]
fn unknown_names_in_the_environment_are_named() {
    let settings = loaded(&[("PDNS_cache_ttl", "1"), ("PDNS_api_kee", "x"), ("SIGNPOST_API_LSTEN", "y")], "");
    assert_eq!(
        warnings(&settings),
        [
            "setting api-lsten (environment variable SIGNPOST_API_LSTEN): is not known and does nothing, did you mean api-listen?",
            "setting api-kee (environment variable PDNS_api_kee): is not known and does nothing, did you mean api-key?",
            "setting cache-ttl (environment variable PDNS_cache_ttl): has no effect: answers come from memory and follow the database, there is no cache to tune",
        ]
    );
}

#[test]
fn a_bad_value_names_setting_source_and_reason() {
    assert_eq!(
        error(&[("SIGNPOST_UDP_PAYLOAD_MAX", "5")], ""),
        "setting udp-payload-max (environment variable SIGNPOST_UDP_PAYLOAD_MAX): 5 is not between 512 and 4096"
    );
    assert_eq!(
        error(&[], "--dns-listen=localhost"),
        "setting dns-listen (flag --dns-listen): 'localhost' is not an address with a port, like 192.0.2.1:53 or [::]:53"
    );
    assert_eq!(error(&[], "--api-listen="), "setting api-listen (flag --api-listen): names no address");
    assert_eq!(
        error(&[("PDNS_webserver_allow_from", "10.0.0.0/33")], ""),
        "setting api-allow-from (environment variable PDNS_webserver_allow_from): '10.0.0.0/33' is not an address or ADDRESS/PREFIX"
    );
    assert_eq!(
        error(&[], "--database-url=mysql://x"),
        "setting database-url (flag --database-url): expected postgres://user@host/database or sqlite:/path/file.db"
    );
    assert_eq!(
        error(&[], "--log-format=xml"),
        "setting log-format (flag --log-format): 'xml' is not one of text, json"
    );
    assert_eq!(
        error(&[], "--api-version=signpost"),
        "setting api-version (flag --api-version): 'signpost' is not like 4.9.4"
    );
    assert!(
        error(&[], "--api-key=$scrypt$ln=10").starts_with("setting api-key (flag --api-key): hash is not of the form")
    );
    assert_eq!(
        error(&[], "--dns-allow-from="),
        "setting dns-allow-from (flag --dns-allow-from): names no network: nobody would be answered"
    );
    assert_eq!(
        error(&[], "--rrl-ipv4-prefix=33"),
        "setting rrl-ipv4-prefix (flag --rrl-ipv4-prefix): 33 is not between 1 and 32"
    );
    assert!(error(&[], &format!("--server-id={}", "x".repeat(256))).ends_with("longer than 255 octets"));
    assert!(error(&[], "--cookies=perhaps").ends_with("is not one of answer, require, off"));
    assert!(error(&[], "--log-filter=a=b=c").starts_with("setting log-filter (flag --log-filter): "));
    assert!(error(&[], "--default-ksk-algorithm=rot13").starts_with("setting default-ksk-algorithm (flag"));
    assert!(error(&[], "--default-ksk-algorithm=rsasha1").starts_with("setting default-ksk-algorithm (flag"));
    assert_eq!(
        error(&[], "--default-zsk-size=512"),
        "setting default-zsk-size (flag --default-zsk-size): 512 is not 0 and not within 1024 to 4096"
    );
    assert!(error(&[], "--default-ksk-size=4097").starts_with("setting default-ksk-size (flag"));
    assert!(error(&[], "--default-soa-content=nonsense").starts_with("setting default-soa-content (flag"));
    assert!(error(&[], "--default-catalog-zone=a..b").starts_with("setting default-catalog-zone (flag"));
    assert!(error(&[], "--default-nsec3param=7").starts_with("setting default-nsec3param (flag"));
    assert!(error(&[], "--signature-refresh-hours=504").starts_with("setting signature-refresh-hours (flag"));
    assert!(error(&[], "--default-ksk-algorithm= --default-zsk-algorithm=").contains("no key could be made"));
    assert!(error(&[], "--config=/nonexistent/x.toml").starts_with("cannot read /nonexistent/x.toml"));
    assert!(error(&[], "--config-dir=/nonexistent").starts_with("cannot read /nonexistent/pdns.conf"));
}

#[test]
fn secrets_come_from_files_too() {
    let folder = Folder::new("secrets");
    let file = folder.file("key", "from-file\n");
    let empty = folder.file("empty", "\n");
    let key = |pairs: &[(&str, &str)], flags: &str| loaded(pairs, flags).api.key.unwrap().0;
    assert_eq!(key(&[("SIGNPOST_API_KEY_FILE", &file)], ""), "from-file");
    assert_eq!(key(&[("PDNS_api_key_FILE", &file)], ""), "from-file");
    assert_eq!(key(&[("SIGNPOST_API_KEY_FILE", &file)], "--api-key=direct"), "direct");
    assert_eq!(key(&[("SIGNPOST_API_KEY", "direct")], &format!("--api-key-file={file}")), "from-file");
    assert_eq!(
        error(&[("SIGNPOST_API_KEY_FILE", &file), ("SIGNPOST_API_KEY", "x")], ""),
        "setting api-key-file (environment variable SIGNPOST_API_KEY_FILE): api-key is set too"
    );
    assert!(error(&[], &format!("--api-key-file={empty}")).ends_with("empty is empty"));
    assert!(error(&[], "--api-key-file=/nonexistent").contains("cannot read /nonexistent"));
    let webhook = loaded(&[], &format!("--webhook-password-file={file}")).webhook;
    assert_eq!(webhook.password.unwrap().0, "from-file");
    let with_password = loaded(&[], &format!("--database-url=postgres://u@h/d --database-password-file={file}"));
    assert_eq!(with_password.database.unwrap().url.0, "postgres://u@h/d?password=from-file");
}

#[test]
fn powerdns_settings_about_the_server_itself_mean_the_same() {
    let label = |text: &str| Label::new(text).unwrap();
    let dns = loaded(&[], "").dns;
    assert_eq!(dns.server_id, ServerId::Hostname);
    assert_eq!(dns.version, Some(label(concat!("Signpost ", env!("CARGO_PKG_VERSION")))));
    assert_eq!(dns.cookies, CookieSettings::On { secrets: None, is_required: false });
    assert_eq!(dns.clients, Clients::All);
    let dns = loaded(
        &[("PDNS_server_id", "disabled"), ("PDNS_version_string", "anonymous"), ("PDNS_edns_cookie_secret", SECRET)],
        "--dns-allow-from=192.0.2.0/24",
    )
    .dns;
    assert_eq!((dns.server_id, dns.version), (ServerId::Disabled, None));
    let secrets = Some(CookieSecrets::new(CookieSecret::new([0xab; 16]), []));
    assert_eq!(dns.cookies, CookieSettings::On { secrets, is_required: false });
    assert_eq!(dns.clients, Clients::Within(vec!["192.0.2.0/24".parse().unwrap()]));
    let dns = loaded(&[], "--server-id=ns1 --version-string=powerdns --cookies=off").dns;
    assert_eq!((dns.server_id, dns.version), (ServerId::Text(label("ns1")), Some(label("Signpost"))));
    assert_eq!(dns.cookies, CookieSettings::Off);
}

const SECRET: &str = "abababababababababababababababab";

#[test]
fn secrets_of_cookies_are_hex_and_never_shown() {
    let other = SECRET.replace('a', "0");
    let settings = loaded(&[("SIGNPOST_COOKIE_SECRET", &format!("{SECRET}, {other}"))], "--cookies=require");
    let secrets = CookieSecrets::new(CookieSecret::new([0xab; 16]), [CookieSecret::new([0x0b; 16])]);
    assert_eq!(settings.dns.cookies, CookieSettings::On { secrets: Some(secrets), is_required: true });
    assert!(settings.shown.contains(&("cookie-secret".to_owned(), "***".to_owned())));
    assert!(!format!("{settings:?}").contains("abab"));
    for bad in ["abc", "+bababababababababababababababab", &[SECRET; 9].join(",")] {
        let error = error(&[("SIGNPOST_COOKIE_SECRET", bad)], "");
        assert!(error.starts_with("setting cookie-secret (environment variable") && !error.contains(bad), "{error}");
    }
}

#[test]
fn dnssec_defaults_of_powerdns_yield_to_what_is_set_by_hand() {
    let pdns = loaded(&[], "--dnssec-defaults=pdns").zones;
    assert_eq!((pdns.zsk_algorithm, pdns.nsec3param), (None, None));
    assert_eq!(pdns.ksk_algorithm, Some(dnssec::Algorithm::EcdsaP256Sha256));
    let mixed = loaded(&[("PDNS_default_zsk_algorithm", "ecdsa384")], "--dnssec-defaults=pdns").zones;
    assert_eq!(mixed.zsk_algorithm, Some(dnssec::Algorithm::EcdsaP384Sha384));
    let rsa = loaded(&[("PDNS_default_ksk_size", "3072")], "--default-ksk-algorithm=rsasha256").zones;
    assert_eq!((rsa.ksk_bits, rsa.zsk_bits), (Some(3072), None));
    let csk = loaded(&[("PDNS_default_zsk_algorithm", "")], "").zones;
    assert_eq!(csk.zsk_algorithm, None);
    assert_eq!(csk.nsec3param.as_deref(), Some("1 0 0 -"));
}

#[test]
fn pdnsutil_falls_back_to_powerdns_own_file() {
    let folder = Folder::new("fallback");
    folder.file("etc/powerdns/pdns.conf", "launch=gsqlite3\ngsqlite3-database=/a.db\n");
    let mut sources = Sources { root: Some(folder.0.clone()), ..Sources::default() };
    assert!(load(&sources).unwrap().database.is_none());
    sources.falls_back_to_pdns_conf = true;
    assert_eq!(load(&sources).unwrap().database.unwrap().url.0, "sqlite:/a.db");
    sources.variables = variables(&[("SIGNPOST_DATABASE_URL", "sqlite:/b.db")]);
    assert_eq!(load(&sources).unwrap().database.unwrap().url.0, "sqlite:/b.db");
    let toml = folder.file("own.toml", "");
    sources.variables = variables(&[("SIGNPOST_CONFIG", &toml)]);
    assert!(load(&sources).unwrap().database.is_none());
}

#[test]
fn a_database_of_ours_overrules_a_weaker_launch() {
    let folder = Folder::new("launch");
    folder.file("pdns.conf", "launch=bind\n");
    let dir = folder.0.display().to_string();
    let settings = loaded(&[("SIGNPOST_DATABASE_URL", "sqlite:/x.db")], &format!("--config-dir={dir}"));
    assert_eq!(settings.database.unwrap().url.0, "sqlite:/x.db");
    assert!(error(&[], &format!("--config-dir={dir}")).starts_with("setting launch ("));
}

#[test]
fn the_documented_file_shows_every_setting_with_its_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/signpost.toml");
    let mut shown = Layers::new();
    toml_file::read(&path, &mut shown).unwrap();
    let defaults = Layers::new();
    for setting in catalog::SETTINGS {
        assert!(shown.is_set(setting.name), "config/signpost.toml does not show {}", setting.name);
        assert_eq!(shown.at(setting.name).value, defaults.at(setting.name).value, "{}", setting.name);
    }
}
