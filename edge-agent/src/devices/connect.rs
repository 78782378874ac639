//! The conversation with one device: who it is and what it can do, its channels opened, verified
//! and brought to one of each.

use agog_jdf::jmf::{
    Command, DeviceFilter, KnownMsgQuParams, Message, Query, QueryContent, QueueFilter, Response,
    ReturnCode, StopPersistentChannel, Subscription, SubscriptionFilter, SubscriptionInfo,
};
use agog_jdf::{ChannelMode, DeviceDetails, RetryPolicy};
use jiff::Timestamp;
use tracing::{debug, info, warn};

use super::channels::{self, FIRE_AND_FORGET, Plan};
use super::client::{Answers, DeviceError};
use super::introduction::{Introduction, capability, own};
use super::picture::ChannelState;
use super::profile::Profile;
use super::record::{CAPABILITY_BYTES_MAX, Record};
use super::watch::Watch;
use crate::config::DeviceConfig;
use crate::floor::{self, Content, Report, ToldQueue, believed};
use crate::ledger::InboxKey;

/// Whether the device can be believed when it says which channels it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listing {
    /// As far as is known.
    Believed,
    /// It took a subscription and did not list it.
    Wrong,
}

/// What a look at a connected device showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Good,
    /// Channels are missing or doubled.
    Renew,
}

/// One device and what was agreed with it; lives as long as the agent runs.
pub(super) struct Session<'w> {
    watch: &'w Watch,
    device: &'w DeviceConfig,
    pub(super) profile: Profile,
    record: Record,
    channels: Vec<ChannelState>,
    /// It answered 13 to a reliable channel; not asked again until it was away.
    no_reliable: bool,
    listing: Listing,
    /// The configuration asks for other channels than before: those that are there are replaced.
    fresh: bool,
    /// What is odd about it, however well it answers.
    odd: Option<String>,
}

/// The answers to questions.
struct Told {
    /// By the device's clock.
    told_at: Option<Timestamp>,
    /// With the types of the questions; none where one was left unanswered.
    answers: Vec<(String, Option<Response>)>,
}

impl<'w> Session<'w> {
    pub(super) fn new(watch: &'w Watch, device: &'w DeviceConfig, known: Option<Record>) -> Self {
        let mut record = known.unwrap_or_else(|| Record::new(device, &watch.jmf_url));
        let profile = device.profile();
        let before = std::mem::replace(&mut record.profile, profile.clone());
        let fresh =
            before.reliable != profile.reliable || before.heartbeat_s != profile.heartbeat_s;
        let introduction = record.introduction.clone();
        let key = record.key();
        watch.picture().change(&device.id, |state| {
            state.introduction = introduction;
            state.record = Some(key);
        });
        Self {
            watch,
            device,
            profile,
            record,
            channels: Vec::new(),
            no_reliable: false,
            listing: Listing::Believed,
            fresh,
            odd: None,
        }
    }

    /// It was away: another machine or another version may come back.
    pub(super) fn forget(&mut self) {
        self.no_reliable = false;
        self.listing = Listing::Believed;
    }

    /// Asks the device who it is and sees to its channels.
    pub(super) async fn connect(&mut self) -> Result<(), DeviceError> {
        let introduced = self
            .ask(vec![
                QueryContent::KnownMessages(KnownMsgQuParams {
                    list_commands: Some(true),
                    list_queries: Some(true),
                    list_registrations: Some(true),
                    list_signals: Some(true),
                    ..KnownMsgQuParams::default()
                }),
                QueryContent::KnownDevices(DeviceFilter::details(DeviceDetails::Capability)),
                QueryContent::SubmissionMethods,
                known_subscriptions(),
                channels::status(),
                QueryContent::QueueStatus(QueueFilter::default()),
            ])
            .await?;
        self.introduce(&introduced.answers).await;
        let listed = listed(&introduced.answers).filter(|_| self.listing == Listing::Believed);
        let plan = self.plan(listed, self.fresh);
        self.channels = plan
            .keep
            .iter()
            .map(|(kind, id, mode)| self.channel(kind, id, mode, None))
            .collect();
        let kept = plan
            .keep
            .iter()
            .map(|(kind, id, _)| (kind.clone(), id.clone()));
        let open = plan
            .open
            .iter()
            .map(|(content, id)| (content.type_name().to_owned(), id.clone()));
        self.record.channels = kept.chain(open).collect();
        // Before anything is asked for: a channel that nobody remembers is never stopped.
        self.save().await;
        self.stop(plan.stop).await?;
        if plan.open.is_empty() {
            self.verified(listed.unwrap_or_default());
        } else {
            self.open(plan.open).await?;
            if listed.is_some() {
                self.check_listing().await?;
            }
        }
        self.fresh = false;
        self.show();
        Ok(())
    }

    /// Asks a connected device for its channels, state and queue. `is_silent`: nothing came from it,
    /// so that what it answers is recorded as if it had signalled it.
    pub(super) async fn look(&mut self, is_silent: bool) -> Result<Look, DeviceError> {
        let told = self
            .ask(vec![
                known_subscriptions(),
                channels::status(),
                QueryContent::QueueStatus(QueueFilter::default()),
            ])
            .await?;
        if is_silent || !self.is_active("Status") {
            self.report(&told).await;
        }
        let Some(listed) = listed(&told.answers) else {
            // It cannot say what it has; silence is then the only sign.
            return Ok(self.silent_look(is_silent));
        };
        if self.listing == Listing::Wrong {
            return Ok(self.silent_look(is_silent));
        }
        self.verified(listed);
        let plan = self.plan(Some(listed), false);
        let lost = plan
            .open
            .iter()
            .any(|(content, _)| self.is_active(content.type_name()));
        self.show();
        Ok(if lost || !plan.stop.is_empty() {
            Look::Renew
        } else {
            if is_silent && self.is_active("Status") {
                let url = &self.watch.jmf_url;
                let text = format!("answers, but sends nothing; can it reach {url}?");
                self.watch.fault(self.device, &text);
            }
            Look::Good
        })
    }

    fn silent_look(&self, is_silent: bool) -> Look {
        if is_silent && self.is_active("Status") {
            Look::Renew
        } else {
            Look::Good
        }
    }

    async fn ask(&self, questions: Vec<QueryContent>) -> Result<Told, DeviceError> {
        let messages: Vec<Message> = questions
            .into_iter()
            .map(|content| Message::query(self.watch.client.message_id(), Query::once(content)))
            .collect();
        let kinds: Vec<String> = messages.iter().map(|m| m.kind.clone()).collect();
        let answers = self.watch.client.ask(self.device, messages).await?;
        let Answers { told_at, responses } = answers;
        if responses.iter().all(Option::is_none) {
            return Err(DeviceError::Unanswered {
                url: self.device.url.clone(),
                kind: kinds.join(", "),
            });
        }
        let now = self.watch.agent.clock.now();
        self.watch.contacts.heard(&self.device.id);
        let picture = self.watch.picture();
        picture.change(&self.device.id, |state| {
            state.reachable = true;
            state.last_answer_at = Some(now);
            state.last_failure.clone_from(&self.odd);
        });
        self.watch.agent.health.device(&self.device.id, |health| {
            health.in_contact = true;
            health.last_seen = Some(now);
            health.last_failure.clone_from(&self.odd);
        });
        let at = believed(told_at, now);
        for (kind, answer) in kinds.iter().zip(&responses) {
            if let Some(answer) = answer {
                picture.answer(&self.device.id, answer, is_queue(kind), at, now);
            }
        }
        if let Some(status) = picture.of(&self.device.id).status {
            let health = &self.watch.agent.health;
            health.device(&self.device.id, |health| health.status = Some(status));
        }
        Ok(Told {
            told_at,
            answers: kinds.into_iter().zip(responses).collect(),
        })
    }

    async fn introduce(&mut self, answers: &[(String, Option<Response>)]) {
        let now = self.watch.agent.clock.now();
        let told = Introduction::read(&self.device.id, answers, now);
        let devices = answers.iter().filter(|(kind, _)| kind == "KnownDevices");
        let devices: Vec<_> = devices
            .filter_map(|(_, answer)| answer.as_ref())
            .flat_map(|answer| &answer.devices)
            .collect();
        self.odd = wrong_name(&self.device.id, devices.iter().filter_map(|info| info.id()));
        if let Some(odd) = &self.odd {
            self.watch.fault(self.device, odd);
        }
        let infos: Vec<_> = devices.into_iter().cloned().collect();
        if let Some(xml) = capability(&self.device.id, &infos) {
            if xml.len() > CAPABILITY_BYTES_MAX {
                warn!(
                    device.id = %self.device.id,
                    "device {} describes itself in {} bytes; more than {CAPABILITY_BYTES_MAX} are not kept",
                    self.device.id, xml.len()
                );
            } else if let Err(error) = self
                .watch
                .records
                .save_capability(&self.record.key(), xml)
                .await
            {
                self.not_saved(&error);
            }
        }
        self.record.introduction = told.clone();
        self.watch
            .picture()
            .change(&self.device.id, |state| state.introduction = told);
    }

    fn plan(&self, listed: Option<&[SubscriptionInfo]>, fresh: bool) -> Plan {
        channels::plan(listed, &self.record, fresh, || {
            self.watch.client.message_id()
        })
    }

    async fn stop(&self, channels: Vec<StopPersistentChannel>) -> Result<(), DeviceError> {
        if channels.is_empty() {
            return Ok(());
        }
        let count = channels.len();
        let stop = |params| {
            let id = self.watch.client.message_id();
            Message::command(id, Command::StopPersistentChannel(params))
        };
        let messages = channels.into_iter().map(stop).collect();
        let answers = self.watch.client.ask(self.device, messages).await?;
        let refused = answers
            .responses
            .iter()
            .flatten()
            .find(|answer| !answer.return_code.is_processed());
        info!(
            device.id = %self.device.id,
            "device {} had {count} channels too many; stopped{}",
            self.device.id,
            refused.map_or_else(String::new, |answer| format!(", but: {}", answer.reason()))
        );
        Ok(())
    }

    async fn open(&mut self, open: Vec<(QueryContent, String)>) -> Result<(), DeviceError> {
        let reliable = self.profile.reliable && !self.no_reliable;
        let mut again = Vec::new();
        let answers = self.subscribe(&open, reliable).await?;
        for ((content, id), answer) in open.into_iter().zip(answers) {
            let refuses_reliable = answer.as_ref().is_some_and(|answer| {
                reliable && answer.return_code == ReturnCode::RELIABLE_NOT_SUPPORTED
            });
            if refuses_reliable {
                again.push((content, self.watch.client.message_id()));
            } else {
                self.opened(content.type_name(), &id, reliable, answer.as_ref());
            }
        }
        if again.is_empty() {
            return Ok(());
        }
        self.no_reliable = true;
        info!(
            device.id = %self.device.id,
            "device {} has no reliable channels: fire-and-forget is used", self.device.id
        );
        for (content, new_id) in &again {
            let kind = content.type_name();
            let mut channels = self.record.channels.iter_mut();
            if let Some((_, id)) = channels.find(|(known, _)| known == kind) {
                id.clone_from(new_id);
            }
        }
        self.save().await;
        let answers = self.subscribe(&again, false).await?;
        for ((content, id), answer) in again.into_iter().zip(answers) {
            self.opened(content.type_name(), &id, false, answer.as_ref());
        }
        Ok(())
    }

    async fn subscribe(
        &self,
        open: &[(QueryContent, String)],
        reliable: bool,
    ) -> Result<Vec<Option<Response>>, DeviceError> {
        let message = |(content, id): &(QueryContent, String)| {
            let mut subscription =
                Subscription::to(&self.watch.jmf_url).every_seconds(self.profile.heartbeat_s);
            if reliable {
                subscription.channel_mode = Some(ChannelMode::Reliable);
                subscription.retry_policy = Some(RetryPolicy::RetryForever);
            }
            Message::query(id, Query::subscribe(content.clone(), subscription))
        };
        let messages = open.iter().map(message).collect();
        let answers = self.watch.client.ask(self.device, messages).await?;
        Ok(answers.responses)
    }

    fn opened(&mut self, kind: &str, id: &str, reliable: bool, answer: Option<&Response>) {
        let mode = if reliable {
            "Reliable"
        } else {
            FIRE_AND_FORGET
        };
        let refusal = match answer {
            None => Some("left unanswered".to_owned()),
            Some(answer) if answer.return_code.is_processed() => None,
            Some(answer) => Some(format!("{}: {}", answer.return_code, answer.reason())),
        };
        if let Some(refusal) = &refusal {
            // A device without, for example, Resource signals is still worth its Status.
            info!(
                device.id = %self.device.id,
                "device {} refuses a {kind} subscription: {refusal}", self.device.id
            );
        }
        let mut channel = self.channel(kind, id, mode, refusal);
        if channel.active && self.profile.reliable && !reliable {
            channel.detail = Some("the device has no reliable channels (13)".to_owned());
        }
        self.channels.push(channel);
    }

    fn channel(&self, kind: &str, id: &str, mode: &str, refusal: Option<String>) -> ChannelState {
        ChannelState {
            kind: kind.to_owned(),
            channel_id: id.to_owned(),
            mode: mode.to_owned(),
            active: refusal.is_none(),
            detail: refusal,
            heartbeat_s: self.profile.heartbeat_s,
            verified_at: None,
        }
    }

    /// A device that takes a subscription and does not list it cannot be verified.
    async fn check_listing(&mut self) -> Result<(), DeviceError> {
        let told = self.ask(vec![known_subscriptions()]).await?;
        let listed = listed(&told.answers).unwrap_or_default();
        self.verified(listed);
        let unlisted =
            |channel: &&mut ChannelState| channel.active && channel.verified_at.is_none();
        for channel in self.channels.iter_mut().filter(unlisted) {
            channel.detail = Some("taken, but not listed by the device".to_owned());
            self.listing = Listing::Wrong;
        }
        Ok(())
    }

    fn verified(&mut self, listed: &[SubscriptionInfo]) {
        let now = self.watch.agent.clock.now();
        let plan = self.plan(Some(listed), false);
        for channel in self.channels.iter_mut().filter(|channel| channel.active) {
            let mut kept = plan.keep.iter();
            if let Some((_, _, mode)) = kept.find(|(kind, ..)| *kind == channel.kind) {
                channel.verified_at = Some(now);
                if channel.mode != *mode {
                    channel.detail = Some(format!("the device lists it as {mode}"));
                }
            }
        }
    }

    fn is_active(&self, kind: &str) -> bool {
        let mut channels = self.channels.iter();
        channels.any(|channel| channel.active && channel.kind == kind)
    }

    fn show(&self) {
        let mut channels = self.channels.clone();
        let order = channels::wanted();
        channels.sort_by_key(|channel| order.iter().position(|c| c.type_name() == channel.kind));
        self.watch
            .picture()
            .change(&self.device.id, |state| state.subscriptions = channels);
    }

    /// What the device answered becomes facts, as its signals do.
    async fn report(&self, told: &Told) {
        let infos: Vec<_> = told
            .answers
            .iter()
            .filter_map(|(_, answer)| answer.as_ref())
            .flat_map(|answer| answer.devices.iter().cloned())
            .collect();
        let Some(info) = own(&self.device.id, &infos) else {
            return;
        };
        let mut answers = told.answers.iter();
        let queue = answers.find_map(|(kind, answer)| {
            let queue = answer.as_ref().filter(|_| is_queue(kind))?.queue.clone()?;
            Some(ToldQueue::listed(queue, &QueueFilter::default()))
        });
        let report = Report {
            key: InboxKey {
                sender: format!("jmf:{}", self.device.id),
                message_id: format!("answer {}", self.watch.client.message_id()),
            },
            device: self.device.id.clone(),
            at: told.told_at,
            told: floor::Told::Answer,
            content: Content::Status {
                devices: vec![(self.device.id.clone(), info.clone())],
                is_whole: true,
                queue,
            },
            notifications: Vec::new(),
        };
        let reported = self.watch.floor.report(report).await;
        let stored = match reported {
            Ok(reported) => reported.stored().await,
            Err(error) => Err(error),
        };
        if let Err(error) = stored {
            // It is asked again.
            debug!(
                error = &error as &dyn std::error::Error,
                "state of device {} not recorded", self.device.id
            );
        }
    }

    async fn save(&self) {
        if let Err(error) = self.watch.records.save(&self.record).await {
            self.not_saved(&error);
        }
    }

    /// Its signals matter more than the record; what is lost is that old channels are stopped.
    fn not_saved(&self, error: &std::io::Error) {
        warn!(
            error = error as &dyn std::error::Error,
            "what device {} told is not kept over a restart", self.device.id
        );
    }
}

/// Whether an answer of this type has the queue with all of its entries: it is asked for without a filter.
fn is_queue(kind: &str) -> bool {
    kind == "QueueStatus"
}

fn known_subscriptions() -> QueryContent {
    QueryContent::KnownSubscriptions(SubscriptionFilter::default())
}

/// What the device says it has; none when it cannot say.
fn listed(answers: &[(String, Option<Response>)]) -> Option<&[SubscriptionInfo]> {
    let mut answers = answers
        .iter()
        .filter(|(kind, _)| kind == "KnownSubscriptions");
    let answer = answers.find_map(|(_, answer)| answer.as_ref())?;
    answer
        .return_code
        .is_processed()
        .then_some(answer.subscriptions.as_slice())
}

/// A device that calls itself otherwise would send signals that nobody expects.
fn wrong_name<'n>(device: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    let names: Vec<&str> = names.collect();
    (!names.is_empty() && !names.contains(&device))
        .then(|| format!("calls itself {}, not {device}", names.join(", ")))
}
