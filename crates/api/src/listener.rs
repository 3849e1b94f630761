//! Where connections come in: TCP, TLS over TCP, or a Unix socket.

use std::fmt;
use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as BlockingUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::{TcpListener, UnixListener};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// What is accepted over TLS (RFC 7301), in our order.
pub const TLS_PROTOCOLS: &[&[u8]] = &[b"h2", b"http/1.1"];

/// An open listener.
pub enum Listener {
    /// HTTP/1.1, and HTTP/2 by prior knowledge (RFC 9113 section 3.3).
    Tcp(TcpListener),
    /// The same over TLS, chosen by ALPN.
    Tls(TcpListener, Arc<ServerConfig>),
    /// As TCP. Who may write to the socket may connect: there is no address to look at.
    Unix(UnixSocket),
}

impl Listener {
    /// Where it listens; a socket in the file system has no address.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Listener::Tcp(listener) | Listener::Tls(listener, _) => listener.local_addr().ok(),
            Listener::Unix(_) => None,
        }
    }

    pub(crate) fn acceptor(&self) -> Option<TlsAcceptor> {
        match self {
            Listener::Tls(_, config) => Some(TlsAcceptor::from(Arc::clone(config))),
            Listener::Tcp(_) | Listener::Unix(_) => None,
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listener::Unix(socket) => write!(f, "unix:{}", socket.path.display()),
            other => match other.address() {
                Some(address) => write!(f, "{address}"),
                None => f.write_str("(closed)"),
            },
        }
    }
}

/// A socket in the file system, removed when it is dropped.
#[derive(Debug)]
pub struct UnixSocket {
    pub(crate) listener: UnixListener,
    path: PathBuf,
    /// Device and inode: another server may have put its own in our place.
    id: Option<(u64, u64)>,
}

impl UnixSocket {
    /// Listens at `path` with these permissions. What a server that crashed left there is taken away; what one that lives has, or what is no
    /// socket, is not.
    ///
    /// # Errors
    ///
    /// Something is there, or the folder cannot be written to.
    pub fn bind(path: &Path, mode: u32) -> io::Result<UnixSocket> {
        if let Ok(found) = fs::symlink_metadata(path) {
            if !found.file_type().is_socket() {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, "something is there that is no socket"));
            }
            if BlockingUnixStream::connect(path).is_ok() {
                return Err(io::Error::new(io::ErrorKind::AddrInUse, "another program listens there"));
            }
        }
        // Made beside its place and moved there: nobody finds it with other permissions, and none is missing in between.
        let mut made = path.as_os_str().to_owned();
        made.push(format!(".{}", std::process::id()));
        let made = PathBuf::from(made);
        let _ = fs::remove_file(&made);
        let listener = UnixListener::bind(&made)?;
        let placed = fs::set_permissions(&made, Permissions::from_mode(mode)).and_then(|()| fs::rename(&made, path));
        if let Err(error) = placed {
            let _ = fs::remove_file(&made);
            return Err(error);
        }
        let id = fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()));
        Ok(UnixSocket { listener, path: path.to_owned(), id })
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        let found = fs::symlink_metadata(&self.path).ok().map(|found| (found.dev(), found.ino()));
        if found.is_some() && found == self.id {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let folder = std::env::temp_dir().join(format!("signpost-listener-{}-{name}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            Folder(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[tokio::test]
    async fn a_socket_has_its_mode_and_goes_with_its_server() {
        let folder = Folder::new("mode");
        let path = folder.0.join("api");
        let socket = UnixSocket::bind(&path, 0o640).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
        assert_eq!(UnixSocket::bind(&path, 0o600).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_a_crash_left_is_taken_over_and_what_is_no_socket_stays() {
        let folder = Folder::new("stale");
        let path = folder.0.join("api");
        let mut left = UnixSocket::bind(&path, 0o600).unwrap();
        left.id = None;
        drop(left);
        assert!(path.exists(), "as after a crash");
        drop(UnixSocket::bind(&path, 0o600).unwrap());
        fs::write(&path, "precious").unwrap();
        assert_eq!(UnixSocket::bind(&path, 0o600).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }
}
