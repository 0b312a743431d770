//! What every launcher must do, asked of processes.

longshore_conformance::conformance!(longshore_conformance::process::stand());
