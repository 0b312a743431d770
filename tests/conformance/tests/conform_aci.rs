//! What every launcher must do, asked of Azure Container Instances; and what only they can have happen.

use longshore_conformance::aci::{Subscription, stand};
use longshore_protocol::state::JobState;

longshore_conformance::conformance!(stand(&[]));

#[tokio::test]
async fn an_image_that_cannot_be_read_is_given_up_with_what_azure_says() {
    let subscription = Subscription::new();
    subscription.azure.set(&serde_json::json!({ "cannot_pull": true }));
    let stand = subscription.stand(&[("task_start_timeout_seconds", "2")]);
    let plan = stand.launched("exit 0").await;
    assert_eq!(stand.state(&plan.handle).await, JobState::Pending);
    let (code, reason) = stand.until_over(&plan.handle).await;
    assert_eq!(code, None);
    let start =
        "it has not started within 2 s (task_start_timeout_seconds): Azure cannot read the image: ";
    assert!(reason.starts_with(start), "{reason}");
    // What goes on trying is ended by removing it.
    stand.cleanup(&plan.handle).await;
    stand.is_removed(&plan.handle).await;
}

#[tokio::test]
async fn a_group_that_is_kept_stays_until_it_is_removed() {
    let stand = stand(&[("keep_container_group", "true")]);
    let plan = stand.launched("exit 0").await;
    stand.until_over(&plan.handle).await;
    stand.launcher.finish(&plan.handle).await.expect("it is left alone");
    assert_eq!(stand.hands.count(&plan.handle), 1);
    stand.cleanup(&plan.handle).await;
    stand.is_removed(&plan.handle).await;
}
