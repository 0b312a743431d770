//! Standard output and error of a guest: lines become log records.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use longshore_protocol::record::Level;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::log::LogSink;

/// A line is broken after this many bytes, so that a guest that never ends its line cannot fill the host's memory.
const LINE_BYTES_MAX: usize = 16 << 10;
/// What a guest may write at once: it bounds what the host allocates for one write.
const WRITE_BYTES_MAX: usize = 64 << 10;

/// One output of a guest. Clones share the unfinished line.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    log: LogSink,
    level: Level,
    target: &'static str,
    unfinished: Arc<Mutex<Vec<u8>>>,
}

impl Lines {
    pub(super) fn stdout(log: &LogSink) -> Self {
        Self { log: log.clone(), level: Level::Info, target: "stdout", unfinished: Arc::default() }
    }

    pub(super) fn stderr(log: &LogSink) -> Self {
        Self { log: log.clone(), level: Level::Warn, target: "stderr", unfinished: Arc::default() }
    }

    /// Ends the last line, if the guest did not.
    pub(super) fn flush(&self) {
        let mut unfinished = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        if !unfinished.is_empty() {
            self.push(&unfinished);
            unfinished.clear();
        }
    }

    fn accept(&self, mut bytes: &[u8]) {
        let mut unfinished = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        if self.log.drops_all() {
            // A flood is not taken apart: it would cost the host as much as the guest.
            let lines = memchr::memchr_iter(b'\n', bytes).count();
            self.log.drop_unread(unfinished.len() + bytes.len(), lines);
            unfinished.clear();
            return;
        }
        while !bytes.is_empty() {
            let room = LINE_BYTES_MAX - unfinished.len();
            let window = &bytes[..bytes.len().min(room)];
            let newline = window.iter().position(|byte| *byte == b'\n');
            unfinished.extend_from_slice(&window[..newline.unwrap_or(window.len())]);
            bytes = &bytes[newline.map_or(window.len(), |at| at + 1)..];
            if newline.is_some() || unfinished.len() == LINE_BYTES_MAX {
                self.push(&unfinished);
                unfinished.clear();
            }
        }
    }

    fn push(&self, line: &[u8]) {
        self.log.push(self.level, self.target, &String::from_utf8_lossy(line), BTreeMap::new());
    }
}

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Lines {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.accept(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

#[async_trait::async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Lines {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.accept(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Secrets;
    use longshore_protocol::limits::Limits;
    use longshore_protocol::record::LogRecord;

    #[test]
    fn lines_are_records_however_they_are_written() {
        let log = LogSink::new(&Limits::default(), &Secrets::default());
        let lines = Lines::stdout(&log);
        for part in ["one\ntw", "o\n\nlast"] {
            lines.accept(part.as_bytes());
        }
        lines.accept(&[b'x'; LINE_BYTES_MAX]);
        lines.flush();
        let text = String::from_utf8(log.take().unwrap()).unwrap();
        let messages: Vec<_> = text
            .lines()
            .map(|line| serde_json::from_str::<LogRecord>(line).unwrap().message)
            .collect();
        assert_eq!(messages[..3], ["one", "two", ""]);
        assert_eq!([messages[3].len(), messages[4].len()], [LINE_BYTES_MAX, 4]);
    }
}
