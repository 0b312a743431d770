//! What a person sees of runs in a cloud, whichever it is: parts of the tests of each.

use longshore_protocol::exit;
use serde_json::Value;

use crate::servers::docker;
use crate::{Home, Run, until};

/// A cloud whose containers are those of the Docker Engine of this machine, and a home that launches there.
pub trait InCloud {
    /// The home.
    fn home(&self) -> &Home;

    /// The ids of all containers.
    fn containers(&self) -> Vec<String>;

    /// How many jobs there are, whatever the cloud calls them.
    fn jobs(&self) -> usize;

    /// A run that goes on until somebody ends it.
    #[track_caller]
    fn running(&self, settings: &[&str]) -> Run<'_> {
        let run = self.home().submitted(self.home().submit("spin").args(settings));
        until("it runs", || (run.state() == "Running").then_some(()));
        run
    }

    /// What the engine says of the container, once there is one.
    #[track_caller]
    fn container(&self) -> Value {
        let id = until("it has a container", || self.containers().into_iter().next());
        let found: Value = serde_json::from_str(&docker(&["inspect", &id])).expect("it is JSON");
        found[0].clone()
    }

    /// Sends a signal to all containers.
    #[track_caller]
    fn signal(&self, signal: &str) {
        for container in self.containers() {
            docker(&["kill", "--signal", signal, &container]);
        }
    }

    /// A run that is cancelled ends with its container.
    #[track_caller]
    fn stops_a_run_and_its_container_with_it(&self) {
        let run = self.running(&[]);
        run.verb("cancel").succeeds();
        assert_eq!(run.state(), "Cancelled");
        let running = || {
            let running = docker(&["ps", "--quiet", "--no-trunc"]);
            self.containers().iter().any(|id| running.contains(id))
        };
        until("nothing runs", || (!running()).then_some(()));
    }

    /// A container that is killed from outside is a crash with its reason; what explains it stays until it is removed.
    #[track_caller]
    fn tells_of_a_container_that_was_killed(&self) {
        let run = self.running(&[]);
        self.signal("KILL");
        run.wait().exits(exit::RUN_CRASHED).says("SIGKILL");
        assert_eq!(run.state(), "Crashed");
        assert_eq!(self.jobs(), 1, "what explains the crash stays");
        run.verb("logs").args(["--job"]).succeeds();
        run.verb("rm").succeeds();
        assert_eq!(self.jobs(), 0);
    }

    /// A run that nobody waits for leaves its job to the next sweep.
    #[track_caller]
    fn sweeps_jobs_that_nobody_needs(&self) {
        let home = self.home();
        let run = home.submitted(home.submit("add_one").param("n", 1));
        until("it is over", || (run.state() == "Completed").then_some(()));
        let text = home.longshore(&["pool", "sweep", "--yes"]).succeeds().text();
        assert!(text.contains(&format!("removed the job of run {}", run.short())), "{text}");
        assert_eq!(self.jobs(), 0);
    }
}

/// How often something was asked.
pub fn count(asked: &[String], wanted: &str) -> usize {
    asked.iter().filter(|one| *one == wanted).count()
}
