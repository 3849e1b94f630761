//! An HTTP/1.1 client that keeps its connection for as long as the server does.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any request of the load takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(900);

/// A client of one server's API.
pub(crate) struct Client {
    server: SocketAddr,
    key: String,
    /// `None` before the first request, and after an answer that closed the connection.
    connection: Option<BufReader<TcpStream>>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(server: SocketAddr, key: &str) -> Client {
        Client { server, key: key.to_owned(), connection: None }
    }

    /// Sends a request below `/api/v1/servers/localhost` and reads the whole answer.
    pub(crate) fn send(&mut self, method: &str, path: &str, body: &str) -> Result<Answer> {
        let head = format!(
            "{method} /api/v1/servers/localhost{path} HTTP/1.1\r\nHost: {}\r\nX-API-Key: {}\r\nAccept: application/json\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.server,
            self.key,
            body.len(),
        );
        // In one piece, as clients with a buffer send it.
        let request = [head.as_bytes(), body.as_bytes()].concat();
        let kept = self.connection.take();
        // A server closes what was idle for long, while the other one had its turn.
        let kept = kept.filter(|connection| is_open(connection.get_ref()));
        let mut connection = match kept {
            Some(connection) => connection,
            None => {
                let stream = TcpStream::connect(self.server).context("the API does not listen")?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                BufReader::with_capacity(1 << 16, stream)
            }
        };
        connection.get_mut().write_all(&request)?;
        let (answer, is_kept) = read_answer(&mut connection).with_context(|| format!("{method} {path}"))?;
        self.connection = is_kept.then_some(connection);
        Ok(answer)
    }

    /// As [`Client::send`]; the answer must have `status`.
    pub(crate) fn must(&mut self, status: u16, method: &str, path: &str, body: &str) -> Result<Vec<u8>> {
        let answer = self.send(method, path, body)?;
        if answer.status != status {
            bail!("{method} {path}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
        Ok(answer.body)
    }
}

/// Whether the server has not closed it.
fn is_open(stream: &TcpStream) -> bool {
    let is_silent = || -> std::io::Result<bool> {
        stream.set_nonblocking(true)?;
        let peeked = stream.peek(&mut [0]);
        stream.set_nonblocking(false)?;
        Ok(peeked.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock))
    };
    is_silent().unwrap_or(false)
}

/// The answer, and whether the connection stays open.
fn read_answer(connection: &mut impl BufRead) -> Result<(Answer, bool)> {
    let mut line = String::new();
    connection.read_line(&mut line)?;
    let status = line.split(' ').nth(1).context("no status")?.parse()?;
    let (mut length, mut is_chunked, mut is_kept) = (None, false, line.starts_with("HTTP/1.1"));
    loop {
        line.clear();
        connection.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = Some(value.parse::<usize>()?),
            "transfer-encoding" => is_chunked = value.eq_ignore_ascii_case("chunked"),
            "connection" => is_kept &= !value.eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    let mut body = Vec::new();
    if is_chunked {
        loop {
            line.clear();
            connection.read_line(&mut line)?;
            let size = u64::from_str_radix(line.trim(), 16)?;
            connection.take(size).read_to_end(&mut body)?;
            line.clear();
            connection.read_line(&mut line)?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = length {
        body.resize(length, 0);
        connection.read_exact(&mut body)?;
    } else if status != 204 {
        is_kept = false;
        connection.read_to_end(&mut body)?;
    }
    Ok((Answer { status, body }, is_kept))
}
