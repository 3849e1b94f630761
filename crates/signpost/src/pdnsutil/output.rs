//! Data to standard output, chatter to standard error, answers from standard input, and how a command can fail.

use std::fmt::Display;
use std::io::{BufRead, IsTerminal, Write};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use store::StoreError;
use wire::{NameError, ZoneNameError};

/// Where lines go. In tests, both into memory.
pub(super) struct Output {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    input: Box<dyn BufRead + Send>,
    /// A reader that went away (`pdnsutil list-zone x | head`) ends the command.
    is_broken: bool,
}

impl Output {
    /// Writes to the streams of the process.
    pub(super) fn of_process() -> Output {
        let out = Box::new(std::io::BufWriter::new(std::io::stdout()));
        Output::new(out, Box::new(std::io::stderr()), Box::new(std::io::BufReader::new(std::io::stdin())))
    }

    /// Writes to these.
    pub(super) fn new(
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
        input: Box<dyn BufRead + Send>,
    ) -> Output {
        Output { out, err, input, is_broken: false }
    }

    /// Asks, and returns the line that is answered without its end; `None` when nobody answers.
    pub(super) fn ask(&mut self, question: impl Display) -> Option<String> {
        self.is_broken |= self.out.flush().is_err();
        let _ = write!(self.err, "{question}");
        let _ = self.err.flush();
        self.line()
    }

    /// As [`Output::ask`]; a terminal does not show the answer, and what is no terminal is not asked.
    pub(super) fn ask_secretly(&mut self, question: impl Display) -> Option<String> {
        let stdin = std::io::stdin();
        let shown = if stdin.is_terminal() { tcgetattr(&stdin).ok() } else { None };
        let Some(shown) = shown else { return self.line() };
        let mut hidden = shown.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        let _ = tcsetattr(&stdin, OptionalActions::Flush, &hidden);
        let answer = self.ask(question);
        let _ = tcsetattr(&stdin, OptionalActions::Flush, &shown);
        let _ = writeln!(self.err);
        answer
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.input.read_line(&mut line) {
            Ok(1..) => Some(line.trim_end_matches(['\r', '\n']).to_owned()),
            Ok(0) | Err(_) => None,
        }
    }

    /// A line of data.
    pub(super) fn data(&mut self, line: impl Display) {
        self.is_broken |= writeln!(self.out, "{line}").is_err();
    }

    /// The beginning of a line of data.
    pub(super) fn begin(&mut self, text: impl Display) {
        self.is_broken |= write!(self.out, "{text}").is_err();
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
    /// A zone on the command line.
    #[error("Error: '{text}' is not the name of a zone: {source}")]
    Zone {
        /// As written.
        text: String,
        /// Why not.
        #[source]
        source: ZoneNameError,
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
