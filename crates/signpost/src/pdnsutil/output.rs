//! Data to standard output, chatter to standard error, and how a command can fail.

use std::fmt::Display;
use std::io::Write;

use store::StoreError;
use wire::NameError;

/// Where lines go. In tests, both into memory.
pub(super) struct Output {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    /// A reader that went away (`pdnsutil list-zone x | head`) ends the command.
    is_broken: bool,
}

impl Output {
    /// Writes to the streams of the process.
    pub(super) fn of_process() -> Output {
        Output::new(Box::new(std::io::BufWriter::new(std::io::stdout())), Box::new(std::io::stderr()))
    }

    /// Writes to these.
    pub(super) fn new(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Output {
        Output { out, err, is_broken: false }
    }

    /// A line of data.
    pub(super) fn data(&mut self, line: impl Display) {
        self.is_broken |= writeln!(self.out, "{line}").is_err();
    }

    /// A line of chatter. If nobody can read it, nothing is lost.
    pub(super) fn chatter(&mut self, line: impl Display) {
        let _ = writeln!(self.err, "{line}");
    }

    /// Sends what is buffered. `false` if data could not be written.
    pub(super) fn flush(&mut self) -> bool {
        self.is_broken |= self.out.flush().is_err();
        !self.is_broken
    }
}

/// Why a command did not do its work. All but the last exit with 1.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Said on standard error as it stands.
    #[error("{0}")]
    Said(String),
    /// Everything was said already.
    #[error("")]
    Silent,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A name on the command line.
    #[error("Error: '{text}' is not a name: {source}")]
    Name {
        /// As written.
        text: String,
        /// Why not.
        #[source]
        source: NameError,
    },
    /// Wrong parameters: the usage line is shown.
    #[error("usage")]
    Usage,
}

impl Failure {
    /// A message.
    pub(super) fn said(message: impl Into<String>) -> Failure {
        Failure::Said(message.into())
    }
}

/// What a command returns.
pub(super) type Outcome = Result<(), Failure>;
