//! What every launcher must do, as functions over `&dyn Launcher`, asked of each with a real infrastructure behind it.
//!
//! Main path: a test of a kind makes a [`Stand`], and calls the functions of [`suite`] with it. What only somebody beside
//! the launcher can do, such as killing a job, each kind does by its own means: [`Hands`].

#![expect(clippy::panic, reason = "a test fails by panicking")]

pub mod aci;
pub mod cloud_run;
pub mod docker;
pub mod ecs;
pub mod kubernetes;
pub mod process;
mod stand;
pub mod suite;
pub mod vertex_ai;

pub use stand::{Hands, Stand};

/// A test for each function of [`suite`] that every kind has to pass, with the stand that `$stand` makes.
#[macro_export]
macro_rules! conformance {
    ($stand:expr) => {
        $crate::conformance!(@each $stand;
            a_run_completes
            exit_codes_are_told
            a_failure_is_explained_by_its_last_output
            a_repeated_launch_finds_its_own_job
            two_launches_at_once_start_one_job
            output_is_live_and_complete
            much_output_is_complete
            the_end_is_told_at_once
            a_cancellation_ends_the_job
            a_cleanup_leaves_nothing
            a_kill_from_outside_is_told
            another_launcher_says_the_same
            two_runs_at_once
            fifty_runs_at_once
            a_check_finds_it_well
        );
    };
    (@each $stand:expr; $($name:ident)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                $crate::suite::$name(&$stand).await;
            }
        )*
    };
}
