//! Channels that an MIS opens at the agent: reliable, in order, over outages and restarts.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use agog_edge::ledger::Reader;
use agog_jdf::jmf::{Message, ReturnCode};

use crate::desk::{Desk, NEAR, PRESS, document};
use crate::mis::{Came, Mis, Mood, told_status};
use crate::ports::anywhere;
use crate::support::until;

fn config() -> String {
    format!("{NEAR}{PRESS}")
}

fn subscribe(id: &str, kind: &str, address: SocketAddr, more: &str) -> String {
    format!(
        "<Query ID=\"{id}\" Type=\"{kind}\"><Subscription URL=\"http://{address}/jmf\" {more}/></Query>"
    )
}

/// The messages in the order in which each came first.
fn first_seen(mis: &Mis) -> Vec<Message> {
    let mut seen: Vec<Message> = Vec::new();
    for came in mis.came() {
        match seen.iter().find(|known| known.id == came.message.id) {
            // A repeat is word for word the same; only its place in the document may differ.
            Some(known) => {
                assert_eq!(known.body, came.message.body);
                assert_eq!(
                    (known.time, &known.ref_id),
                    (came.message.time, &came.message.ref_id)
                );
            }
            None => seen.push(came.message),
        }
    }
    seen
}

fn statuses(messages: &[Message]) -> Vec<String> {
    messages.iter().filter_map(told_status).collect()
}

#[tokio::test]
async fn every_event_is_signalled_in_order_though_the_subscriber_is_away_busy_and_forgetful() {
    let (mis, address) = (Mis::new(), anywhere());
    let desk = Desk::new(&config());
    let query = subscribe("Q1", "Status", address, "ChannelMode=\"Reliable\"");
    let answer = desk.ask_one(&query).await;
    assert_eq!(answer.return_code, ReturnCode::SUCCESS);
    assert_eq!(answer.subscribed, Some(true));

    // Away: nobody listens.
    desk.press_says(1, "Idle").await;
    desk.press_says(2, "Setup").await;
    // There, and its answers get lost.
    mis.set(Mood::LosesAnswers);
    let online = mis.online(address);
    until("signals came and were not answered", || async {
        (mis.came().len() >= 2).then_some(())
    })
    .await;
    desk.press_says(3, "Running").await;
    // The agent is restarted with unanswered signals, and the subscriber is busy then.
    let folder = desk.close().await;
    mis.set(Mood::Says(ReturnCode::SERVICE_BUSY));
    let desk = Desk::open(folder, &config());
    until("the busy subscriber was asked", || async {
        let busy = Mood::Says(ReturnCode::SERVICE_BUSY);
        mis.came()
            .iter()
            .any(|came| came.mood == busy)
            .then_some(())
    })
    .await;
    desk.press_says(4, "Stopped").await;
    mis.set(Mood::Answers);
    let told = until("everything is told", || async {
        let seen = first_seen(&mis);
        (seen.len() == 4).then_some(seen)
    })
    .await;
    assert_eq!(statuses(&told), ["Idle", "Setup", "Running", "Stopped"]);
    assert!(
        told.iter()
            .all(|signal| signal.ref_id.as_deref() == Some("Q1"))
    );

    // What was answered is not sent again.
    desk.press_says(5, "Idle").await;
    until("the newest is answered", || async {
        (first_seen(&mis).len() == 5).then_some(())
    })
    .await;
    let mut answered: BTreeMap<String, usize> = BTreeMap::new();
    for came in mis.came() {
        if came.mood == Mood::Answers {
            *answered.entry(came.message.id).or_default() += 1;
        }
    }
    assert!(answered.values().all(|times| *times == 1), "{answered:?}");
    online.off().await;
    desk.close().await;
}

#[tokio::test]
async fn a_channel_that_discards_tells_the_newest_and_not_what_was_missed() {
    let (mis, address) = (Mis::new(), anywhere());
    let desk = Desk::new(&config());
    let policy = "ChannelMode=\"Reliable\" RetryPolicy=\"DiscardAtNextSignal\"";
    desk.ask_one(&subscribe("Q1", "Status", address, policy))
        .await;
    for (id, status) in [(1, "Idle"), (2, "Setup"), (3, "Running")] {
        desk.press_says(id, status).await;
    }
    // Each try against nobody gives up one that has a newer one after it.
    until("only the newest waits", || async {
        let channels = desk.test.agent.ledger.read(Reader::channels);
        let position = channels.await.unwrap()[0].position;
        let page = desk
            .test
            .agent
            .ledger
            .read(move |reader| reader.events_after(position, 10));
        (page.await.unwrap().events.len() == 1).then_some(())
    })
    .await;
    let _online = mis.online(address);
    let told = until("the newest is told", || async {
        let seen = first_seen(&mis);
        (!seen.is_empty()).then_some(seen)
    })
    .await;
    assert_eq!(statuses(&told), ["Running"]);
    desk.close().await;
}

#[tokio::test]
async fn the_heartbeat_keeps_to_its_second_and_says_that_nothing_happened() {
    let (mis, address) = (Mis::new(), anywhere());
    let _online = mis.online(address);
    let desk = Desk::new(&config());
    desk.press_says(1, "Idle").await;
    desk.ask_one(&subscribe("Q1", "Status", address, "RepeatTime=\"1\""))
        .await;
    let beats = until("four beats came", || async {
        let came = mis.came();
        (came.len() >= 4).then_some(came)
    })
    .await;
    for (number, beat) in beats.iter().enumerate() {
        let due = Duration::from_secs(number as u64);
        let since = beat.at - beats[0].at;
        assert!(
            since.abs_diff(due) < Duration::from_millis(400),
            "{number}: {since:?}"
        );
        assert_eq!(told_status(&beat.message).as_deref(), Some("Idle"));
    }
    desk.close().await;
}

#[tokio::test]
async fn a_step_of_the_amount_is_told_when_it_is_passed_and_what_is_not_kept_is_warned_of() {
    let (mis, address) = (Mis::new(), anywhere());
    let _online = mis.online(address);
    let desk = Desk::new(&config());
    let amount = |id: u32, amount: u32| {
        let (minute, second) = (id / 60, id % 60);
        document(
            "press-3",
            &format!(
                "<Signal ID=\"P{id}\" Type=\"Status\" Time=\"2026-01-05T10:{minute:02}:{second:02}Z\"><StatusQuParams/>\
                 <DeviceInfo DeviceID=\"press-3\" DeviceStatus=\"Running\"><JobPhase JobID=\"J\" \
                 Status=\"InProgress\" Amount=\"{amount}\"/></DeviceInfo></Signal>"
            ),
        )
    };
    let near = [127, 0, 0, 1].into();
    desk.ask_from(near, &amount(1, 10)).await;
    let query = subscribe("Q1", "Status", address, "RepeatStep=\"100\"");
    let answer = desk.ask_one(&query).await;
    assert_eq!(answer.return_code, ReturnCode::SUCCESS);
    assert!(answer.notifications.is_empty(), "{}", answer.reason());
    let mut made = 10;
    let mut id = 1;
    // The first look may come after the first amounts.
    let signal = until("a step is told", || {
        (made, id) = (made + 60, id + 1);
        let message = amount(id, made);
        let (desk, mis) = (&desk, &mis);
        async move {
            desk.ask_from(near, &message).await;
            let is_step = |came: &crate::mis::Came| match &came.message.body {
                agog_jdf::jmf::Body::Signal(signal) => {
                    let trigger = signal.trigger.as_ref();
                    trigger.is_some_and(|it| it.repeat_step == Some(100))
                }
                _ => false,
            };
            mis.came().into_iter().find(is_step)
        }
    })
    .await;
    assert_eq!(signal.message.ref_id.as_deref(), Some("Q1"));

    let fast = subscribe("Q2", "Status", address, "RepeatStep=\"0\"");
    let answer = desk.ask_one(&fast).await;
    assert_eq!(answer.return_code, ReturnCode::INVALID_PARAMETERS);
    let queue = subscribe("Q3", "QueueStatus", address, "RepeatStep=\"100\"");
    let observed = subscribe("Q4", "Status", address, "").replace(
        "/></Query>",
        "><ObservationTarget ObservationPath=\"DeviceInfo/@Speed\"/></Subscription></Query>",
    );
    for (query, what) in [(queue, "RepeatStep"), (observed, "ObservationTarget")] {
        let answer = desk.ask_one(&query).await;
        assert_eq!(
            answer.return_code,
            ReturnCode::SUCCESS,
            "{}",
            answer.reason()
        );
        assert_eq!(answer.subscribed, Some(true));
        assert!(answer.reason().starts_with(what), "{}", answer.reason());
    }
    desk.close().await;
}

#[tokio::test]
async fn the_same_subscription_is_kept_once_and_stopped_by_its_filters() {
    let desk = Desk::new(&config());
    let address = anywhere();
    let queue = subscribe("Q1", "QueueStatus", address, "");
    assert_eq!(desk.ask_one(&queue).await.return_code, ReturnCode::SUCCESS);
    let again = subscribe("Q2", "QueueStatus", address, "");
    let answer = desk.ask_one(&again).await;
    assert_eq!(answer.return_code, ReturnCode::SUBSCRIPTION_EXISTS);
    desk.ask_one(&subscribe("Q3", "Status", address, "RepeatTime=\"10\""))
        .await;
    let known = desk
        .ask_one("<Query ID=\"K\" Type=\"KnownSubscriptions\"/>")
        .await;
    let listed: Vec<_> = known
        .subscriptions
        .iter()
        .map(|info| {
            (
                info.channel_id.clone().unwrap(),
                info.message_type.clone().unwrap(),
            )
        })
        .collect();
    let named = |id: &str, kind: &str| (id.to_owned(), kind.to_owned());
    assert_eq!(listed, [named("Q2", "QueueStatus"), named("Q3", "Status")]);

    let stop = format!(
        "<Command ID=\"C\" Type=\"StopPersistentChannel\"><StopPersChParams \
         URL=\"http://{address}/jmf\" MessageType=\"Status\"/></Command>"
    );
    assert_eq!(desk.ask_one(&stop).await.return_code, ReturnCode::SUCCESS);
    assert_eq!(desk.ask_one(&stop).await.return_code, ReturnCode::SUCCESS);
    let known = desk
        .ask_one("<Query ID=\"K\" Type=\"KnownSubscriptions\"/>")
        .await;
    assert_eq!(known.subscriptions.len(), 1);
    let stop = "<Command ID=\"C\" Type=\"StopPersistentChannel\"><StopPersChParams/></Command>";
    let answer = desk.ask_one(stop).await;
    assert_eq!(answer.return_code, ReturnCode::INSUFFICIENT_PARAMETERS);
    desk.close().await;
}

#[tokio::test]
async fn subscriptions_that_cannot_be_are_refused_with_their_reason() {
    let desk = Desk::new(PRESS);
    let to = |url: &str, more: &str| {
        format!("<Query ID=\"Q\" Type=\"Status\"><Subscription URL=\"{url}\" {more}/></Query>")
    };
    let refused = |message: String| {
        let desk = &desk;
        async move {
            let xml = document("mis", &message);
            let mut answers = desk.ask_from([192, 168, 10, 7].into(), &xml).await;
            answers.pop().unwrap().return_code
        }
    };
    for url in [
        "http://127.0.0.1:80/jmf",
        "http://169.254.169.254/latest",
        "http://10.9.9.9/jmf",
        "file:///etc/passwd",
        "nonsense",
    ] {
        let code = refused(to(url, "")).await;
        assert_eq!(code, ReturnCode::SUBSCRIPTION_DENIED, "{url}");
    }
    let own = "http://192.168.10.7:9000/jmf";
    assert_eq!(
        refused(to("", "")).await,
        ReturnCode::INSUFFICIENT_PARAMETERS
    );
    let fast = refused(to(own, "RepeatTime=\"0.1\"")).await;
    assert_eq!(fast, ReturnCode::INVALID_PARAMETERS);
    let other =
        format!("<Query ID=\"Q\" Type=\"KnownMessages\"><Subscription URL=\"{own}\"/></Query>");
    assert_eq!(refused(other).await, ReturnCode::SUBSCRIPTION_DENIED);
    assert_eq!(refused(to(own, "")).await, ReturnCode::SUCCESS);
    desk.close().await;
}

#[tokio::test]
async fn the_heartbeat_overtakes_no_signal_that_waits_for_its_time() {
    let (mis, address) = (Mis::new(), anywhere());
    let _online = mis.online(address);
    let desk = Desk::new(&config());
    let slowly = "RepeatTime=\"1\" MinDelayTime=\"PT1.5S\"";
    desk.ask_one(&subscribe("Q1", "Status", address, slowly))
        .await;
    desk.press_says(1, "Idle").await;
    until("the first signal came", || async {
        (!mis.came().is_empty()).then_some(())
    })
    .await;
    desk.press_says(2, "Running").await;
    let told = until("four signals came", || async {
        let came = mis.came();
        (came.len() >= 4).then_some(came)
    })
    .await;
    let is_beat = |came: &Came| came.message.id.starts_with('H');
    let beats: Vec<bool> = told.iter().map(is_beat).collect();
    assert_eq!(beats[..4], [false, false, true, true], "{told:?}");
    for pair in told.windows(2) {
        let apart = pair[1].at - pair[0].at;
        assert!(apart >= Duration::from_millis(1_400), "{apart:?}");
    }
    desk.close().await;
}
