//! The certificate and private key of encrypted listeners: from files, watched for changes, or made at the start; and who may come,
//! where clients must show certificates.
//!
//! DNS and the API both take theirs from here, and know nothing of each other.

use arc_swap::ArcSwap;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use zeroize::{Zeroize, Zeroizing};

/// The versions of TLS that are spoken where a protocol asks for no other: 1.3 and 1.2.
pub const VERSIONS: &[&SupportedProtocolVersion] = rustls::ALL_VERSIONS;
/// How often files are looked at. They are read only if they changed.
const POLL: Duration = Duration::from_secs(2);
/// The longest file read: hundreds of certificates.
const FILE_OCTETS_MAX: u64 = 1 << 20;
/// How long a made certificate is valid. It lives as long as the process, and those who pin its key do not look at the date.
const MADE_VALIDITY: Duration = Duration::from_secs(10 * 365 * 86_400);
/// For clients whose clock is behind.
const MADE_BACKDATE: Duration = Duration::from_secs(86_400);

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSource {
    /// PEM files, read again when they change. The first certificate is the server's own, its issuers follow.
    Files {
        /// The chain.
        certificate: PathBuf,
        /// The private key: PKCS#8, PKCS#1 or SEC1.
        key: PathBuf,
    },
    /// Made at the start, signed by itself, with a new key each time.
    Made {
        /// Host names and IP addresses it is for.
        names: Vec<String>,
    },
}

impl Default for CertificateSource {
    fn default() -> CertificateSource {
        CertificateSource::Made { names: vec!["localhost".into()] }
    }
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is no PEM, or lacks what it is for.
    #[error("{} has no {what} in PEM format", path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// What should stand in it.
        what: &'static str,
    },
    /// The key is of no known kind, or not the certificate's.
    #[error("certificate and private key cannot be used together")]
    Unusable(#[source] rustls::Error),
    /// None could be made.
    #[error("a certificate cannot be made")]
    Made(#[source] rcgen::Error),
    /// The library refused its settings.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// The certificate in use. New connections get the one of their moment.
pub struct Certificates {
    current: ArcSwap<CertifiedKey>,
    /// Absent: made, and not read again.
    files: Option<Files>,
}

struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// What changes when a file does. Kubernetes swaps a link, an editor the file, `cp` writes into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    octets: u64,
    modified: (i64, i64),
}

impl Certificates {
    /// Reads or makes the first certificate, and logs its pin.
    ///
    /// # Errors
    ///
    /// There is none: the server must not start as if there were.
    pub fn open(source: &CertificateSource) -> Result<Certificates, CertificateError> {
        let (key, files) = match source {
            CertificateSource::Files { certificate, key } => {
                let files = Files { certificate: certificate.clone(), key: key.clone() };
                files.warn_of_readers();
                (files.read()?, Some(files))
            }
            CertificateSource::Made { names } => (made(names, SystemTime::now())?, None),
        };
        match &files {
            Some(files) => tracing::info!(
                file = %files.certificate.display(), pin = %Pin::of(&key), "certificate in use"
            ),
            None => tracing::warn!(
                pin = %Pin::of(&key),
                "no certificate is configured: one was made, which clients can only pin, and which a restart replaces"
            ),
        }
        Ok(Certificates { current: ArcSwap::from_pointee(key), files })
    }

    /// Looks at the files again and again until told to stop. One that cannot be used leaves the one before in use.
    pub async fn watch(self: Arc<Certificates>, mut stop: watch::Receiver<bool>) {
        if self.files.is_none() {
            return;
        }
        let mut seen = None;
        loop {
            let certificates = Arc::clone(&self);
            // Reading files blocks.
            let looked = tokio::task::spawn_blocking(move || certificates.look(seen));
            seen = looked.await.unwrap_or_default();
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Reads the files unless they are as they were `seen`. Returns how they were found.
    fn look(&self, seen: Option<[Option<Stamp>; 2]>) -> Option<[Option<Stamp>; 2]> {
        let files = self.files.as_ref()?;
        let found = Some([&files.certificate, &files.key].map(|path| Stamp::of(path)));
        if found == seen {
            return found;
        }
        match files.read() {
            Ok(key) if key.cert == self.current.load().cert => {}
            Ok(key) => {
                files.warn_of_readers();
                tracing::info!(file = %files.certificate.display(), pin = %Pin::of(&key), "certificate changed");
                self.current.store(Arc::new(key));
            }
            Err(error) => {
                let reason = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                tracing::error!(%error, reason, "new certificate cannot be used, the one before stays in use");
            }
        }
        found
    }

    /// TLS settings for one protocol, by the names it has in ALPN (RFC 7301). With `clients` nobody comes in without a certificate.
    ///
    /// # Errors
    ///
    /// [`CertificateError::Tls`] if the library has no random numbers.
    pub fn tls(
        self: &Arc<Certificates>,
        versions: &[&'static SupportedProtocolVersion],
        protocols: &[&[u8]],
        clients: Option<ClientCertificates>,
    ) -> Result<Arc<ServerConfig>, CertificateError> {
        let config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .map_err(CertificateError::Tls)?;
        let config = match clients {
            Some(ClientCertificates(verifier)) => config.with_client_cert_verifier(verifier),
            None => config.with_no_client_auth(),
        };
        let mut config = config.with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        // Sessions are resumed by tickets, which the clients keep: there is no table here that could fill. Data before the handshake
        // ends (0-RTT) is not taken, since anyone can send it again.
        config.ticketer = rustls::crypto::ring::Ticketer::new().map_err(CertificateError::Tls)?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Arc::new(config))
    }
}

/// The issuers of certificates that clients must show.
#[derive(Debug, Clone)]
pub struct ClientCertificates(Arc<dyn ClientCertVerifier>);

impl ClientCertificates {
    /// Reads the issuers from a PEM file, once.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or holds no certificate that can be an issuer.
    pub fn issued_by(file: &Path) -> Result<ClientCertificates, CertificateError> {
        let text = read(file)?;
        let mut issuers = RootCertStore::empty();
        let none = || CertificateError::Pem { path: file.to_owned(), what: "certificate" };
        for issuer in CertificateDer::pem_slice_iter(&text) {
            issuers.add(issuer.map_err(|_| none())?).map_err(CertificateError::Unusable)?;
        }
        if issuers.is_empty() {
            return Err(none());
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(issuers), provider()).build();
        verifier
            .map(ClientCertificates)
            .map_err(|error| CertificateError::Tls(rustls::Error::General(error.to_string())))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Stamp> {
        let found = fs::metadata(path).ok()?;
        Some(Stamp {
            device: found.dev(),
            inode: found.ino(),
            octets: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
        })
    }
}

impl Files {
    fn read(&self) -> Result<CertifiedKey, CertificateError> {
        let chain = read(&self.certificate)?;
        let chain = CertificateDer::pem_slice_iter(&chain).collect::<Result<Vec<_>, _>>().unwrap_or_default();
        if chain.is_empty() {
            return Err(CertificateError::Pem { path: self.certificate.clone(), what: "certificate" });
        }
        let text = read(&self.key)?;
        let key = PrivateKeyDer::from_pem_slice(&text)
            .map_err(|_| CertificateError::Pem { path: self.key.clone(), what: "private key" })?;
        usable(chain, key)
    }

    fn warn_of_readers(&self) {
        let mode = fs::metadata(&self.key).map_or(0, |found| found.permissions().mode());
        if mode & 0o007 != 0 {
            tracing::warn!(file = %self.key.display(), mode = format!("{:03o}", mode & 0o777), "private key is open to all users");
        }
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, CertificateError> {
    let failed = |source| CertificateError::Read { path: path.to_owned(), source };
    // Made long enough at once: a buffer that grows leaves copies of the key behind.
    let mut octets = Zeroizing::new(Vec::new());
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    if length > FILE_OCTETS_MAX {
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, "longer than 1 MiB")));
    }
    octets.reserve_exact(length as usize + 1);
    file.take(FILE_OCTETS_MAX).read_to_end(&mut octets).map_err(failed)?;
    Ok(octets)
}

/// Puts both together if they belong together. The key's text does not outlive this.
fn usable(
    chain: Vec<CertificateDer<'static>>,
    mut key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, CertificateError> {
    let signer = rustls::crypto::ring::sign::any_supported_type(&key);
    key.zeroize();
    let certified = CertifiedKey::new(chain, signer.map_err(CertificateError::Unusable)?);
    certified.keys_match().map_err(CertificateError::Unusable)?;
    Ok(certified)
}

/// A certificate for `names` that is its own issuer.
fn made(names: &[String], now: SystemTime) -> Result<CertifiedKey, CertificateError> {
    let mut key = KeyPair::generate().map_err(CertificateError::Made)?;
    let mut params = CertificateParams::new(names).map_err(CertificateError::Made)?;
    // A common name holds 64 characters (RFC 5280 appendix A.1); clients look at the alternative names.
    let common = names.iter().find(|name| name.len() <= 64).map_or("signpost", String::as_str);
    params.distinguished_name.push(DnType::CommonName, common);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let at = |since_epoch: Duration| rcgen::date_time_ymd(1970, 1, 1) + since_epoch;
    params.not_before = at(now.saturating_sub(MADE_BACKDATE));
    params.not_after = at(now + MADE_VALIDITY);
    let certificate = params.self_signed(&key).map_err(CertificateError::Made)?;
    let der = PrivatePkcs8KeyDer::from(key.serialize_der());
    key.zeroize();
    usable(vec![certificate.der().clone()], der.into())
}

/// The digest of a public key that clients pin (RFC 7858 section 4.2): base64 of SHA-256 of its SubjectPublicKeyInfo.
struct Pin(Option<String>);

impl Pin {
    fn of(key: &CertifiedKey) -> Pin {
        let digest = |spki: &[u8]| ring::digest::digest(&ring::digest::SHA256, spki);
        Pin(key.key.public_key().map(|spki| data_encoding::BASE64.encode(digest(&spki).as_ref())))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("unknown"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(label: &str, der: &[u8]) -> String {
        let lines = data_encoding::BASE64.encode(der);
        let lines: Vec<&str> = lines.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    }

    /// A folder that goes with the test, with a certificate and its key.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let folder = std::env::temp_dir().join(format!("signpost-certificate-{}-{name}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            let folder = Folder(folder);
            folder.put();
            folder
        }

        fn put(&self) {
            let key = KeyPair::generate().unwrap();
            let certificate = CertificateParams::new(["dns.test".to_owned()]).unwrap().self_signed(&key).unwrap();
            fs::write(self.0.join("cert.pem"), pem("CERTIFICATE", certificate.der())).unwrap();
            fs::write(self.0.join("key.pem"), pem("PRIVATE KEY", key.serialized_der())).unwrap();
        }

        fn source(&self) -> CertificateSource {
            CertificateSource::Files { certificate: self.0.join("cert.pem"), key: self.0.join("key.pem") }
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn files_that_change_are_taken_and_broken_ones_are_not() {
        let folder = Folder::new("change");
        let certificates = Certificates::open(&folder.source()).unwrap();
        let in_use = |certificates: &Certificates| certificates.current.load().cert[0].clone();
        let first = in_use(&certificates);
        let seen = certificates.look(None);
        assert_eq!(in_use(&certificates), first);
        folder.put();
        let seen = certificates.look(seen);
        let second = in_use(&certificates);
        assert_ne!(second, first);
        // Half of a pair: the key of another certificate.
        let other = Folder::new("other");
        fs::copy(other.0.join("key.pem"), folder.0.join("key.pem")).unwrap();
        let seen = certificates.look(seen);
        assert_eq!(in_use(&certificates), second);
        fs::write(folder.0.join("cert.pem"), "nonsense").unwrap();
        let seen = certificates.look(seen);
        assert_eq!(in_use(&certificates), second);
        fs::remove_file(folder.0.join("key.pem")).unwrap();
        let seen = certificates.look(seen);
        assert_eq!(in_use(&certificates), second);
        folder.put();
        certificates.look(seen);
        assert_ne!(in_use(&certificates), second);
    }

    #[test]
    fn errors_name_the_file_and_never_the_key() {
        let folder = Folder::new("errors");
        let text = fs::read_to_string(folder.0.join("key.pem")).unwrap();
        let path = folder.0.display().to_string();
        let said = || Certificates::open(&folder.source()).unwrap_err().to_string();
        fs::write(folder.0.join("key.pem"), text.replace("PRIVATE KEY", "PARAMETERS")).unwrap();
        assert_eq!(said(), format!("{path}/key.pem has no private key in PEM format"));
        fs::write(folder.0.join("key.pem"), pem("PRIVATE KEY", b"\x30\x03\x02\x01\x00")).unwrap();
        assert_eq!(said(), "certificate and private key cannot be used together");
        fs::write(folder.0.join("cert.pem"), "").unwrap();
        assert_eq!(said(), format!("{path}/cert.pem has no certificate in PEM format"));
        fs::remove_file(folder.0.join("cert.pem")).unwrap();
        assert_eq!(said(), format!("cannot read {path}/cert.pem"));
    }

    #[test]
    fn issuers_of_clients_are_read_and_errors_name_the_file() {
        let folder = Folder::new("clients");
        assert!(ClientCertificates::issued_by(&folder.0.join("cert.pem")).is_ok());
        let said = |name: &str| ClientCertificates::issued_by(&folder.0.join(name)).unwrap_err().to_string();
        let path = folder.0.display().to_string();
        assert_eq!(said("key.pem"), format!("{path}/key.pem has no certificate in PEM format"));
        assert_eq!(said("absent.pem"), format!("cannot read {path}/absent.pem"));
    }

    #[test]
    fn a_certificate_is_made_for_names_and_addresses() {
        let names = ["ns1.example.test".to_owned(), "192.0.2.53".to_owned(), "2001:db8::53".to_owned()];
        let key = made(&names, SystemTime::now()).unwrap();
        assert_eq!(Pin::of(&key).to_string().len(), 44);
        let octets = key.cert[0].as_ref();
        let has = |part: &[u8]| octets.windows(part.len()).any(|window| window == part);
        assert!(has(b"ns1.example.test"));
        // Tag and length of an IP address among the names (RFC 5280 section 4.2.1.6).
        assert!(has(&[0x87, 4, 192, 0, 2, 53]));
        assert!(has(&[0x87, 16, 0x20, 0x01, 0x0d, 0xb8]));
    }
}
