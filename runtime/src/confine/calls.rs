//! The system calls that a confined process makes, by what it makes them for. Pure.
//!
//! Both C libraries count: where glibc and musl differ, the list has what either of them calls. Calls that a library
//! only tries, and does without, are in [`PROBED`].

use libc::c_long;
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{self, Eq, Ge, MaskedEq};
use seccompiler::{BackendError, SeccompCmpArgLen, SeccompCondition, SeccompRule};

/// Calls whose arguments do not matter.
pub(super) const ALWAYS: &[c_long] = &[
    // Memory. What is made executable, is looked at below.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    // What a guest's memory begins with: wasmtime maps it copy-on-write.
    libc::SYS_memfd_create,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // Files, as far as landlock lets them be opened.
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fdatasync,
    libc::SYS_fstat,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_linkat,
    libc::SYS_lseek,
    libc::SYS_mkdirat,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    // What a guest opens is resolved by the kernel itself, below the folder of its files.
    libc::SYS_openat2,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    RENAMEAT,
    libc::SYS_renameat2,
    libc::SYS_statx,
    libc::SYS_unlinkat,
    libc::SYS_write,
    libc::SYS_writev,
    // Waiting.
    libc::SYS_clock_nanosleep,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_futex,
    libc::SYS_nanosleep,
    libc::SYS_ppoll,
    // From the socket pair by which tokio learns of signals; it is there before.
    libc::SYS_recvfrom,
    libc::SYS_restart_syscall,
    libc::SYS_sched_yield,
    // Clocks, chance, and what is asked of oneself.
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    // Without `faccessat2`, whether a file may be read is found out by comparing ids.
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getuid,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_sched_getaffinity,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    // Threads, their signals and their end.
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
];

/// Older forms of the calls above, which only this architecture has. Mostly musl makes them.
#[cfg(target_arch = "x86_64")]
pub(super) const OLDER: &[c_long] = &[
    libc::SYS_access,
    libc::SYS_epoll_wait,
    libc::SYS_link,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_open,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_stat,
    libc::SYS_time,
    libc::SYS_unlink,
];
#[cfg(not(target_arch = "x86_64"))]
pub(super) const OLDER: &[c_long] = &[];

#[cfg(target_arch = "x86_64")]
const RENAMEAT: c_long = libc::SYS_renameat;
/// The number of the generic table, which the crate has not for every C library.
#[cfg(not(target_arch = "x86_64"))]
const RENAMEAT: c_long = 38;

/// Calls for sockets that connect: nothing listens, nothing accepts.
pub(super) const CONNECT: &[c_long] = &[
    // Datagrams need an address of their own, and musl asks for one; landlock refuses it for TCP.
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_recvmsg,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
];

/// Calls of which libraries know that a kernel may lack them: they are told so, and fall back on others.
///
/// The flags of `clone3` are in memory, where a filter cannot look; those of `clone` are in a register.
pub(super) const PROBED: &[c_long] = &[libc::SYS_clone3, libc::SYS_futex_waitv];

/// One way in which a call is allowed: all of these conditions hold.
type Way = Vec<(u8, SeccompCmpArgLen, SeccompCmpOp, u64)>;

/// Calls that are allowed in some ways only, unless a network allows them in any.
pub(super) fn conditional(process: u32) -> Vec<(c_long, Vec<Way>)> {
    let is = |argument, value: u64| -> Way { vec![(argument, Dword, Eq, value)] };
    let not_executable =
        |argument| -> Way { vec![(argument, Dword, MaskedEq(libc::PROT_EXEC as u64), 0)] };
    let thread = libc::CLONE_THREAD as u64;
    // To oneself, as `abort` does.
    let own = is(0, process.into());
    let harmless = [
        libc::F_DUPFD,
        libc::F_DUPFD_CLOEXEC,
        libc::F_GETFD,
        libc::F_SETFD,
        libc::F_GETFL,
        libc::F_SETFL,
        libc::F_ADD_SEALS,
    ];
    // Of another type in each C library.
    let requests = [libc::FIONBIO as c_long, libc::FIOCLEX as c_long];
    vec![
        (libc::SYS_mmap, vec![not_executable(2)]),
        (libc::SYS_mprotect, vec![not_executable(2)]),
        (libc::SYS_clone, vec![vec![(0, Qword, MaskedEq(thread), thread)]]),
        // Closing standard input would give the launcher's lock back.
        (libc::SYS_close, vec![vec![(0, Dword, Ge, 3)]]),
        (libc::SYS_fcntl, harmless.map(|command| is(1, command as u64)).into()),
        (libc::SYS_ioctl, requests.map(|request| is(1, request as u64)).into()),
        (libc::SYS_prctl, vec![is(0, libc::PR_SET_NAME as u64), is(0, libc::PR_SET_VMA as u64)]),
        // Limits are read and not set.
        (libc::SYS_prlimit64, vec![vec![(2, Qword, Eq, 0)]]),
        // To the other end of the pair: no address is given.
        (libc::SYS_sendto, vec![vec![(4, Qword, Eq, 0)]]),
        (libc::SYS_tgkill, vec![own]),
    ]
}

/// Calls that are allowed in some ways where connections are.
pub(super) fn conditional_for_connections() -> Vec<(c_long, Vec<Way>)> {
    /// The rest are flags: non-blocking, close-on-exec.
    const KIND: u64 = 0xf;
    // Neither raw sockets nor other protocols of the same kind, such as MPTCP, which landlock does not see.
    let kinds = [(libc::SOCK_STREAM, libc::IPPROTO_TCP), (libc::SOCK_DGRAM, libc::IPPROTO_UDP)];
    let internet = [libc::AF_INET, libc::AF_INET6].into_iter().flat_map(|domain| {
        kinds.into_iter().flat_map(move |(kind, protocol)| {
            [0, protocol].map(|protocol| -> Way {
                vec![
                    (0, Dword, Eq, domain as u64),
                    (1, Dword, MaskedEq(KIND), kind as u64),
                    (2, Dword, Eq, protocol as u64),
                ]
            })
        })
    });
    // Resolving a name, glibc loads modules: code, but out of files that landlock lets it read.
    let of_file: Way = vec![(3, Dword, MaskedEq(libc::MAP_ANONYMOUS as u64), 0)];
    let load = cfg!(target_env = "gnu").then_some((libc::SYS_mmap, vec![of_file]));
    [(libc::SYS_socket, internet.collect())].into_iter().chain(load).collect()
}

/// In the words of the crate that writes the filter.
pub(super) fn rules(ways: Vec<Way>) -> Result<Vec<SeccompRule>, BackendError> {
    let condition = |(argument, length, operator, value)| {
        SeccompCondition::new(argument, length, operator, value)
    };
    ways.into_iter()
        .map(|way| SeccompRule::new(way.into_iter().map(condition).collect::<Result<_, _>>()?))
        .collect()
}
