//! A program that has been started.

use std::io::Read;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::Signal;

use crate::until::within;
use crate::{Answer, Process, until};

/// A program that has been started. It is killed with the test.
#[derive(Debug)]
pub struct Running {
    child: Child,
    patience: Duration,
    stdout: Collected,
    stderr: Collected,
}

#[derive(Debug)]
struct Collected {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Running {
    pub(crate) fn new(mut child: Child, patience: Duration) -> Self {
        let stdout = Collected::from(child.stdout.take().expect("it was asked to be piped"));
        let stderr = Collected::from(child.stderr.take().expect("it was asked to be piped"));
        Self { child, patience, stdout, stderr }
    }

    /// The process.
    pub fn process(&self) -> Process {
        Process::new(self.child.id())
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        self.process().signal(signal);
    }

    /// Waits until standard error has `text` in it.
    #[track_caller]
    pub fn until_says(&self, text: &str) {
        until(&format!("it says {text:?}, and not {:?}", self.stderr.text()), || {
            self.stderr.text().contains(text).then_some(())
        });
    }

    /// Waits until standard output has `text` in it.
    #[track_caller]
    pub fn until_prints(&self, text: &str) {
        until(&format!("it prints {text:?}"), || self.stdout.text().contains(text).then_some(()));
    }

    /// Whether the program has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked about").is_none()
    }

    /// Waits for the end of the program.
    #[track_caller]
    pub fn finish(mut self) -> Answer {
        let status: ExitStatus = within(self.patience, "the program ends", || {
            self.child.try_wait().expect("a child can be asked about")
        });
        Answer {
            stdout: self.stdout.all(),
            stderr: String::from_utf8_lossy(&self.stderr.all()).into_owned(),
            code: status.code(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already where the test has waited for it.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Collected {
    fn from(mut source: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&bytes);
        let reader = std::thread::spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(count @ 1..) = source.read(&mut buffer) {
                shared.lock().unwrap_or_else(PoisonError::into_inner).extend(&buffer[..count]);
            }
        });
        Self { bytes, reader: Some(reader) }
    }

    fn text(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn all(&mut self) -> Vec<u8> {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader only reads");
        }
        std::mem::take(&mut *self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
