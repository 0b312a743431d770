//! What a confined process tries and does not get: the list of `runtime/src/confine/mod.rs`, a test for each line.
//!
//! Each test is a process of its own, since there is no way back: this program starts itself with the test's name.
//! Needs landlock and seccomp in the kernel.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "there is no harness that prints")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Seek as _};
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use libc::c_long;
use longshore_protocol::record::Layer;
use longshore_runtime::confine::{Demand, Needs, Network, begin, confine};
use rustix::process::{Resource, getrlimit, umask};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

type Test = (&'static str, Network, fn(&Place));

const TESTS: &[Test] = &[
    ("no_descriptors_are_left_but_three", Network::None, no_descriptors_are_left_but_three),
    ("no_core_is_dumped", Network::None, no_core_is_dumped),
    ("nobody_else_may_write_its_files", Network::None, nobody_else_may_write_its_files),
    ("the_kernel_says_that_it_is_confined", Network::None, the_kernel_says_that_it_is_confined),
    ("its_own_run_is_read_and_written", Network::None, its_own_run_is_read_and_written),
    ("no_other_run_is_read_or_written", Network::None, no_other_run_is_read_or_written),
    ("no_file_of_the_machine_is_read_or_written", Network::None, no_file_of_the_machine),
    ("files_that_were_shipped_are_not_written", Network::None, shipped_files_are_not_written),
    ("files_that_were_shipped_are_removed", Network::None, shipped_files_are_removed),
    ("its_own_memory_is_no_file", Network::None, its_own_memory_is_no_file),
    ("no_special_files_modes_or_owners", Network::None, no_special_files_modes_or_owners),
    ("no_program_is_executed", Network::None, no_program_is_executed),
    ("no_process_is_started", Network::None, no_process_is_started),
    ("threads_are_started", Network::None, threads_are_started),
    ("no_memory_becomes_executable", Network::None, no_memory_becomes_executable),
    ("no_memory_becomes_executable_with_a_network", Network::Connect, no_memory_becomes_executable),
    ("no_socket_is_opened", Network::None, no_socket_is_opened),
    ("a_granted_network_connects", Network::Connect, a_granted_network_connects),
    ("a_granted_network_does_not_listen", Network::Connect, a_granted_network_does_not_listen),
    ("a_granted_network_is_the_internet", Network::Connect, a_granted_network_is_the_internet),
    ("no_file_of_the_machine_with_a_network", Network::Connect, no_file_of_the_machine),
    ("no_process_is_traced_or_read", Network::None, no_process_is_traced_or_read),
    ("no_signal_is_sent", Network::None, no_signal_is_sent),
    ("it_does_not_let_go_of_its_launcher", Network::None, it_does_not_let_go_of_its_launcher),
    ("what_gives_power_over_the_machine", Network::None, what_gives_power_over_the_machine),
    ("what_gives_power_with_a_network", Network::Connect, what_gives_power_over_the_machine),
    ("what_libraries_probe_is_not_there", Network::None, what_libraries_probe_is_not_there),
];

/// Tests of a process that is not confined as it wants to be.
const OTHERS: &[(&str, fn())] = &[
    ("a_second_thread_stands_in_the_way", a_second_thread_stands_in_the_way),
    ("a_kernel_without_landlock_is_told", a_kernel_without_landlock_is_told),
    ("a_kernel_that_was_started_without_landlock_is_told", a_kernel_started_without_landlock),
    ("a_kernel_without_seccomp_is_told", a_kernel_without_seccomp_is_told),
    ("a_kernel_without_landlock_is_refused", a_kernel_without_landlock_is_refused),
    ("a_kernel_without_seccomp_is_refused", a_kernel_without_seccomp_is_refused),
];

/// Where a test is.
struct Place {
    /// The folder of its run.
    run: PathBuf,
    /// The folder of another run, with a file in it.
    other: PathBuf,
    /// The folder of the files that were shipped with its run, with one in it.
    files: PathBuf,
    /// What the kernel says of the process; opened before it was confined.
    status: File,
    /// A descriptor that the process inherited.
    inherited: c_long,
    /// Where somebody listens.
    address: String,
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let [role, name, folder, inherited, address] = &arguments[..]
        && role == "--confined"
    {
        be_confined(name, Path::new(folder), inherited, address);
        return ExitCode::SUCCESS;
    }
    let filter = arguments.iter().find(|argument| !argument.starts_with("--"));
    let is_chosen = |name: &str| filter.is_none_or(|filter| name.contains(filter.as_str()));
    let mut failed = 0;
    let others = OTHERS.iter().map(|(name, _)| *name);
    let names = TESTS.iter().map(|(name, ..)| *name).chain(others);
    for name in names.filter(|name| is_chosen(name)) {
        let output = start(name);
        let is_ok = output.status.success();
        println!("test {name} ... {}", if is_ok { "ok" } else { "FAILED" });
        if !is_ok {
            println!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
            failed += 1;
        }
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one test in a process of its own, as a launcher would that left something open.
fn start(name: &str) -> std::process::Output {
    let folder = tempfile::tempdir().unwrap();
    for run in ["run", "other", "files"] {
        fs::create_dir(folder.path().join(run)).unwrap();
        fs::write(folder.path().join(run).join("order.json"), "{}").unwrap();
    }
    // A number that no file of the process itself takes.
    let left_open = File::open("/etc/passwd").unwrap();
    let left_open = rustix::io::fcntl_dupfd_cloexec(left_open, 100).unwrap();
    rustix::io::fcntl_setfd(&left_open, rustix::io::FdFlags::empty()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    Command::new(std::env::current_exe().unwrap())
        .args(["--confined", name])
        .arg(folder.path())
        .arg(left_open.as_raw_fd().to_string())
        .arg(listener.local_addr().unwrap().to_string())
        .output()
        .unwrap()
}

fn be_confined(name: &str, folder: &Path, inherited: &str, address: &str) {
    umask(rustix::fs::Mode::empty());
    #[expect(unsafe_code, reason = "it is for the first line of a program")]
    // SAFETY: nothing in this process has opened anything yet.
    unsafe { begin() }.unwrap();
    if let Some((_, test)) = OTHERS.iter().find(|(known, _)| *known == name) {
        return test();
    }
    let (_, network, test) = TESTS.iter().find(|(known, ..)| *known == name).unwrap();
    let place = Place {
        run: folder.join("run"),
        other: folder.join("other"),
        files: folder.join("files"),
        status: File::open("/proc/self/status").unwrap(),
        inherited: inherited.parse().unwrap(),
        address: address.to_owned(),
    };
    let temporary = name.starts_with("files_").then(|| place.files.clone());
    let needs =
        Needs { writes: vec![place.run.clone()], reads: vec![], temporary, network: *network };
    let confinement = confine(&needs, Demand::Required).unwrap();
    assert!(confinement.no_new_privs);
    test(&place);
}

/// A system call as such, where no library makes it. Pointers are null.
fn call<const N: usize>(number: c_long, arguments: [c_long; N]) -> io::Result<c_long> {
    let mut all = [0; 6];
    all[..N].copy_from_slice(&arguments);
    let [a, b, c, d, e, f] = all;
    #[expect(unsafe_code, reason = "what a filter refuses, no safe function offers")]
    // SAFETY: none of the calls below writes to memory of this process.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[track_caller]
fn is_refused<T: std::fmt::Debug>(result: io::Result<T>) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
}

/// Refused by the list of system calls, not by something behind it.
#[track_caller]
fn is_no_call<const N: usize>(number: c_long, arguments: [c_long; N]) {
    let error = call(number, arguments).expect_err(&format!("call {number} went through"));
    assert_eq!(error.raw_os_error(), Some(libc::EPERM), "call {number}: {error}");
}

fn no_descriptors_are_left_but_three(place: &Place) {
    let error = call(libc::SYS_lseek, [place.inherited, 0, libc::SEEK_CUR.into()]).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EBADF));
}

fn no_core_is_dumped(_: &Place) {
    let limit = getrlimit(Resource::Core);
    assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
}

fn nobody_else_may_write_its_files(place: &Place) {
    let file = place.run.join("x");
    fs::write(&file, "x").unwrap();
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o644);
}

fn the_kernel_says_that_it_is_confined(place: &Place) {
    let mut text = String::new();
    (&place.status).rewind().unwrap();
    (&place.status).read_to_string(&mut text).unwrap();
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
}

fn its_own_run_is_read_and_written(place: &Place) {
    let folder = place.run.join("attempts/1/log");
    fs::create_dir_all(&folder).unwrap();
    let (staged, object, beat) = (folder.join("a#1"), folder.join("a"), folder.join("beat"));
    fs::write(&staged, "text").unwrap();
    fs::hard_link(&staged, &object).unwrap();
    fs::rename(&staged, &beat).unwrap();
    fs::write(&beat, "te").unwrap();
    assert_eq!(fs::read(&object).unwrap(), b"te");
    fs::remove_file(&beat).unwrap();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

fn no_other_run_is_read_or_written(place: &Place) {
    let order = place.other.join("order.json");
    is_refused(fs::read(&order));
    is_refused(fs::write(&order, ""));
    is_refused(fs::write(place.other.join("outcome.json"), ""));
    is_refused(fs::remove_file(&order));
    is_refused(fs::read_dir(&place.other));
    is_refused(fs::read_dir(place.other.parent().unwrap()));
    is_refused(fs::read(place.run.join("../other/order.json")));
    // Neither moved in nor out: the answer is that these are different devices.
    fs::rename(&order, place.run.join("mine")).unwrap_err();
    fs::hard_link(&order, place.run.join("mine")).unwrap_err();
    fs::rename(place.run.join("order.json"), place.other.join("yours")).unwrap_err();
}

fn no_file_of_the_machine(_: &Place) {
    for path in
        ["/etc/passwd", "/etc/hostname", "/proc/self/environ", "/proc/1/status", "/dev/null"]
    {
        is_refused(File::open(path));
    }
    for path in ["/tmp/longshore-was-here", "/dev/shm/longshore-was-here", "/etc/resolv.conf"] {
        is_refused(File::options().append(true).create(true).open(path));
    }
}

fn its_own_memory_is_no_file(_: &Place) {
    is_refused(File::open("/proc/self/mem"));
    is_refused(File::options().write(true).open("/proc/self/mem"));
    is_refused(File::open("/proc/thread-self/mem"));
    is_refused(File::open("/proc/self/maps"));
}

fn no_special_files_modes_or_owners(place: &Place) {
    let (file, new) = (place.run.join("order.json"), place.run.join("new"));
    is_refused(std::os::unix::fs::symlink("/etc/passwd", &new));
    is_no_call(libc::SYS_mknodat, [libc::AT_FDCWD.into(), 0, libc::S_IFIFO.into()]);
    is_refused(UnixListener::bind(&new));
    is_refused(fs::set_permissions(&file, fs::Permissions::from_mode(0o4755)));
    is_refused(std::os::unix::fs::chown(&file, Some(0), Some(0)));
}

fn no_program_is_executed(_: &Place) {
    is_refused(Command::new("/bin/true").spawn());
    is_no_call(libc::SYS_execve, [0; 3]);
    is_no_call(libc::SYS_execveat, [0; 5]);
}

fn no_process_is_started(_: &Place) {
    is_no_call(libc::SYS_clone, [libc::SIGCHLD.into(), 0, 0, 0, 0]);
    is_no_call(libc::SYS_clone, [(libc::CLONE_NEWUSER | libc::SIGCHLD).into(), 0, 0, 0, 0]);
    #[cfg(target_arch = "x86_64")]
    for number in [libc::SYS_fork, libc::SYS_vfork] {
        is_no_call(number, []);
    }
}

fn threads_are_started(_: &Place) {
    let threads: Vec<_> = (0..4).map(|number| std::thread::spawn(move || number * 2)).collect();
    let sum: i32 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(sum, 12);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
}

fn no_memory_becomes_executable(_: &Place) {
    const PAGE: c_long = 4096;
    let map = |protection: i32| {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        call(libc::SYS_mmap, [0, PAGE, protection.into(), flags.into(), -1, 0])
    };
    let writable = libc::PROT_READ | libc::PROT_WRITE;
    is_refused(map(writable | libc::PROT_EXEC));
    is_refused(map(libc::PROT_EXEC));
    let page = map(writable).unwrap();
    is_no_call(libc::SYS_mprotect, [page, PAGE, (libc::PROT_READ | libc::PROT_EXEC).into()]);
    is_no_call(libc::SYS_pkey_mprotect, [page, PAGE, libc::PROT_EXEC.into(), -1]);
    call(libc::SYS_mprotect, [page, PAGE, libc::PROT_READ.into()]).unwrap();
}

fn no_socket_is_opened(place: &Place) {
    is_refused(TcpStream::connect(&place.address));
    is_refused(TcpListener::bind("127.0.0.1:0"));
    is_refused(UdpSocket::bind("127.0.0.1:0"));
    is_refused(UnixDatagram::unbound());
    ("localhost", 80).to_socket_addrs().unwrap_err();
    // With an address, though there is nothing to send it from.
    is_no_call(libc::SYS_sendto, [0, 0, 0, 0, 1, 16]);
    is_no_call(libc::SYS_socketpair, [libc::AF_UNIX.into(), libc::SOCK_STREAM.into(), 0]);
}

fn a_granted_network_connects(place: &Place) {
    let stream = TcpStream::connect(&place.address).unwrap();
    assert_eq!(stream.peer_addr().unwrap().to_string(), place.address);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"x", &place.address).unwrap();
    assert!(("localhost", 80).to_socket_addrs().unwrap().count() > 0);
}

fn a_granted_network_does_not_listen(_: &Place) {
    is_refused(TcpListener::bind("127.0.0.1:0"));
    is_no_call(libc::SYS_listen, [0, 1]);
    is_no_call(libc::SYS_accept4, [0; 4]);
}

fn a_granted_network_is_the_internet(_: &Place) {
    is_refused(UnixDatagram::unbound());
    let others = [
        (libc::AF_NETLINK, libc::SOCK_RAW, 0),
        (libc::AF_PACKET, libc::SOCK_RAW, 0),
        (libc::AF_VSOCK, libc::SOCK_STREAM, 0),
        (libc::AF_ALG, libc::SOCK_SEQPACKET, 0),
        (libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_TCP),
        (libc::AF_INET6, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::IPPROTO_UDP),
        (libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_ICMP),
        (libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_MPTCP),
    ];
    for (domain, kind, protocol) in others {
        is_no_call(libc::SYS_socket, [domain.into(), kind.into(), protocol.into()]);
    }
}

fn no_process_is_traced_or_read(_: &Place) {
    let parent = c_long::from(std::os::unix::process::parent_id());
    is_no_call(libc::SYS_ptrace, [libc::PTRACE_TRACEME.into(), 0, 0, 0]);
    is_no_call(libc::SYS_ptrace, [libc::PTRACE_ATTACH.into(), parent, 0, 0]);
    for number in [libc::SYS_process_vm_readv, libc::SYS_process_vm_writev] {
        is_no_call(number, [parent, 0, 0, 0, 0, 0]);
    }
    is_no_call(libc::SYS_pidfd_open, [parent, 0]);
    is_no_call(libc::SYS_pidfd_getfd, [0, 0, 0]);
    is_no_call(libc::SYS_prlimit64, [parent, 0, 1]);
}

fn no_signal_is_sent(_: &Place) {
    let parent = c_long::from(std::os::unix::process::parent_id());
    is_no_call(libc::SYS_kill, [parent, 0]);
    is_no_call(libc::SYS_tkill, [parent, 0]);
    is_no_call(libc::SYS_tgkill, [parent, parent, 0]);
    is_no_call(libc::SYS_rt_sigqueueinfo, [parent, 0, 0]);
    let own = c_long::from(std::process::id());
    call(libc::SYS_tgkill, [own, own, 0]).unwrap();
}

fn it_does_not_let_go_of_its_launcher(_: &Place) {
    is_no_call(libc::SYS_flock, [0, libc::LOCK_UN.into()]);
    is_no_call(libc::SYS_fcntl, [0, libc::F_SETLK.into(), 0]);
    for descriptor in 0..3 {
        is_no_call(libc::SYS_close, [descriptor]);
    }
    is_no_call(libc::SYS_close_range, [0, 2, 0]);
    is_no_call(libc::SYS_dup3, [1, 0, 0]);
    is_no_call(libc::SYS_setpgid, [0, 0]);
    is_no_call(libc::SYS_setsid, []);
    is_no_call(libc::SYS_prctl, [libc::PR_SET_DUMPABLE.into(), 0]);
}

fn what_gives_power_over_the_machine(_: &Place) {
    for number in [
        libc::SYS_add_key,
        libc::SYS_bpf,
        libc::SYS_chroot,
        libc::SYS_finit_module,
        libc::SYS_init_module,
        libc::SYS_io_uring_setup,
        libc::SYS_kexec_load,
        libc::SYS_keyctl,
        libc::SYS_mount,
        libc::SYS_move_mount,
        libc::SYS_open_by_handle_at,
        libc::SYS_perf_event_open,
        libc::SYS_pivot_root,
        libc::SYS_quotactl,
        libc::SYS_reboot,
        libc::SYS_seccomp,
        libc::SYS_setns,
        libc::SYS_setuid,
        libc::SYS_swapon,
        libc::SYS_umount2,
        libc::SYS_unshare,
        libc::SYS_userfaultfd,
    ] {
        is_no_call(number, [0; 6]);
    }
    is_no_call(libc::SYS_ioctl, [0, libc::TIOCSTI as c_long, 0]);
}

fn shipped_files_are_not_written(place: &Place) {
    let file = place.files.join("order.json");
    assert_eq!(fs::read_to_string(&file).unwrap(), "{}");
    assert_eq!(fs::read_dir(&place.files).unwrap().count(), 1);
    is_refused(fs::write(&file, "x"));
    is_refused(File::options().append(true).open(&file));
    is_refused(fs::write(place.files.join("new"), "x"));
    is_refused(fs::create_dir(place.files.join("new")));
    is_refused(fs::rename(place.run.join("order.json"), &file));
    // A file is removed by a right that its folder has to have; a folder with something in it is not.
    is_refused(fs::remove_file(place.other.join("order.json")));
    assert!(fs::remove_dir(&place.other).is_err());
}

fn shipped_files_are_removed(place: &Place) {
    fs::remove_dir_all(&place.files).unwrap();
    assert!(!place.files.exists());
}

fn what_libraries_probe_is_not_there(_: &Place) {
    for number in [libc::SYS_clone3, libc::SYS_futex_waitv] {
        let error = call(number, [0; 6]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOSYS), "call {number}");
    }
}

fn a_second_thread_stands_in_the_way() {
    let (_ends, waits) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || waits.recv());
    let error = confine(&Needs::nothing(), Demand::Available).unwrap_err();
    assert_eq!(error.to_string(), "2 threads are there already, and would stay free");
}

/// Lets this process find a kernel in which a call fails with this number.
fn without(call: c_long, number: i32) {
    let calls = BTreeMap::from([(call, vec![])]);
    let fails = SeccompAction::Errno(number.unsigned_abs());
    let here = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(calls, SeccompAction::Allow, fails, here).unwrap();
    apply_filter(&BpfProgram::try_from(filter).unwrap()).unwrap();
}

/// What is told of the two layers where it is confined by what there is.
fn told() -> (Layer, Layer) {
    let confinement = confine(&Needs::nothing(), Demand::Available).unwrap();
    (confinement.landlock, confinement.seccomp)
}

fn refused() -> String {
    confine(&Needs::nothing(), Demand::Required).unwrap_err().to_string()
}

fn missing(because: &str) -> Layer {
    Layer::Missing { because: because.to_owned() }
}

fn a_kernel_without_landlock_is_told() {
    without(libc::SYS_landlock_create_ruleset, libc::ENOSYS);
    let (landlock, seccomp) = told();
    assert_eq!(landlock, missing("the kernel does not have it"));
    assert!(matches!(seccomp, Layer::Active { .. }), "{seccomp:?}");
}

fn a_kernel_started_without_landlock() {
    without(libc::SYS_landlock_create_ruleset, libc::EOPNOTSUPP);
    assert_eq!(told().0, missing("the kernel was started without it"));
}

fn a_kernel_without_seccomp_is_told() {
    without(libc::SYS_seccomp, libc::ENOSYS);
    let (landlock, seccomp) = told();
    assert!(matches!(landlock, Layer::Active { .. }), "{landlock:?}");
    assert_eq!(seccomp, missing("the kernel does not have it"));
}

fn a_kernel_without_landlock_is_refused() {
    without(libc::SYS_landlock_create_ruleset, libc::ENOSYS);
    assert_eq!(refused(), "landlock is required here, and the kernel does not have it");
}

fn a_kernel_without_seccomp_is_refused() {
    without(libc::SYS_seccomp, libc::ENOSYS);
    assert_eq!(refused(), "seccomp is required here, and the kernel does not have it");
}
