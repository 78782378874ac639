//! Which channels a device shall have, and what is to be done so that it has each of them once.

use agog_jdf::jmf::{
    NotificationFilter, QueryContent, QueueFilter, ResourceQuParams, StatusQuParams,
    StopPersistentChannel, SubscriptionInfo,
};
use agog_jdf::{DeviceDetails, JobDetails};
use rust_decimal::Decimal;

use super::record::Record;

/// The channels that every device is asked for.
pub(super) fn wanted() -> [QueryContent; 4] {
    [
        status(),
        QueryContent::Resource(ResourceQuParams {
            classes: vec!["Consumable".to_owned(), "Quantity".to_owned()],
            ..ResourceQuParams::default()
        }),
        QueryContent::QueueStatus(QueueFilter::default()),
        QueryContent::Notification(NotificationFilter::default()),
    ]
}

/// Status with the states of the modules, the phases of jobs and the people.
pub(super) fn status() -> QueryContent {
    QueryContent::Status(StatusQuParams {
        device_details: Some(DeviceDetails::Modules),
        job_details: Some(JobDetails::Brief),
        employee_info: true,
        ..StatusQuParams::default()
    })
}

/// What is to be done with the channels of a device.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Type, id and mode of channels that are there and stay.
    pub(super) keep: Vec<(String, String, String)>,
    pub(super) stop: Vec<StopPersistentChannel>,
    /// Channels to be asked for, and under which id.
    pub(super) open: Vec<(QueryContent, String)>,
}

/// Compares what the device says it has with what it shall have; `listed` is none when it cannot
/// say it. `fresh`: what is there was asked for otherwise, and is replaced.
///
/// A channel that is not listed is asked for under the id that it had: a device that has it all
/// the same can then see the repetition.
pub(super) fn plan(
    listed: Option<&[SubscriptionInfo]>,
    record: &Record,
    fresh: bool,
    mut new_id: impl FnMut() -> String,
) -> Plan {
    let mut plan = Plan::default();
    for content in wanted() {
        let kind = content.type_name().to_owned();
        let own: Vec<_> = listed
            .unwrap_or_default()
            .iter()
            .filter(|info| is_own(info, &kind, record))
            .collect();
        if let Some(kept) = single(&own, &kind, record, fresh, &mut plan.stop) {
            let id = kept.channel_id.as_deref().or(record.channel_id(&kind));
            let mode = kept.subscription.channel_mode.as_ref();
            plan.keep.push((
                kind,
                id.unwrap_or_default().to_owned(),
                mode.map_or_else(|| FIRE_AND_FORGET.to_owned(), ToString::to_string),
            ));
            continue;
        }
        let known = record.channel_id(&kind).filter(|_| own.is_empty());
        let id = known.map_or_else(&mut new_id, str::to_owned);
        plan.open.push((content, id));
    }
    plan
}

/// The mode of a channel of which nothing else is said.
pub(super) const FIRE_AND_FORGET: &str = "FireAndForget";

/// The one channel of a type that stays; every other one is to be stopped.
fn single<'i>(
    own: &[&'i SubscriptionInfo],
    kind: &str,
    record: &Record,
    fresh: bool,
    stop: &mut Vec<StopPersistentChannel>,
) -> Option<&'i SubscriptionInfo> {
    let fits = |info: &&&SubscriptionInfo| !fresh && beats_right(info, kind, record);
    let known = record.channel_id(kind);
    let kept = own
        .iter()
        .filter(|info| known.is_some() && info.channel_id.as_deref() == known)
        .find(fits)
        .or_else(|| own.iter().rfind(fits))
        .copied();
    let others: Vec<_> = own
        .iter()
        .filter(|info| kept.is_none_or(|kept| !std::ptr::eq(kept, **info)))
        .collect();
    let kept_id = kept.and_then(|kept| kept.channel_id.as_deref());
    let can_be_told_apart = others.iter().all(|info| {
        let id = info.channel_id.as_deref();
        id.is_some() && id != kept_id
    });
    let channel = |channel_id: Option<String>| StopPersistentChannel {
        url: record.jmf_url.clone(),
        channel_id,
        message_type: Some(kind.to_owned()),
        ..StopPersistentChannel::default()
    };
    if can_be_told_apart {
        stop.extend(others.iter().map(|info| channel(info.channel_id.clone())));
        return kept;
    }
    // All of the type go, and one is opened anew.
    stop.push(channel(None));
    None
}

/// By its URL, or by its id where the device writes the URL in another way.
fn is_own(info: &SubscriptionInfo, kind: &str, record: &Record) -> bool {
    let is_known =
        info.channel_id.is_some() && info.channel_id.as_deref() == record.channel_id(kind);
    let is_ours = info.subscription.url.as_deref() == Some(record.jmf_url.as_str());
    match info.message_type.as_deref() {
        Some(named) => named == kind && (is_ours || is_known),
        None => is_known,
    }
}

/// Only the heartbeat of Status matters; devices round the others as they like.
fn beats_right(info: &SubscriptionInfo, kind: &str, record: &Record) -> bool {
    let wanted = Decimal::from(record.profile.heartbeat_s);
    kind != "Status"
        || info
            .subscription
            .repeat_time
            .is_none_or(|beat| beat == wanted)
}

#[cfg(test)]
mod tests {
    use agog_jdf::jmf::Subscription;

    use super::*;

    const OURS: &str = "http://agent/jmf";

    fn record() -> Record {
        let device = toml::from_str("id = \"press-3\"\nurl = \"http://press/jmf\"").unwrap();
        let mut record = Record::new(&device, OURS);
        record.channels = ["Status", "Resource", "QueueStatus", "Notification"]
            .map(|kind| (kind.to_owned(), format!("M-{kind}")))
            .to_vec();
        record
    }

    fn channel(kind: &str, id: Option<&str>, url: &str) -> SubscriptionInfo {
        SubscriptionInfo {
            channel_id: id.map(str::to_owned),
            message_type: Some(kind.to_owned()),
            subscription: Subscription::to(url).every_seconds(10),
            ..SubscriptionInfo::default()
        }
    }

    fn all() -> Vec<SubscriptionInfo> {
        let record = record();
        let channels = record.channels.iter();
        channels
            .map(|(kind, id)| channel(kind, Some(id), OURS))
            .collect()
    }

    fn planned(listed: Option<&[SubscriptionInfo]>) -> Plan {
        plan(listed, &record(), false, || "NEW".to_owned())
    }

    fn opened(plan: &Plan) -> Vec<(&str, &str)> {
        let open = plan.open.iter();
        open.map(|(content, id)| (content.type_name(), id.as_str()))
            .collect()
    }

    fn stopped(plan: &Plan) -> Vec<Option<&str>> {
        let stop = plan.stop.iter();
        stop.map(|stop| stop.channel_id.as_deref()).collect()
    }

    #[test]
    fn channels_that_are_there_are_taken_up_again() {
        let plan = planned(Some(&all()));
        assert_eq!(plan.keep.len(), 4);
        assert!(plan.stop.is_empty() && plan.open.is_empty());
    }

    #[test]
    fn a_lost_channel_is_opened_under_the_id_it_had() {
        let mut listed = all();
        listed.retain(|info| info.message_type.as_deref() != Some("Resource"));
        listed.push(channel("Resource", Some("X"), "http://other-mis/jmf"));
        let plan = planned(Some(&listed));
        assert_eq!(opened(&plan), [("Resource", "M-Resource")]);
        assert!(plan.stop.is_empty(), "what belongs to others stays");
    }

    #[test]
    fn of_doubled_channels_the_known_one_stays() {
        let mut listed = all();
        listed.push(channel("Status", Some("OLD-1"), OURS));
        let plan = planned(Some(&listed));
        assert_eq!(stopped(&plan), [Some("OLD-1")]);
        assert!(plan.open.is_empty());
    }

    #[test]
    fn doubled_channels_that_cannot_be_told_apart_are_all_replaced() {
        let mut listed = all();
        listed.push(channel("Status", None, OURS));
        let plan = planned(Some(&listed));
        assert_eq!(stopped(&plan), [None]);
        assert_eq!(plan.stop[0].message_type.as_deref(), Some("Status"));
        assert_eq!(opened(&plan), [("Status", "NEW")]);
    }

    #[test]
    fn a_status_channel_with_another_heartbeat_is_replaced() {
        let mut listed = all();
        listed[0].subscription.repeat_time = Some(60.into());
        let plan = planned(Some(&listed));
        assert_eq!(stopped(&plan), [Some("M-Status")]);
        assert_eq!(opened(&plan), [("Status", "NEW")]);
    }

    #[test]
    fn channels_that_were_asked_for_otherwise_are_replaced() {
        let plan = plan(Some(&all()), &record(), true, || "NEW".to_owned());
        assert_eq!(plan.stop.len(), 4);
        assert_eq!(opened(&plan)[0], ("Status", "NEW"));
        assert!(plan.keep.is_empty());
    }

    #[test]
    fn a_channel_is_known_by_its_id_where_its_url_is_written_in_another_way() {
        let mut listed = all();
        listed[0].subscription.url = Some("HTTP://AGENT:80/jmf".to_owned());
        assert_eq!(planned(Some(&listed)).keep.len(), 4);
    }

    #[test]
    fn a_device_that_lists_nothing_is_asked_under_the_ids_it_may_know() {
        let plan = planned(None);
        assert_eq!(opened(&plan)[0], ("Status", "M-Status"));
        assert_eq!(plan.open.len(), 4);
    }
}
