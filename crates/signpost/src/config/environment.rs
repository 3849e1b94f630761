//! Settings from `SIGNPOST_*` and `PDNS_*` environment variables.
//!
//! Names are taken case-insensitively, with `_` for `-`: `PDNS_gpgsql_host` and `PDNS_GPGSQL_HOST` are the same, as
//! the container images in the field differ.

use super::catalog;
use super::error::{ConfigError, Origin, Warning};
use super::kubernetes;
use super::layers::{Layers, Rank};
use super::pdns_conf::{Assigned, PdnsSettings, normal_name};
use super::powerdns;

/// Name and value.
pub type Variable = (String, String);

/// Variables that say where settings are, and are none themselves.
const LOCATIONS: &[&str] = &["config", "config-dir", "config-name"];

/// Names templates of Jinja2 in PowerDNS's own image (PDNS-DIALECT 14.3), which make settings files there.
const TEMPLATES: &str = "TEMPLATE_FILES";

/// Takes what is ours from the environment.
///
/// # Errors
///
/// [`ConfigError::Value`] naming the variable.
pub fn read(
    variables: &[Variable],
    layers: &mut Layers,
    pdns: &mut PdnsSettings,
    warnings: &mut Vec<Warning>,
) -> Result<(), ConfigError> {
    let mut variables: Vec<_> = variables.iter().collect();
    // The same setting may come in two spellings; sorted, the outcome does not depend on the order of the environment.
    variables.sort();
    for (written, value) in variables {
        if written == TEMPLATES && !value.is_empty() {
            let reason = "has no effect: templates are not rendered, set PDNS_* variables instead".to_owned();
            warnings.push(Warning { name: written.clone(), origin: Origin::Variable(written.clone()), reason });
        }
        let Some((prefix, rest)) = split_prefix(written) else { continue };
        if kubernetes::is_injected(&rest.to_ascii_uppercase(), value) {
            continue;
        }
        let name = normal_name(rest);
        let origin = Origin::Variable(written.clone());
        if LOCATIONS.contains(&name.as_str()) {
            continue;
        }
        match prefix {
            Prefix::Signpost if catalog::find(&name).is_some() => {
                let setting = catalog::find(&name).expect("the guard found it");
                layers.set_text(setting.name, &name, value, &origin, Rank::OwnVariable)?;
            }
            Prefix::Pdns if name == "auth-api-key" => official_image(value, &origin, layers)?,
            // PowerDNS's unknown names are looked at together with those of its file.
            _ if prefix == Prefix::Pdns || powerdns::find(&name).is_some() => {
                let assigned = Assigned { text: value.trim().to_owned(), origin, rank: Rank::PdnsVariable };
                pdns.assign(name, assigned, false);
            }
            _ => warnings.push(unknown(name, origin)),
        }
    }
    Ok(())
}

/// The value of a variable if it is set and not empty, as `SIGNPOST_NAME`, then as `PDNS_NAME`.
pub fn location(variables: &[Variable], name: &str) -> Option<(String, Origin)> {
    [Prefix::Signpost, Prefix::Pdns].into_iter().find_map(|wanted| {
        variables
            .iter()
            .find(|(written, value)| {
                !value.is_empty()
                    && split_prefix(written).is_some_and(|(prefix, rest)| prefix == wanted && normal_name(rest) == name)
            })
            .map(|(written, value)| (value.clone(), Origin::Variable(written.clone())))
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prefix {
    Signpost,
    Pdns,
}

fn split_prefix(written: &str) -> Option<(Prefix, &str)> {
    let (head, rest) = written.split_once('_')?;
    let prefix = match head.to_ascii_uppercase().as_str() {
        "SIGNPOST" => Prefix::Signpost,
        "PDNS" => Prefix::Pdns,
        _ => return None,
    };
    (!rest.is_empty()).then_some((prefix, rest))
}

/// `PDNS_AUTH_API_KEY`, all that PowerDNS's own image knows: an open web server with this key (PDNS-DIALECT 14.3).
fn official_image(key: &str, origin: &Origin, layers: &mut Layers) -> Result<(), ConfigError> {
    for (name, value) in [
        ("api", "yes"),
        ("web-pages", "yes"),
        ("api-key", key),
        ("web-password", key),
        ("api-listen", "0.0.0.0:8081"),
        ("api-allow-from", "0.0.0.0/0"),
    ] {
        // Below every other variable, as the image writes them to a file.
        layers.set_text(name, name, value, origin, Rank::PdnsConf)?;
    }
    Ok(())
}

/// The warning about a name that nobody knows.
pub(crate) fn unknown(name: String, origin: Origin) -> Warning {
    let reason = match catalog::nearest(&name) {
        Some(nearest) => format!("is not known and does nothing, did you mean {nearest}?"),
        None => "is not known and does nothing".to_owned(),
    };
    Warning { name, origin, reason }
}
