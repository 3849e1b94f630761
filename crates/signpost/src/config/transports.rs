//! What DNS is offered over beside UDP and plain TCP: TLS, HTTPS, QUIC, and the PROXY protocol before any of them; and UDP by AF_XDP.

use std::net::SocketAddr;
use std::path::PathBuf;

use dataplane::XdpSettings;
use dataplane::xdp::{XdpMode, ZeroCopy};
use wire::Network;

use super::error::{ConfigError, Warning};
use super::layers::Layers;
use super::settings::{addresses_if_any, networks};

/// Which transports there are. By default there are none.
#[derive(Debug, Clone)]
pub struct TransportSettings {
    /// DNS over TLS.
    pub dot_listen: Vec<SocketAddr>,
    /// DNS over HTTPS.
    pub doh_listen: Vec<SocketAddr>,
    /// The same over HTTP.
    pub doh_plain_listen: Vec<SocketAddr>,
    /// DNS over QUIC.
    pub doq_listen: Vec<SocketAddr>,
    /// Of the encrypted ones.
    pub certificate: Certificate,
    /// Who sends PROXY headers.
    pub proxies_from: Vec<Network>,
    /// Octets of a PROXY header.
    pub proxy_bytes_max: usize,
    /// Interfaces past the kernel's network stack.
    pub xdp: XdpSettings,
}

/// The certificate of encrypted transports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificate {
    /// From PEM files.
    Files {
        /// The chain.
        certificate: PathBuf,
        /// The private key.
        key: PathBuf,
    },
    /// Made for these names; for the host's if there are none.
    Made(Vec<String>),
}

/// How the API is reached over TLS. By default it is not.
#[derive(Debug, Clone)]
pub struct ApiTls {
    /// TCP.
    pub listen: Vec<SocketAddr>,
    /// Its certificate.
    pub certificate: Certificate,
    /// Issuers of certificates that clients must show; absent: none are asked for.
    pub client_ca: Option<PathBuf>,
}

pub(super) fn api_tls(layers: &Layers, warnings: &mut Vec<Warning>) -> Result<ApiTls, ConfigError> {
    let tls = ApiTls {
        listen: addresses_if_any(layers, "api-tls-listen")?,
        certificate: match (layers.text("api-tls-cert"), layers.text("api-tls-key")) {
            ("", "") => certificate(layers)?,
            (_, "") => return Err(layers.refuse("api-tls-cert", "needs api-tls-key, the file of its private key")),
            ("", _) => return Err(layers.refuse("api-tls-key", "needs api-tls-cert, the file of its certificate")),
            (certificate, key) => Certificate::Files { certificate: certificate.into(), key: key.into() },
        },
        client_ca: Some(layers.text("api-tls-client-ca")).filter(|path| !path.is_empty()).map(PathBuf::from),
    };
    if tls.listen.is_empty() {
        warn_without(layers, warnings, &["api-tls-cert", "api-tls-key", "api-tls-client-ca"], "api-tls-listen");
    }
    Ok(tls)
}

fn warn_without(layers: &Layers, warnings: &mut Vec<Warning>, names: &[&str], listeners: &str) {
    for name in names.iter().filter(|name| layers.is_set(name)) {
        let origin = layers.at(name).origin.clone();
        warnings.push(Warning {
            name: (*name).to_owned(),
            origin,
            reason: format!("has no effect without {listeners}"),
        });
    }
}

pub(super) fn from_layers(layers: &Layers, warnings: &mut Vec<Warning>) -> Result<TransportSettings, ConfigError> {
    let settings = TransportSettings {
        dot_listen: addresses_if_any(layers, "dot-listen")?,
        doh_listen: addresses_if_any(layers, "doh-listen")?,
        doh_plain_listen: addresses_if_any(layers, "doh-plain-listen")?,
        doq_listen: addresses_if_any(layers, "doq-listen")?,
        certificate: certificate(layers)?,
        proxies_from: networks(layers, "proxy-protocol-from")?,
        proxy_bytes_max: layers.count("proxy-protocol-bytes-max"),
        xdp: xdp(layers, warnings)?,
    };
    let is_plain = settings.dot_listen.is_empty() && settings.doh_listen.is_empty() && settings.doq_listen.is_empty();
    if is_plain && layers.list("api-tls-listen").is_empty() {
        let listeners = "dot-listen, doh-listen, doq-listen or api-tls-listen";
        warn_without(layers, warnings, &["tls-cert", "tls-key", "tls-names"], listeners);
    }
    Ok(settings)
}

fn xdp(layers: &Layers, warnings: &mut Vec<Warning>) -> Result<XdpSettings, ConfigError> {
    let settings = XdpSettings {
        interfaces: layers.list("xdp-interfaces").to_vec(),
        queues: layers.count("xdp-queues"),
        mode: match layers.text("xdp-mode") {
            "native" => XdpMode::Native,
            "generic" => XdpMode::Generic,
            _ => XdpMode::Auto,
        },
        zero_copy: match layers.text("xdp-zero-copy") {
            "require" => ZeroCopy::Require,
            "never" => ZeroCopy::Never,
            _ => ZeroCopy::Auto,
        },
    };
    if let Some((field, reason)) = settings.out_of_bounds() {
        return Err(layers.refuse(&format!("xdp-{}", field.replace('_', "-")), reason));
    }
    if settings.interfaces.is_empty() {
        warn_without(layers, warnings, &["xdp-queues", "xdp-mode", "xdp-zero-copy"], "xdp-interfaces");
    }
    Ok(settings)
}

fn certificate(layers: &Layers) -> Result<Certificate, ConfigError> {
    let names = layers.list("tls-names");
    match (layers.text("tls-cert"), layers.text("tls-key")) {
        ("", "") => Ok(Certificate::Made(names.to_vec())),
        (_, "") => Err(layers.refuse("tls-cert", "needs tls-key, the file of its private key")),
        ("", _) => Err(layers.refuse("tls-key", "needs tls-cert, the file of its certificate")),
        _ if !names.is_empty() => Err(layers.refuse("tls-names", "tls-cert is set too, which has names of its own")),
        (certificate, key) => Ok(Certificate::Files { certificate: certificate.into(), key: key.into() }),
    }
}
