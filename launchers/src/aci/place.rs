//! Where a container group is, and how it is named: what a handle says. Pure.

use std::time::Duration;

use longshore_protocol::Timestamp;
use longshore_protocol::id::RunId;

use crate::azure::ENDPOINT;
use crate::azure::settings::part;
use crate::launcher::Handle;
use crate::{Error, ErrorKind};

/// The length of a run's id.
const RUN_LENGTH: usize = 36;
/// A launch takes less, and so does what was launched until everybody sees it.
const YOUNG: Duration = Duration::from_secs(60);
/// The type of the resource.
const TYPE: &str = "Microsoft.ContainerInstance/containerGroups";
/// What a handle says of a group that stays when its run has an outcome.
const KEPT: &str = "kept";
/// The shortest pause that a handle does not mention.
pub(super) const POLL_USUAL: Duration = Duration::from_secs(5);

/// Where a container group is, and what its launcher must know of it later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) endpoint: String,
    pub(super) credentials: String,
    pub(super) subscription: String,
    pub(super) resource_group: String,
    pub(super) group: String,
    /// The shortest time between two looks.
    pub(super) poll: Duration,
    /// Whether it stays when its run has an outcome.
    pub(super) is_kept: bool,
}

impl Place {
    /// What all container groups are below.
    pub(super) fn parent(&self) -> String {
        format!("{}/providers/{TYPE}", self.scope())
    }

    /// The resource group.
    pub(super) fn scope(&self) -> String {
        let Self { subscription, resource_group, .. } = self;
        format!("/subscriptions/{subscription}/resourceGroups/{resource_group}")
    }

    /// The id of the container group.
    pub(super) fn id(&self) -> String {
        format!("{}/{}", self.parent(), self.group)
    }

    /// Whether its run was ordered so recently that not everybody may see its group yet.
    pub(super) fn is_young(&self, now: Timestamp) -> bool {
        let run = self.group.len().checked_sub(RUN_LENGTH).and_then(|from| self.group.get(from..));
        let run = run.and_then(|run| run.parse::<RunId>().ok());
        let age = run.map(|run| now.duration_since(run.ordered_at()));
        age.is_some_and(|age| age.unsigned_abs() < YOUNG)
    }

    pub(super) fn handle(&self) -> Handle {
        let unless =
            |text: &str, usual: &str| if text == usual { String::new() } else { text.to_owned() };
        let poll = (self.poll != POLL_USUAL).then(|| format!("{}ms", self.poll.as_millis()));
        let parts = [
            self.id(),
            unless(&self.credentials, "default"),
            unless(&self.endpoint, ENDPOINT),
            poll.unwrap_or_default(),
            if self.is_kept { KEPT.to_owned() } else { String::new() },
        ];
        Handle(parts.join("|").trim_end_matches('|').to_owned())
    }

    /// # Errors
    /// When it is the handle of something else.
    pub(super) fn of(handle: &Handle) -> Result<Self, Error> {
        Self::read(&handle.0).ok_or_else(|| {
            let text = format!("{handle:?} is not the handle of a container group of Azure");
            Error::new(ErrorKind::Store, text)
        })
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('|');
        let names: Vec<_> = parts.next()?.split('/').collect();
        let ["", "subscriptions", subscription, "resourceGroups", resource_group, rest @ ..] =
            names.as_slice()
        else {
            return None;
        };
        let ["providers", "Microsoft.ContainerInstance", "containerGroups", group] = rest else {
            return None;
        };
        let name = |text: &str| part(text).ok();
        let mut next = || parts.next().filter(|part| !part.is_empty());
        Some(Self {
            subscription: name(subscription)?,
            resource_group: name(resource_group)?,
            group: name(group)?,
            credentials: next().unwrap_or("default").to_owned(),
            endpoint: next().unwrap_or(ENDPOINT).to_owned(),
            poll: match next() {
                Some(poll) => Duration::from_millis(poll.strip_suffix("ms")?.parse().ok()?),
                None => POLL_USUAL,
            },
            is_kept: match next() {
                Some(KEPT) => true,
                Some(_) => return None,
                None => false,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "019d0000-0000-7000-8000-000000000001";

    fn usual() -> Place {
        Place {
            endpoint: ENDPOINT.to_owned(),
            credentials: "default".to_owned(),
            subscription: "s".to_owned(),
            resource_group: "g".to_owned(),
            group: format!("longshore-{RUN}"),
            poll: POLL_USUAL,
            is_kept: false,
        }
    }

    #[test]
    fn a_run_is_young_for_a_minute() {
        let run: RunId = RUN.parse().unwrap();
        let after = |seconds| run.ordered_at() + Duration::from_secs(seconds);
        assert!(usual().is_young(after(1)));
        assert!(!usual().is_young(after(61)));
        let other = Place { group: "x".to_owned(), ..usual() };
        assert!(!other.is_young(after(0)));
    }

    #[test]
    fn a_handle_says_where_the_group_is() {
        let id = format!(
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerInstance/containerGroups/longshore-{RUN}"
        );
        assert_eq!(usual().handle().0, id);
        let kept = Place { is_kept: true, ..usual() };
        assert_eq!(kept.handle().0, format!("{id}||||kept"));
        let often = Place { poll: Duration::from_secs(1), ..kept.clone() };
        let elsewhere = Place { endpoint: "http://127.0.0.1:1".to_owned(), ..usual() };
        let named = Place { credentials: "managed-identity:0".to_owned(), ..usual() };
        for place in [usual(), kept, often, elsewhere, named] {
            assert_eq!(Place::of(&place.handle()).unwrap(), place);
        }
        for bad in [
            "nonsense".to_owned(),
            "/subscriptions/s/resourceGroups/g".to_owned(),
            format!("{id}/containers/x"),
            format!("{id}|||x"),
            format!("{id}||||x"),
            id.replace(&format!("longshore-{RUN}"), ".."),
            id.replace("/g/", "//"),
        ] {
            assert!(Place::of(&Handle(bad.clone())).is_err(), "{bad}");
        }
    }
}
