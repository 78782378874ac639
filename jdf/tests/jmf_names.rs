//! The closed lists of JMF 1.5 as controllers and devices know them: every return code has its name, every state set
//! has its values, no more and no less, and what is in no list is kept.

use agog_jdf::jmf::ReturnCode;
use agog_jdf::{
    AcknowledgeType, ChannelMode, DeviceCondition, DeviceDetails, DeviceOperationMode,
    DeviceStatus, EndStatus, GangPolicy, JobDetails, MilestoneType, NodeStatus, QueueEntryDetails,
    QueueEntryStatus, QueueStatus, ResourceLevel, ResourceStatus, RetryPolicy, UpdateGranularity,
    UpdateMethod,
};

#[test]
fn every_return_code_of_the_specification_has_its_name() {
    let known: Vec<i64> = ReturnCode::KNOWN.iter().map(|code| code.number()).collect();
    let protocol = 0..=13;
    let devices_and_jobs = (100..=116).chain([120, 121, 130, 131]);
    let pipes_and_security = (200..=204).chain(300..=307);
    let expected = protocol.chain(devices_and_jobs).chain(pipes_and_security);
    assert_eq!(known, expected.collect::<Vec<i64>>());
    assert!(
        ReturnCode::KNOWN
            .iter()
            .all(|code| code.meaning().is_some())
    );
}

#[test]
fn the_code_of_a_repeated_subscription_is_known_though_no_table_has_it() {
    let code = ReturnCode::SUBSCRIPTION_EXISTS;
    assert_eq!(code.to_string(), "14 (the subscription exists already)");
    assert!(code.is_processed() && !ReturnCode::KNOWN.contains(&code));
    assert!(!ReturnCode::RELIABLE_NOT_SUPPORTED.is_processed());
    assert_eq!(ReturnCode(501).to_string(), "501 (unknown code)");
}

/// That a set has these values and that anything else is kept as it came.
macro_rules! assert_set {
    ($($set:ident $values:literal;)+) => { $(
        let known: Vec<&str> = $set::KNOWN.iter().map($set::as_str).collect();
        assert_eq!(known.join(" "), $values, stringify!($set));
        assert!($set::KNOWN.iter().all(|value| $set::from(value.as_str()) == *value));
        assert_eq!($set::from("v:Own"), $set::Other("v:Own".to_owned()));
    )+ };
}

#[test]
fn every_state_set_is_complete_and_open() {
    assert_set! {
        QueueEntryStatus "Running Waiting Held Removed Suspended PendingReturn Completed Aborted";
        QueueStatus "Blocked Closed Full Running Waiting Held";
        NodeStatus "Waiting TestRunInProgress Ready FailedTestRun Setup InProgress Cleanup Spawned Suspended Stopped Completed Aborted Part Pool";
        DeviceStatus "Unknown Idle Down Setup Running Cleanup Stopped";
        DeviceCondition "OK NeedsAttention Failure OffLine";
        DeviceOperationMode "Productive NonProductive Maintenance";
        ResourceStatus "Incomplete Rejected Unavailable InUse Draft Complete Available";
        EndStatus "Aborted Completed FailedTestRun Ready Stopped";
        ChannelMode "FireAndForget Reliable";
        RetryPolicy "DiscardAtNextSignal RetryForever";
        AcknowledgeType "Received Applied Completed";
        QueueEntryDetails "None Brief JobPhase JDF";
        UpdateGranularity "All ChangesOnly";
        GangPolicy "Gang GangAndForce NoGang";
        DeviceDetails "None Brief Modules Details NamedFeature Capability Full";
        JobDetails "None MIS Brief Full";
        UpdateMethod "Complete Incremental Remove";
        ResourceLevel "Empty Low OK";
        MilestoneType "PrePressCompleted PressCompleted PostPressCompleted ShippingCompleted JobCompletedSuccessfully";
    }
}
