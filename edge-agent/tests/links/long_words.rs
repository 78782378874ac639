//! Devices whose words have no end, or that turn an amount round: what of it becomes a fact.

use agog_edge::ledger::{AppendError, EVENT_BYTES_MAX, Fact, Refused, What};
use agog_edge::words::{MESSAGE_ID_BYTES_MAX, NAME_CHARS_MAX, WORDS_CHARS_MAX};
use agog_jdf::jmf::ReturnCode;
use agog_sync::event::{Actor, DeviceEvent, DeviceNotification, Event, JobStep};
use axum::http::StatusCode;
use rust_decimal::Decimal;

use crate::endpoint::{Endpoint, jmf, returned, status};

/// A word of so many characters, four bytes each.
fn long(chars: usize) -> String {
    "\u{1F4A1}".repeat(chars)
}

#[tokio::test]
async fn whatever_a_device_says_at_length_is_cut_and_every_event_can_go_to_the_hub() {
    let endpoint = Endpoint::new();
    endpoint.ticket(&[]).await;
    let word = long(10_000);
    let person = |n: u32| format!("<Employee PersonalID=\"{n}{word}\"/>");
    let module = |n: u32| {
        format!(
            "<ModuleStatus ModuleID=\"{n}{word}\" ModuleType=\"{word}\" ModuleIndex=\"{n}\" \
             DeviceStatus=\"Running\" StatusDetails=\"{word}\"/>"
        )
    };
    let many = |one: &dyn Fn(u32) -> String, count: u32| (0..count).map(one).collect::<String>();
    let phase = format!(
        "<JobPhase JobID=\"JOB-B\" QueueEntryID=\"{word}\" JobPartID=\"{word}\" Status=\"InProgress\" \
         StatusDetails=\"{word}\"><Part SheetName=\"{word}\" Side=\"Front\"/></JobPhase>{}{}",
        many(&person, 16),
        many(&module, 64),
    );
    let state = status("s1", "2026-01-05T08:00:00Z", "Running", &phase);
    let state = state.replace(
        "DeviceStatus=\"Running\" Speed",
        &format!("DeviceStatus=\"Running\" StatusDetails=\"{word}\" Speed"),
    );
    let resource = format!(
        "<Signal ID=\"r1\" Type=\"Resource\" Time=\"2026-01-05T08:00:01Z\"><ResourceQuParams JobID=\"{word}\"/>\
         <ResourceInfo ResourceName=\"Ink\" ResourceID=\"{word}\" Location=\"{word}\" Unit=\"{word}\"/></Signal>"
    );
    let queue = format!(
        "<Signal ID=\"q1\" Type=\"QueueStatus\" Time=\"2026-01-05T08:00:02Z\"><Queue DeviceID=\"press-3\" \
         Status=\"Waiting\"><QueueEntry QueueEntryID=\"{word}\" JobID=\"JOB-B\" Status=\"Held\"/></Queue></Signal>"
    );
    let notification = format!(
        "<Signal ID=\"n1\" Type=\"Notification\" Time=\"2026-01-05T08:00:03Z\"><Notification Class=\"Error\" \
         Type=\"{word}\" JobID=\"{word}\" ModuleID=\"{word}\"><Comment>{word}</Comment></Notification></Signal>"
    );
    let messages = format!("{state}{resource}{queue}{notification}");
    let (code, answers) = endpoint.post_xml(&jmf(&messages)).await;
    assert_eq!(code, StatusCode::OK);
    let codes: Vec<_> = answers.iter().map(|answer| answer.return_code).collect();
    assert_eq!(codes, [ReturnCode::SUCCESS; 4]);

    let error = format!(
        "<Notification Class=\"Error\" TimeStamp=\"2026-01-05T09:00:00Z\"><Comment>{word}</Comment></Notification>"
    );
    let errors = error.repeat(100);
    let ticket = returned(&word)
        .replace("<PhaseTime", &format!("{errors}<PhaseTime"))
        .replace("Jane Smith", &word);
    let answers = endpoint.post_return("c1", &ticket).await;
    assert_eq!(answers[0].return_code, ReturnCode::SUCCESS);

    let events = endpoint.test.events().await;
    for event in &events {
        let bytes = event.payload.get().len();
        assert!(bytes <= EVENT_BYTES_MAX, "{} of {bytes} bytes", event.kind);
    }
    let event = |kind: &str| {
        let found = events.iter().rfind(|event| event.kind == kind);
        found
            .unwrap_or_else(|| panic!("no {kind}"))
            .event()
            .unwrap()
    };
    let Event::Device(DeviceEvent::StateChanged(state)) = event("device.state-changed") else {
        panic!("no state");
    };
    assert_eq!((state.modules.len(), state.operators.len()), (64, 16));
    assert_eq!(state.operators[0].chars().count(), NAME_CHARS_MAX);
    assert_eq!(state.status_details, Some(long(NAME_CHARS_MAX)));
    let Event::Device(DeviceEvent::Notified(said)) = event("device.notified") else {
        panic!("no notification");
    };
    assert_eq!(said.text, Some(long(WORDS_CHARS_MAX)));
    let job = endpoint.test.job("JOB-B").await;
    assert_eq!(job.step, JobStep::Completed);
    let detail = job.progress.detail.unwrap();
    assert!(
        detail.contains("and 90 more remarks"),
        "{} characters",
        detail.chars().count()
    );
}

#[tokio::test]
async fn an_event_that_no_hub_would_take_is_refused_and_the_next_one_is_recorded() {
    let endpoint = Endpoint::new();
    let tell = async |text: String| {
        let told = DeviceNotification {
            device: "press-3".to_owned(),
            class: "Error".to_owned(),
            text: Some(text),
            ..DeviceNotification::default()
        };
        let fact = |event| Fact {
            occurred_at: None,
            actor: Actor::System {
                component: "test".to_owned(),
            },
            what: What::Event(event),
        };
        let first = DeviceNotification {
            text: None,
            ..told.clone()
        };
        let facts = [first, told].map(|told| fact(Event::Device(DeviceEvent::Notified(told))));
        let append = agog_edge::ledger::Append {
            facts: facts.into(),
            ..agog_edge::ledger::Append::default()
        };
        endpoint.test.agent.ledger.append(append).await
    };
    let refused = tell("x".repeat(EVENT_BYTES_MAX)).await.unwrap_err();
    assert!(
        matches!(
            &refused,
            AppendError::Refused(Refused::EventTooLarge { .. })
        ),
        "{refused}"
    );
    assert!(refused.to_string().contains("larger than an event may be"));
    assert_eq!(endpoint.test.events().await.len(), 0);
    tell("paper jam".to_owned()).await.unwrap();
    let events = endpoint.test.events().await;
    assert_eq!(
        events.iter().map(|event| event.seq).collect::<Vec<_>>(),
        [1, 2]
    );
}

#[tokio::test]
async fn a_long_id_of_a_message_takes_no_room_and_the_message_is_known_again() {
    let endpoint = Endpoint::new();
    let id = "M".repeat(1_000_000);
    let message = jmf(&format!(
        "<Signal ID=\"{id}\" Type=\"Notification\" Time=\"2026-01-05T08:00:03Z\">\
         <Notification Class=\"Error\"><Comment>paper jam</Comment></Notification></Signal>"
    ));
    for _ in 0..2 {
        endpoint.post_xml(&message).await;
    }
    assert_eq!(endpoint.test.kinds().await, ["device.notified"]);
    let file = endpoint.test.data_dir().join("ledger.db");
    let longest: usize = rusqlite::Connection::open(file)
        .unwrap()
        .query_row(
            "select max(length(message_id)) from inbox_message",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert!(longest <= MESSAGE_ID_BYTES_MAX, "{longest}");
}

#[tokio::test]
async fn a_negative_amount_of_a_lot_is_told_and_changes_nothing_for_the_others() {
    let endpoint = Endpoint::new();
    for (lot, sheets) in [("A", 500), ("B", 1_000), ("C", 1_000)] {
        endpoint.test.receive(lot, sheets).await;
    }
    endpoint.ticket(&[]).await;
    // 600 are used: 500 of A and, as A is used up, 100 of C.
    let whole = "<PartAmount ActualAmount=\"14500\"><Part Condition=\"Good\"/></PartAmount>\
                 <PartAmount ActualAmount=\"500\"><Part Condition=\"Waste\"/></PartAmount>";
    let by_lot = "<PartAmount ActualAmount=\"600\"><Part Condition=\"Good\"/>\
                  <Lot LotID=\"A\" ActualAmount=\"500\"/><Lot LotID=\"B\" ActualAmount=\"-100\"/>\
                  <Lot LotID=\"C\"/></PartAmount>";
    let ticket = returned("").replacen(whole, by_lot, 1);
    assert!(ticket.contains(by_lot));
    endpoint.post_return("c1", &ticket).await;
    let detail = endpoint.test.job("JOB-B").await.progress.detail.unwrap();
    assert!(detail.contains("lot B is not booked"), "{detail}");
    let mut left = Vec::new();
    for lot in ["A", "B", "C"] {
        left.push(endpoint.test.on_hand(lot).await);
    }
    assert_eq!(left, [0, 1_000, 900].map(Decimal::from), "{detail}");
}
