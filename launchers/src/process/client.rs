//! The calls to the operating system.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use futures::stream::{self, BoxStream, StreamExt as _};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process_group};

use super::plan::Command;
use crate::{Error, ErrorKind};

const LOCK: &str = "lock";
const OUTPUT: &str = "output.log";
/// SIGKILL works at once; more than this means that the process hangs in the kernel.
const KILL_PATIENCE: Duration = Duration::from_secs(10);
/// The end of the output is an explanation, not a log.
const LAST_OUTPUT_BYTES: u64 = 2_000;

/// What the lock file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    /// The process is there.
    Held,
    /// It was, and is over.
    Free,
    /// It never was, or has been cleaned up.
    Missing,
}

fn attempted(what: &str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let text = format!("could not {what} {}", path.display());
    move |error| Error::caused(ErrorKind::Infrastructure, text, error)
}

/// Looks whether jobs can be kept below `state_folder`: folders made, and files locked.
pub(super) fn check(state_folder: &Path) -> Result<(), Error> {
    let folder = state_folder.join("jobs").join(format!("doctor-{}", std::process::id()));
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.map_err(attempted("make the folder", &folder))?;
    let lock = claim(&folder).map_err(attempted("lock the job in", &folder))?;
    drop(lock);
    fs::remove_dir_all(&folder).map_err(attempted("remove the folder", &folder))
}

/// Starts the process. `None`: it was started before.
pub(super) fn start(folder: &Path, command: &Command) -> Result<Option<Child>, Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(attempted("make the folder", folder))?;
    let Some(lock) = claim(folder).map_err(attempted("lock the job in", folder))? else {
        return Ok(None);
    };
    let output = folder.join(OUTPUT);
    let output = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&output)
        .map_err(attempted("open the output file", &output))?;
    let errors = output.try_clone().map_err(attempted("open the output file of", folder))?;
    let Command { program, arguments, working_dir, env, env_from_launcher: _ } = command;
    let child = std::process::Command::new(program)
        .args(arguments)
        .current_dir(working_dir)
        .env_clear()
        .envs(env)
        // The process inherits the lock with this descriptor and keeps it for as long as it lives.
        .stdin(Stdio::from(lock))
        .stdout(output)
        .stderr(errors)
        .process_group(0)
        .spawn()
        .map_err(attempted("start", program))?;
    Ok(Some(child))
}

/// Makes the lock file appear with its lock already taken, so that nobody sees it free before the process has it.
fn claim(folder: &Path) -> io::Result<Option<File>> {
    let path = folder.join(LOCK);
    let unseen = folder.join(format!("{LOCK}.{}", std::process::id()));
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unseen)?;
    flock(&file, FlockOperation::LockExclusive)?;
    let linked = fs::hard_link(&unseen, &path);
    fs::remove_file(&unseen)?;
    match linked {
        Ok(()) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the process is there.
pub(super) fn look(folder: &Path) -> Result<Lock, Error> {
    let path = folder.join(LOCK);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Lock::Missing),
        Err(error) => return Err(attempted("open", &path)(error)),
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(Lock::Free),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(Lock::Held),
        Err(error) => Err(attempted("look at the lock", &path)(error.into())),
    }
}

/// Waits until the process is over. It costs nothing: the kernel wakes us.
pub(super) async fn lock_free(folder: &Path) -> Result<(), Error> {
    let path = folder.join(LOCK);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(attempted("open", &path)(error)),
    };
    let (done, free) = tokio::sync::oneshot::channel();
    // A thread of our own rather than one of tokio's pool: that would hold up the end of this program.
    std::thread::spawn(move || {
        let result = loop {
            match flock(&file, FlockOperation::LockShared) {
                Err(rustix::io::Errno::INTR) => {}
                other => break other,
            }
        };
        let is_heard = done.send(result).is_ok();
        // The caller may have stopped waiting; the lock is released with the file either way.
        drop((is_heard, file));
    });
    match free.await {
        Ok(Ok(())) | Err(_) => Ok(()),
        Ok(Err(error)) => Err(attempted("wait for the lock", &path)(error.into())),
    }
}

/// Ends the process and its group, for certain.
pub(super) async fn end(folder: &Path, grace: Duration) -> Result<(), Error> {
    if is_over_within(folder, Duration::ZERO, || signal(folder, Signal::TERM)).await? {
        return Ok(());
    }
    if is_over_within(folder, grace, || Ok(())).await? {
        return Ok(());
    }
    if is_over_within(folder, KILL_PATIENCE, || signal(folder, Signal::KILL)).await? {
        return Ok(());
    }
    let folder = folder.display();
    Err(Error::new(ErrorKind::Infrastructure, format!("the process of {folder} does not end after SIGKILL"))
        .hint("it hangs in the kernel, probably on a disk or network file system; look at its state with ps"))
}

async fn is_over_within(
    folder: &Path,
    time: Duration,
    act: impl FnOnce() -> Result<(), Error>,
) -> Result<bool, Error> {
    const LOOK_EVERY: Duration = Duration::from_millis(10);
    if look(folder)? != Lock::Held {
        return Ok(true);
    }
    act()?;
    let began = Instant::now();
    while began.elapsed() < time {
        if look(folder)? != Lock::Held {
            return Ok(true);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(false)
}

fn signal(folder: &Path, signal: Signal) -> Result<(), Error> {
    for pid in holders(folder)? {
        match kill_process_group(pid, signal) {
            // It has ended meanwhile.
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(attempted("signal the process of", folder)(error.into())),
        }
    }
    Ok(())
}

/// The processes whose standard input is the lock file: the job, whoever started it.
fn holders(folder: &Path) -> Result<Vec<Pid>, Error> {
    // The file itself is compared, since its name was another one when the process got it.
    let identity = |path: &Path| fs::metadata(path).map(|meta| (meta.dev(), meta.ino()));
    let path = folder.join(LOCK);
    let lock = identity(&path).map_err(attempted("look at", &path))?;
    let processes = fs::read_dir("/proc").map_err(attempted("read", Path::new("/proc")))?;
    Ok(processes
        .filter_map(Result::ok)
        .filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
        .filter(|pid| {
            let input = format!("/proc/{}/fd/0", pid.as_raw_nonzero());
            identity(Path::new(&input)).is_ok_and(|input| input == lock)
        })
        .collect())
}

/// The last lines of the process's own output.
pub(super) fn last_output(folder: &Path) -> String {
    let read = || -> io::Result<String> {
        let mut file = File::open(folder.join(OUTPUT))?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LAST_OUTPUT_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    // It only explains: without it there is still the state.
    read().unwrap_or_default()
}

/// The process's own output, line by line until it is over.
pub(super) fn output_lines(
    folder: Result<std::path::PathBuf, Error>,
) -> BoxStream<'static, Result<String, Error>> {
    let folder = match folder {
        Ok(folder) => folder,
        Err(error) => return stream::iter([Err(error)]).boxed(),
    };
    struct Tail {
        folder: std::path::PathBuf,
        offset: u64,
        began: bool,
        over: bool,
    }
    let tail = Tail { folder, offset: 0, began: false, over: false };
    stream::try_unfold(tail, |mut tail| async move {
        const LOOK_EVERY: Duration = Duration::from_millis(100);
        if tail.over {
            return Ok(None);
        }
        if std::mem::replace(&mut tail.began, true) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        // Looked at before reading: what is written after an end that was seen does not exist.
        tail.over = look(&tail.folder)? != Lock::Held;
        let bytes = read_from(&tail.folder.join(OUTPUT), tail.offset)?;
        let newline = bytes.iter().rposition(|byte| *byte == b'\n');
        let whole = if tail.over { bytes.len() } else { newline.map_or(0, |at| at + 1) };
        tail.offset += whole as u64;
        let text = String::from_utf8_lossy(&bytes[..whole]);
        let lines: Vec<_> = text.lines().map(|line| Ok(line.to_owned())).collect();
        Ok::<_, Error>(Some((stream::iter(lines), tail)))
    })
    .flat_map(|lines| match lines {
        Ok(lines) => lines.boxed(),
        Err(error) => stream::iter([Err(error)]).boxed(),
    })
    .boxed()
}

fn read_from(path: &Path, offset: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(mut file) => {
            file.seek(SeekFrom::Start(offset)).map_err(attempted("read", path))?;
            file.read_to_end(&mut bytes).map_err(attempted("read", path))?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(attempted("open", path)(error)),
    }
    Ok(bytes)
}

/// Removes the job's folder.
pub(super) fn remove(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(attempted("remove", folder)(error)),
    }
}
