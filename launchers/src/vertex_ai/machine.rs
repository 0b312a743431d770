//! Machines of Vertex AI, their accelerators and disks. Pure.
//!
//! Sources: <https://docs.cloud.google.com/compute/docs/machine-resource> for memory, and `AcceleratorType` and `DiskSpec`
//! of <https://aiplatform.googleapis.com/$discovery/rest?version=v1>.

use crate::settings::Word;
use crate::{Error, ErrorKind};

const MIB: u64 = 1 << 20;
/// Families of machines, and MiB of memory for each processor in their classes: standard, highmem, highcpu.
const FAMILIES: [(&str, u64, u64, u64); 9] = [
    ("n1", 3_840, 6_656, 921),
    ("e2", 4_096, 8_192, 1_024),
    ("n2", 4_096, 8_192, 1_024),
    ("n2d", 4_096, 8_192, 1_024),
    ("c2", 4_096, 0, 0),
    ("c2d", 4_096, 8_192, 2_048),
    ("c3", 4_096, 8_192, 2_048),
    ("n4", 4_096, 8_192, 2_048),
    ("g2", 4_096, 0, 0),
];

/// The memory of a machine, in bytes. `None`: it is not known here, and Vertex AI decides.
pub(super) fn memory_bytes(machine_type: &str) -> Option<u64> {
    let mut parts = machine_type.split('-');
    let (family, class) = (parts.next()?, parts.next()?);
    let cpus: u64 = parts.next()?.parse().ok()?;
    let (_, standard, highmem, highcpu) = FAMILIES.iter().find(|(name, ..)| *name == family)?;
    let each = match class {
        "standard" => *standard,
        "highmem" => *highmem,
        "highcpu" => *highcpu,
        _ => return None,
    };
    let bytes = each.checked_mul(cpus)?.checked_mul(MIB)?;
    // An ending, as of c3-standard-4-lssd, adds disks.
    (bytes > 0).then_some(bytes)
}

/// Checks that what a run needs fits into a machine.
///
/// # Errors
/// When it is known not to.
pub(super) fn check_memory(machine_type: &str, needed_bytes: u64) -> Result<(), Error> {
    match memory_bytes(machine_type) {
        Some(there) if there < needed_bytes => {
            let mib = |bytes: u64| bytes.div_ceil(MIB);
            let text = format!(
                "the run may need {} MiB of memory, and a machine {machine_type} has {} MiB",
                mib(needed_bytes),
                mib(there)
            );
            Err(Error::new(ErrorKind::BadInput, text)
                .hint("set a larger machine_type, or lower the flow's limits"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Makes an enum of words that are said in one way only.
macro_rules! words {
    ($(#[doc = $about:literal])* $name:ident { $( $(#[doc = $doc:literal])* $variant:ident = $word:literal, )* }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $( $(#[doc = $doc])* $variant, )*
        }

        impl Word for $name {
            const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            fn word(self) -> &'static str {
                match self {
                    $( Self::$variant => $word, )*
                }
            }
        }
    };
}

words! {
    /// Kinds of accelerators.
    Accelerator {
        /// Nvidia Tesla K80, which has reached its end of support.
        TeslaK80 = "NVIDIA_TESLA_K80",
        /// Nvidia Tesla P100.
        TeslaP100 = "NVIDIA_TESLA_P100",
        /// Nvidia Tesla V100.
        TeslaV100 = "NVIDIA_TESLA_V100",
        /// Nvidia Tesla P4.
        TeslaP4 = "NVIDIA_TESLA_P4",
        /// Nvidia Tesla T4.
        TeslaT4 = "NVIDIA_TESLA_T4",
        /// Nvidia Tesla A100.
        TeslaA100 = "NVIDIA_TESLA_A100",
        /// Nvidia A100 with 80 GB.
        A100Of80Gb = "NVIDIA_A100_80GB",
        /// Nvidia L4.
        L4 = "NVIDIA_L4",
        /// Nvidia H100 with 80 GB.
        H100Of80Gb = "NVIDIA_H100_80GB",
        /// Nvidia H100 Mega with 80 GB.
        H100MegaOf80Gb = "NVIDIA_H100_MEGA_80GB",
        /// Nvidia H200 with 141 GB.
        H200Of141Gb = "NVIDIA_H200_141GB",
        /// Nvidia B200.
        B200 = "NVIDIA_B200",
        /// Nvidia GB200.
        Gb200 = "NVIDIA_GB200",
        /// Nvidia RTX Pro 6000.
        RtxPro6000 = "NVIDIA_RTX_PRO_6000",
        /// TPU v2.
        TpuV2 = "TPU_V2",
        /// TPU v3.
        TpuV3 = "TPU_V3",
        /// TPU v4.
        TpuV4Pod = "TPU_V4_POD",
        /// TPU v5.
        TpuV5Litepod = "TPU_V5_LITEPOD",
    }
}

words! {
    /// Kinds of disks.
    BootDisk {
        /// A persistent solid-state drive.
        PdSsd = "pd-ssd",
        /// A persistent hard disk drive.
        PdStandard = "pd-standard",
        /// A Hyperdisk, for the newest machines.
        HyperdiskBalanced = "hyperdisk-balanced",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_common_machines_is_known() {
        for (machine_type, mib) in [
            ("n1-standard-4", Some(15 * 1_024)),
            ("n1-highmem-2", Some(13 * 1_024)),
            ("n1-highcpu-16", Some(14_736)),
            ("e2-highcpu-2", Some(2 * 1_024)),
            ("n2-standard-80", Some(320 * 1_024)),
            ("c2-standard-60", Some(240 * 1_024)),
            ("c3-standard-4-lssd", Some(16 * 1_024)),
            ("c2-highmem-4", None),
            ("a2-highgpu-1g", None),
            ("cloud-tpu", None),
            ("", None),
            ("n1-standard-18446744073709551615", None),
        ] {
            assert_eq!(memory_bytes(machine_type), mib.map(|mib| mib * MIB), "{machine_type}");
        }
    }

    #[test]
    fn a_run_has_to_fit_into_its_machine() {
        assert!(check_memory("e2-highcpu-2", 2 << 30).is_ok());
        assert!(check_memory("a2-highgpu-1g", 1 << 50).is_ok());
        let error = check_memory("e2-highcpu-2", (2 << 30) + 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the run may need 2049 MiB of memory, and a machine e2-highcpu-2 has 2048 MiB"
        );
    }
}
