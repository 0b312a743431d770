//! An engine on another machine, reached by the ssh program as the docker client reaches it: each connection is an
//! `ssh HOST docker system dial-stdio`. Keys, known hosts, jumps and names of hosts are those of ssh's own configuration.
//!
//! bollard has a transport for this, which forgets the port of an address and what ssh says when it fails. So here is a
//! socket that only we can open, and whatever connects to it is carried on by ssh.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::process::Command;
use tokio::task::{JoinHandle, JoinSet};

use crate::{Error, ErrorKind};

/// A machine that does not answer is given up after this; the same as the docker client's.
const CONNECT_TIMEOUT_S: u64 = 30;
/// What ssh says when it fails is short.
const WORDS_MAX_BYTES: u64 = 4 << 10;
/// After the connection ended, its last words come within this.
const WORDS_PATIENCE: Duration = Duration::from_secs(1);

/// Carries connections to an engine on another machine, for as long as it lives.
#[derive(Debug)]
pub(super) struct Relay {
    folder: tempfile::TempDir,
    accepts: JoinHandle<()>,
    /// What ssh said when it last failed.
    said: Arc<Mutex<String>>,
}

impl Relay {
    /// One to `host`, as in `ssh://user@machine:22`. Nothing is connected yet.
    ///
    /// # Errors
    /// When that is no such address, or no socket can be made.
    pub(super) fn to(host: &str) -> Result<Self, Error> {
        let arguments = arguments(host)?;
        let made = || {
            let folder = tempfile::Builder::new().prefix("longshore-ssh-").tempdir()?;
            let listener = UnixListener::bind(folder.path().join("engine.sock"))?;
            Ok::<_, std::io::Error>((folder, listener))
        };
        let (folder, listener) = made().map_err(|error| {
            let text = format!("could not make a socket for the Docker engine at {host}");
            Error::caused(ErrorKind::Infrastructure, text, error)
        })?;
        let said = Arc::<Mutex<String>>::default();
        let accepts = tokio::spawn(accept(listener, arguments, Arc::clone(&said)));
        Ok(Self { folder, accepts, said })
    }

    /// The socket that leads there.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join("engine.sock")
    }

    /// What ssh said when it last failed, in one line.
    pub(super) fn said(&self) -> Option<String> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
        Some(lines.collect::<Vec<_>>().join("; ")).filter(|said| !said.is_empty())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepts.abort();
    }
}

/// The arguments of ssh.
fn arguments(host: &str) -> Result<Vec<String>, Error> {
    let refused = || {
        let text = format!("{host:?} is not an address of a Docker engine");
        Error::new(ErrorKind::BadInput, text).hint("write ssh://user@host or ssh://user@host:port")
    };
    let rest = host.strip_prefix("ssh://").ok_or_else(refused)?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (user, rest) = match rest.rsplit_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, rest),
    };
    // An IPv6 address stands in brackets.
    let (machine, port) = match rest.rsplit_once(':') {
        Some((machine, port)) if !port.ends_with(']') => (machine, Some(port)),
        _ => (rest, None),
    };
    let machine = machine.trim_start_matches('[').trim_end_matches(']');
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    let is_bad = machine.is_empty()
        || machine.contains('/')
        || user.is_some_and(|user| user.is_empty() || user.contains([':', '/']))
        || port.is_some_and(|port| !is_port(port));
    if is_bad {
        return Err(refused());
    }
    let mut arguments = vec![format!("-oConnectTimeout={CONNECT_TIMEOUT_S}"), "-T".to_owned()];
    arguments.extend(user.into_iter().flat_map(|user| ["-l".to_owned(), user.to_owned()]));
    arguments.extend(port.into_iter().flat_map(|port| ["-p".to_owned(), port.to_owned()]));
    let rest = ["--", machine, "docker", "system", "dial-stdio"];
    arguments.extend(rest.map(str::to_owned));
    Ok(arguments)
}

async fn accept(listener: UnixListener, arguments: Vec<String>, said: Arc<Mutex<String>>) {
    // They end with this.
    let mut carried = JoinSet::new();
    while let Ok((mut stream, _)) = listener.accept().await {
        while carried.try_join_next().is_some() {}
        let (arguments, said) = (arguments.clone(), Arc::clone(&said));
        carried.spawn(async move {
            let words = carry(&mut stream, &arguments).await;
            if !words.is_empty() {
                *said.lock().unwrap_or_else(PoisonError::into_inner) = words;
            }
            // Whoever sees the connection end finds the reason.
            drop(stream);
        });
    }
}

/// Carries a connection to its end, and returns what ssh said meanwhile.
async fn carry(stream: &mut UnixStream, arguments: &[String]) -> String {
    let mut command = Command::new("ssh");
    command.args(arguments).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return format!("could not start ssh: {error}"),
    };
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut stdin), Some(mut stdout), Some(stderr)) = pipes else { return String::new() };
    let (mut read, mut write) = stream.split();
    let words = tokio::spawn(words(stderr));
    // Neither the engine nor its client goes on when the other has gone. Who has gone first does not matter, nor why:
    // the client sees its connection end.
    tokio::select! {
        _ = tokio::io::copy(&mut read, &mut stdin) => {}
        _ = tokio::io::copy(&mut stdout, &mut write) => {}
    }
    drop(stdin);
    let words = tokio::time::timeout(WORDS_PATIENCE, words).await;
    words.ok().and_then(Result::ok).unwrap_or_default()
}

async fn words(mut from: impl AsyncRead + Unpin) -> String {
    let mut words = Vec::new();
    // What was read so far is told, whatever ends it; what comes after is only taken away.
    drop((&mut from).take(WORDS_MAX_BYTES).read_to_end(&mut words).await);
    drop(tokio::io::copy(&mut from, &mut tokio::io::sink()).await);
    String::from_utf8_lossy(&words).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_the_docker_client() {
        let line = |host: &str| arguments(host).map(|arguments| arguments[2..].join(" "));
        for (host, expected) in [
            ("ssh://far", "-- far docker system dial-stdio"),
            ("ssh://me@far/", "-l me -- far docker system dial-stdio"),
            ("ssh://me@far:2222", "-l me -p 2222 -- far docker system dial-stdio"),
            ("ssh://me@[::1]:2222", "-l me -p 2222 -- ::1 docker system dial-stdio"),
            ("ssh://[::1]", "-- ::1 docker system dial-stdio"),
        ] {
            assert_eq!(line(host).unwrap(), expected);
        }
        for host in [
            "ssh://",
            "ssh://me@",
            "ssh://@far",
            "ssh://far:x",
            "ssh://me:secret@far",
            "ssh://far/x",
        ] {
            let why = line(host).unwrap_err().to_string();
            assert!(why.ends_with("is not an address of a Docker engine"), "{why}");
        }
    }
}
