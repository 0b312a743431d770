//! The operating system's words → ours. Pure.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use longshore_protocol::state::JobState;

use crate::ending::{killed, with_output};

/// The state of a job whose process is over. `status` is known only to its parent; `output` is its last words.
pub(super) fn exited(status: Option<ExitStatus>, output: &str) -> JobState {
    let signal = status.and_then(|status| status.signal());
    let why =
        signal.and_then(|signal| killed(signal, "by hand, or by the kernel for want of memory"));
    let reason = with_output(why, output);
    JobState::Exited { code: status.and_then(|status| status.code()), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_process_ended() {
        let raw = |raw| Some(ExitStatus::from_raw(raw));
        let table = [
            (raw(0), "", Some(0), None),
            (raw(74 << 8), "no space", Some(74), Some("no space")),
            (raw(15), "", None, Some("killed by signal 15 (SIGTERM)")),
            (
                raw(6),
                "x",
                None,
                Some("killed by signal 6 (SIGABRT: it gave up by itself); its last output: x"),
            ),
            (None, "", None, None),
        ];
        for (status, output, code, reason) in table {
            let reason = reason.map(str::to_owned);
            assert_eq!(exited(status, output), JobState::Exited { code, reason });
        }
    }
}
