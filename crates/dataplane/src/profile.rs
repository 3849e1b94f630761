//! How this server answers, whatever zones it has: what operators configure beside them.

/// Configured once and shared by all transports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Profile {}
