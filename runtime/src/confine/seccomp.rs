//! Which system calls can be made: those of a list, and of some only harmless forms.
//!
//! Whatever else is tried fails with `EPERM` rather than killing the process, so that a fault in the list shows as an
//! error that names its cause. Calls that later kernels add are not in the list.

use std::collections::BTreeMap;
use std::{fs, io};

use longshore_protocol::record::{Layer, Network};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

use super::calls;

type Calls = BTreeMap<i64, Vec<SeccompRule>>;

/// Restricts this thread and those that it starts.
pub(super) fn restrict(
    network: Network,
) -> Result<Layer, Box<dyn std::error::Error + Send + Sync>> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => TargetArch::x86_64,
        "aarch64" => TargetArch::aarch64,
        other => return Ok(missing(format!("there is no list of system calls for {other}"))),
    };
    let allowed = allowed(network)?;
    let covers = format!("{} system calls", allowed.len() - calls::PROBED.len());
    // Of the two, the one that refuses wins. The list comes last, since it refuses to install another one.
    let probed = calls::PROBED.iter().map(|call| (*call, vec![])).collect();
    install(probed, SeccompAction::Allow, error(libc::ENOSYS), architecture)
        .and_then(|()| install(allowed, error(libc::EPERM), SeccompAction::Allow, architecture))
        .map(|()| Layer::Active { covers })
        .or_else(|error| match error {
            seccompiler::Error::Seccomp(error) if is_missing(&error) => {
                Ok(missing("the kernel does not have it".to_owned()))
            }
            error => Err(error.into()),
        })
}

fn install(
    calls: Calls,
    otherwise: SeccompAction,
    these: SeccompAction,
    architecture: TargetArch,
) -> Result<(), seccompiler::Error> {
    let filter: BpfProgram =
        SeccompFilter::new(calls, otherwise, these, architecture)?.try_into()?;
    apply_filter(&filter)
}

/// The calls that go through, with the ways in which they must be made; none: in any way.
fn allowed(network: Network) -> Result<Calls, BackendError> {
    let is_connecting = network == Network::Connect;
    let mut conditional = calls::conditional(std::process::id());
    if is_connecting {
        conditional.extend(calls::conditional_for_connections());
    }
    let mut allowed = Calls::new();
    for (call, ways) in conditional {
        allowed.entry(call).or_default().extend(calls::rules(ways)?);
    }
    let always = [calls::ALWAYS, calls::OLDER, calls::PROBED];
    let always = always.into_iter().chain(is_connecting.then_some(calls::CONNECT)).flatten();
    allowed.extend(always.map(|call| (*call, vec![])));
    Ok(allowed)
}

fn error(number: i32) -> SeccompAction {
    SeccompAction::Errno(number.unsigned_abs())
}

fn missing(because: String) -> Layer {
    Layer::Missing { because }
}

/// Whether the kernel was built without it, rather than having refused the filter.
fn is_missing(error: &io::Error) -> bool {
    match error.raw_os_error() {
        Some(libc::ENOSYS) => true,
        Some(libc::EINVAL) => fs::read_to_string("/proc/self/status")
            .is_ok_and(|status| !status.lines().any(|line| line.starts_with("Seccomp:"))),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_is_allowed_both_always_and_in_some_ways() {
        let conditional =
            calls::conditional(1).into_iter().chain(calls::conditional_for_connections());
        for (call, ways) in conditional {
            let always = [calls::ALWAYS, calls::OLDER, calls::PROBED].concat();
            assert!(!always.contains(&call) && !ways.is_empty(), "{call}");
        }
    }

    #[test]
    fn a_network_only_adds_to_what_is_allowed() {
        let (without, with) = (allowed(Network::None).unwrap(), allowed(Network::Connect).unwrap());
        assert!(without.keys().all(|call| with.contains_key(call)));
        for call in [libc::SYS_socket, libc::SYS_connect] {
            assert!(!without.contains_key(&call) && with.contains_key(&call), "{call}");
        }
    }

    #[test]
    fn what_gives_power_is_never_allowed() {
        let allowed = allowed(Network::Connect).unwrap();
        for call in [
            libc::SYS_accept4,
            libc::SYS_bpf,
            libc::SYS_execve,
            libc::SYS_execveat,
            libc::SYS_fchmod,
            libc::SYS_flock,
            libc::SYS_init_module,
            libc::SYS_io_uring_setup,
            libc::SYS_kexec_load,
            libc::SYS_keyctl,
            libc::SYS_kill,
            libc::SYS_listen,
            libc::SYS_mount,
            libc::SYS_perf_event_open,
            libc::SYS_pidfd_getfd,
            libc::SYS_pkey_mprotect,
            libc::SYS_process_vm_readv,
            libc::SYS_process_vm_writev,
            libc::SYS_ptrace,
            libc::SYS_setns,
            libc::SYS_setpgid,
            libc::SYS_setsid,
            libc::SYS_setuid,
            libc::SYS_symlinkat,
            libc::SYS_unshare,
            libc::SYS_userfaultfd,
        ] {
            assert!(!allowed.contains_key(&call), "{call}");
        }
    }
}
