//! What is asked of AF_XDP: which interfaces hand datagrams to the workers without the kernel's network stack, and how.
//!
//! How it is done is in `udp::xdp`; a build without the cargo feature `xdp` refuses to start when an interface is named.

/// AF_XDP. Default: no interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct XdpSettings {
    /// Names of interfaces, at most [`INTERFACES_MAX`].
    pub interfaces: Vec<String>,
    /// Receive queues of each that are served, the first ones, by a thread each; the rest is left to the kernel. 0, the default: all
    /// it has; up to [`QUEUES_MAX`].
    pub queues: usize,
    /// Where the program that picks datagrams runs.
    pub mode: XdpMode,
    /// Whether frames are copied.
    pub zero_copy: ZeroCopy,
}

/// Most interfaces.
pub const INTERFACES_MAX: usize = 16;
/// Most queues of an interface.
pub const QUEUES_MAX: usize = 256;

/// Where the program that picks datagrams runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum XdpMode {
    /// In the driver, or where that cannot, before the kernel's stack. The log says which.
    #[default]
    Auto,
    /// In the driver, or not at all.
    Native,
    /// Before the stack, once the kernel has made its packet of the frame: slower, and works with every driver.
    Generic,
}

/// Whether the card reads and writes our memory, or the kernel copies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ZeroCopy {
    /// The card does where its driver can.
    #[default]
    Auto,
    /// The card does, or the server does not start.
    Require,
    /// The kernel copies.
    Never,
}

impl XdpSettings {
    /// The first field that is out of bounds, and why.
    pub fn out_of_bounds(&self) -> Option<(&'static str, String)> {
        let XdpSettings { interfaces, queues, mode, zero_copy } = self;
        if interfaces.len() > INTERFACES_MAX {
            return Some(("interfaces", format!("{} are more than {INTERFACES_MAX}", interfaces.len())));
        }
        let twice = interfaces.iter().enumerate().find(|(at, name)| interfaces[..*at].contains(name));
        if let Some((_, name)) = twice {
            return Some(("interfaces", format!("{name} stands twice")));
        }
        if *queues > QUEUES_MAX {
            return Some(("queues", format!("{queues} is not within 0 to {QUEUES_MAX}")));
        }
        if (*mode, *zero_copy) == (XdpMode::Generic, ZeroCopy::Require) {
            return Some(("zero_copy", "takes a driver, which mode generic leaves out".to_owned()));
        }
        if cfg!(not(feature = "xdp")) && !interfaces.is_empty() {
            return Some(("interfaces", "this program was built without AF_XDP (cargo feature xdp)".to_owned()));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_named() {
        let field = |interfaces: &[&str], queues, mode, zero_copy| {
            let interfaces = interfaces.iter().map(|name| (*name).to_owned()).collect();
            XdpSettings { interfaces, queues, mode, zero_copy }.out_of_bounds().map(|(field, _)| field)
        };
        let is_there = if cfg!(feature = "xdp") { None } else { Some("interfaces") };
        assert_eq!(field(&["a", "b"], 256, XdpMode::Auto, ZeroCopy::Require), is_there);
        assert_eq!(field(&["a", "b", "a"], 0, XdpMode::Auto, ZeroCopy::Auto), Some("interfaces"));
        assert_eq!(field(&["a"], 257, XdpMode::Auto, ZeroCopy::Auto), Some("queues"));
        assert_eq!(field(&["a"], 0, XdpMode::Generic, ZeroCopy::Require), Some("zero_copy"));
        assert_eq!(field(&["x"; 17], 0, XdpMode::Auto, ZeroCopy::Auto), Some("interfaces"));
        assert_eq!(field(&[], 0, XdpMode::Auto, ZeroCopy::Auto), None);
    }
}
