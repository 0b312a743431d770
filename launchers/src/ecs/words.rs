//! AWS's words that people set.

use crate::settings::Word;

/// On what tasks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaunchType {
    /// Amazon's machines.
    Fargate,
    /// The same, cheaper, and taken back when Amazon needs them.
    FargateSpot,
    /// One's own machines of EC2 in the cluster.
    Ec2,
    /// One's own machines elsewhere in the cluster.
    External,
}

impl Word for LaunchType {
    const ALL: &'static [Self] = &[Self::Fargate, Self::FargateSpot, Self::Ec2, Self::External];

    fn word(self) -> &'static str {
        match self {
            Self::Fargate => "FARGATE",
            Self::FargateSpot => "FARGATE_SPOT",
            Self::Ec2 => "EC2",
            Self::External => "EXTERNAL",
        }
    }
}

/// A processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// Intel's and AMD's.
    X86,
    /// Amazon's Graviton.
    Arm,
}

impl Word for Architecture {
    const ALL: &'static [Self] = &[Self::X86, Self::Arm];

    fn word(self) -> &'static str {
        match self {
            Self::X86 => "X86_64",
            Self::Arm => "ARM64",
        }
    }
}

/// How a task is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkMode {
    /// An address of its own in the VPC.
    AwsVpc,
    /// Docker's bridge on its machine.
    Bridge,
    /// The network of its machine.
    Host,
    /// Not at all.
    None,
}

impl Word for NetworkMode {
    const ALL: &'static [Self] = &[Self::AwsVpc, Self::Bridge, Self::Host, Self::None];

    fn word(self) -> &'static str {
        match self {
            Self::AwsVpc => "awsvpc",
            Self::Bridge => "bridge",
            Self::Host => "host",
            Self::None => "none",
        }
    }
}
