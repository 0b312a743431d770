//! Which files, ports and processes can be reached.

use ::landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, LandlockStatus, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
};
use longshore_protocol::record::{Layer, Network};

use super::Needs;

/// What later kernels add was not tested, so it is not asked for.
const TESTED: ABI = ABI::V7;

/// What a run does in its folder. Nothing is executed there, and there are no links, devices, sockets or pipes.
const WRITES: BitFlags<AccessFs> = ::landlock::make_bitflags!(AccessFs::{
    ReadFile | ReadDir | WriteFile | Truncate | MakeReg | MakeDir | RemoveFile
});
const READS: BitFlags<AccessFs> = ::landlock::make_bitflags!(AccessFs::{ReadFile | ReadDir});
/// What becomes of a folder with files that were shipped. They are written before.
const TEMPORARY: BitFlags<AccessFs> = ::landlock::make_bitflags!(AccessFs::{
    ReadFile | ReadDir | RemoveFile | RemoveDir
});
/// Removing a folder is a right to the one that it is in.
const REMOVES: BitFlags<AccessFs> = ::landlock::make_bitflags!(AccessFs::{RemoveDir});

/// What resolving a name reads.
const NAMES: [&str; 9] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    // The modules that the second last names, and the index in which they are found.
    "/etc/ld.so.cache",
    "/lib",
    "/lib64",
    "/usr/lib",
];
/// Certificates that a machine trusts.
const CERTIFICATES: [&str; 3] = ["/etc/ssl", "/etc/pki", "/usr/share/ca-certificates"];

/// Restricts this thread and those that it starts; also says whether new privileges are out of reach.
pub(super) fn restrict(
    needs: &Needs,
) -> Result<(Layer, bool), Box<dyn std::error::Error + Send + Sync>> {
    let Needs { writes, reads, temporary, network } = needs;
    let ports = match network {
        Network::None => AccessNet::BindTcp | AccessNet::ConnectTcp,
        Network::Connect => AccessNet::BindTcp.into(),
    };
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(TESTED))?
        .handle_access(ports)?
        .scope(Scope::from_all(TESTED))?
        .create()?
        .add_rules(path_beneath_rules(reads, READS))?;
    if *network == Network::Connect {
        rules = rules.add_rules(path_beneath_rules(NAMES.iter().chain(&CERTIFICATES), READS))?;
    }
    for folder in writes {
        // Unlike what is only read, it must be there.
        rules = rules.add_rule(PathBeneath::new(PathFd::new(folder)?, WRITES))?;
    }
    if let Some(folder) = temporary {
        rules = rules.add_rule(PathBeneath::new(PathFd::new(folder)?, TEMPORARY))?;
        rules = rules.add_rules(path_beneath_rules(folder.parent(), REMOVES))?;
    }
    let status = rules.restrict_self()?;
    let layer = match status.landlock {
        LandlockStatus::NotImplemented => missing("the kernel does not have it"),
        LandlockStatus::NotEnabled => missing("the kernel was started without it"),
        LandlockStatus::Available { .. } if status.ruleset == RulesetStatus::NotEnforced => {
            return Err("the kernel enforces nothing of it".into());
        }
        LandlockStatus::Available { effective_abi, kernel_abi: _ } => {
            Layer::Active { covers: covers(effective_abi.min(TESTED)) }
        }
    };
    Ok((layer, status.no_new_privs))
}

fn missing(because: &str) -> Layer {
    Layer::Missing { because: because.to_owned() }
}

/// What a kernel with this ABI covers.
fn covers(abi: ABI) -> String {
    let since = [
        (ABI::V1, "files"),
        (ABI::V4, "TCP"),
        (ABI::V5, "devices"),
        (ABI::V6, "signals, abstract sockets"),
    ];
    let covered: Vec<_> =
        since.into_iter().filter(|(first, _)| abi >= *first).map(|(_, what)| what).collect();
    format!("ABI {abi}: {}", covered.join(", "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn an_older_kernel_covers_less() {
        assert_eq!(covers(ABI::V1), "ABI 1: files");
        assert_eq!(covers(ABI::V4), "ABI 4: files, TCP");
        assert_eq!(covers(ABI::V7), "ABI 7: files, TCP, devices, signals, abstract sockets");
    }

    #[test]
    fn names_are_absolute() {
        assert!(NAMES.iter().chain(&CERTIFICATES).all(|path| Path::new(path).is_absolute()));
    }
}
