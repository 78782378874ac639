//! The JMF endpoint: what machines send, right and wrong, and what becomes of a returned ticket.

use std::collections::BTreeMap;

use agog_edge::ingest::jmf::BODY_BYTES_MAX;
use agog_edge::ledger::command::{Amount, Consume, Details, Produce};
use agog_edge::ledger::{Append, Fact, LotCommand, What};
use agog_jdf::jmf::ReturnCode;
use agog_sync::event::{Actor, Event, JobStep};
use agog_sync::lots::{LotEvent, LotRef, WorkContext};
use axum::body::Body;
use axum::http::StatusCode;
use rust_decimal::Decimal;

use crate::endpoint::{Endpoint, jmf, phase, returned, status};

#[tokio::test]
async fn what_is_not_well_formed_is_answered_with_code_3_and_the_place() {
    let endpoint = Endpoint::new();
    for body in [
        "<JMF SenderID=\"press-3\">\n  <Signal></JMF>",
        "garbage",
        "",
    ] {
        let (status, answers) = endpoint.post_xml(body).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(
            answers[0].return_code,
            ReturnCode::XML_PARSER_ERROR,
            "{body}"
        );
    }
    let (_, answers) = endpoint
        .post_xml("<JMF SenderID=\"press-3\">\n  <Signal></JMF>")
        .await;
    assert!(
        answers[0].reason().contains("line 2, column"),
        "{}",
        answers[0].reason()
    );
}

#[tokio::test]
async fn a_document_type_is_refused() {
    let endpoint = Endpoint::new();
    let bomb = "<!DOCTYPE JMF [<!ENTITY a \"aaaa\">]><JMF SenderID=\"&a;\"/>";
    let (status, answers) = endpoint.post_xml(bomb).await;
    assert_eq!(
        (status, answers[0].return_code),
        (StatusCode::OK, ReturnCode::XML_PARSER_ERROR)
    );
    assert!(
        answers[0]
            .reason()
            .contains("document type definitions are refused")
    );
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let endpoint = Endpoint::new();
    let (status, answers) = endpoint
        .post(
            "application/vnd.cip4-jmf+xml",
            vec![b' '; BODY_BYTES_MAX + 1],
        )
        .await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answers[0].return_code, ReturnCode::GENERAL_ERROR);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_given_up() {
    let endpoint = Endpoint::new();
    let never = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let (status, answers) = endpoint
        .post("application/vnd.cip4-jmf+xml", Body::from_stream(never))
        .await;
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(answers[0].return_code, ReturnCode::GENERAL_ERROR);
}

#[tokio::test]
async fn every_message_of_a_jmf_is_answered_and_unknown_types_with_code_5() {
    let endpoint = Endpoint::new();
    let (_, answers) = endpoint
        .post_xml(&jmf(
            "<Query ID=\"q1\" Type=\"KnownDevices\"/><Query ID=\"q2\" Type=\"Vendor:Coffee\"/>\
             <Query ID=\"q3\" Type=\"KnownMessages\"/><Command ID=\"c1\" Type=\"ShutDown\"/>",
        ))
        .await;
    let codes: Vec<_> = answers.iter().map(|answer| answer.return_code).collect();
    let (ok, unknown) = (ReturnCode::SUCCESS, ReturnCode::NOT_IMPLEMENTED);
    assert_eq!(codes, [ok, unknown, ok, unknown]);
    assert_eq!(answers[0].devices[0].id(), Some("press-3"));
    assert!(
        answers[2]
            .messages
            .iter()
            .any(|service| service.kind == "ReturnQueueEntry")
    );
}

#[tokio::test]
async fn a_device_that_is_not_configured_leaves_no_trace() {
    let endpoint = Endpoint::new();
    let stranger =
        jmf(&status("s1", "2026-01-05T10:00:00Z", "Running", "")).replace("press-3", "toaster");
    let (_, answers) = endpoint.post_xml(&stranger).await;
    assert_eq!(answers[0].return_code, ReturnCode::DEVICE_ID_UNKNOWN);
    assert!(endpoint.test.events().await.is_empty());
    assert!(endpoint.test.telemetry.latest().is_empty());
}

#[tokio::test]
async fn only_changes_of_a_device_become_events_and_heartbeats_become_samples() {
    let endpoint = Endpoint::new();
    let say = async |id: &str, time: &str, state: &str, phase: &str| {
        let (_, answers) = endpoint
            .post_xml(&jmf(&status(id, time, state, phase)))
            .await;
        assert_eq!(answers[0].return_code, ReturnCode::SUCCESS);
    };
    say("s1", "2026-01-05T10:00:00Z", "Idle", "").await;
    say("s2", "2026-01-05T10:00:10Z", "Idle", "").await;
    say("s3", "2026-01-05T10:00:20Z", "Setup", &phase("Setup", 0)).await;
    say("s4", "2026-01-05T10:00:30Z", "Setup", &phase("Setup", 0)).await;
    say(
        "s5",
        "2026-01-05T10:00:40Z",
        "Running",
        &phase("InProgress", 100),
    )
    .await;
    say(
        "s6",
        "2026-01-05T10:00:50Z",
        "Running",
        &phase("InProgress", 200),
    )
    .await;

    let expected = [
        "device.state-changed",
        "device.state-changed",
        "job.started",
        "device.state-changed",
        "job.phase",
    ];
    assert_eq!(endpoint.test.kinds().await, expected);
    let latest = endpoint.test.telemetry.latest();
    let good = latest
        .iter()
        .find(|value| value.metric == "jmf.job.good")
        .unwrap();
    assert!((good.value - 200.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn a_repeated_message_has_no_second_effect_and_gets_the_same_answer() {
    let endpoint = Endpoint::new();
    let running = jmf(&status("s1", "2026-01-05T10:00:00Z", "Running", ""));
    let stopped = jmf(&status("s2", "2026-01-05T10:00:05Z", "Stopped", ""));
    let first = endpoint.post_xml(&running).await;
    endpoint.post_xml(&stopped).await;

    let again = endpoint.post_xml(&running).await;

    assert_eq!(first, again);
    assert_eq!(
        endpoint.test.kinds().await,
        ["device.state-changed", "device.state-changed"]
    );
}

#[tokio::test]
async fn a_returned_ticket_becomes_exactly_what_was_consumed_wasted_and_produced() {
    let endpoint = Endpoint::new();
    endpoint.test.receive("LOT-2025-001-B", 15_000).await;
    endpoint.ticket(&["LOT-2025-001-B"]).await;

    let answers = endpoint
        .post_return("c1", &returned("LOT-2025-001-B"))
        .await;

    assert_eq!(answers[0].return_code, ReturnCode::SUCCESS);
    let events = endpoint.test.events().await;
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    let expected = [
        "lot.received",
        "job.received",
        "lot.consumed",
        "lot.wasted",
        "lot.produced",
        "job.completed",
    ];
    assert_eq!(kinds, expected);
    let facts: Vec<Event> = events.iter().map(|event| event.event().unwrap()).collect();
    let (
        Event::Lot(LotEvent::Consumed(used)),
        Event::Lot(LotEvent::Wasted(lost)),
        Event::Lot(LotEvent::Produced(made)),
    ) = (&facts[2], &facts[3], &facts[4])
    else {
        panic!("{facts:?}");
    };
    assert_eq!(used.draw.quantity.base.amount, Decimal::from(14_500));
    assert_eq!(lost.draw.quantity.base.amount, Decimal::from(500));
    assert_eq!(lost.reason, "color issues");
    assert_eq!((&used.forced, &lost.forced), (&None, &None));
    assert_eq!(made.outputs[0].lot.number, "FG-B");
    assert_eq!(made.outputs[0].quantity.base.amount, Decimal::from(14_500));
    assert_eq!(made.sources, std::slice::from_ref(&used.draw.lot));
    for work in [&used.work, &lost.work, &made.work] {
        assert_context(work);
    }
    assert_eq!(endpoint.test.on_hand("LOT-2025-001-B").await, Decimal::ZERO);
    assert_eq!(endpoint.test.on_hand("FG-B").await, Decimal::from(14_500));
    assert_eq!(events[5].occurred_at.to_string(), "2026-01-05T09:30:00Z");

    // The device did not get the answer and makes a new message of the same return.
    let again = endpoint
        .post_return("c2", &returned("LOT-2025-001-B"))
        .await;
    assert_eq!(again[0].return_code, ReturnCode::SUCCESS);
    assert_eq!(endpoint.test.events().await.len(), 6);
}

#[tokio::test]
async fn a_job_that_is_run_again_under_the_same_entry_is_no_repetition() {
    let endpoint = Endpoint::new();
    endpoint.test.receive("LOT-1", 30_000).await;
    endpoint.ticket(&["LOT-1"]).await;
    endpoint.post_return("c1", &returned("LOT-1")).await;
    assert_eq!(endpoint.test.on_hand("LOT-1").await, Decimal::from(15_000));

    let later = returned("LOT-1").replace("09:30:00Z", "11:30:00Z");
    endpoint.post_return("c2", &later).await;
    endpoint.post_return("c3", &later).await;

    assert_eq!(endpoint.test.on_hand("LOT-1").await, Decimal::ZERO);
}

#[tokio::test]
async fn a_queue_entry_that_is_given_to_another_job_does_not_count_for_the_old_one() {
    let endpoint = Endpoint::new();
    endpoint.ticket(&[]).await;
    let running = status(
        "s1",
        "2026-01-05T08:00:00Z",
        "Running",
        &phase("InProgress", 1),
    );
    endpoint.post_xml(&jmf(&running)).await;

    let other = phase("InProgress", 5).replace("JOB-B", "JOB-C");
    let running = status("s2", "2026-01-05T09:00:00Z", "Running", &other);
    endpoint.post_xml(&jmf(&running)).await;

    let ledger = &endpoint.test.agent.ledger;
    let old = ledger.job_by_number("JOB-B").await.unwrap().unwrap();
    let new = ledger.job_by_number("JOB-C").await.unwrap().unwrap();
    assert_eq!(old.progress.good, Some(Decimal::ONE));
    assert_eq!(new.progress.good, Some(Decimal::from(5)));
}

fn assert_context(work: &WorkContext) {
    let job = work.job.as_ref().unwrap();
    assert_eq!(
        (job.number.as_str(), job.order.as_deref()),
        ("JOB-B", Some("ORD-7"))
    );
    assert_eq!(job.customer.as_deref(), Some("Chocolate Ltd"));
    assert_eq!(work.device.as_deref(), Some("press-3"));
    assert_eq!(work.operator.as_deref(), Some("Jane Smith"));
}

#[tokio::test]
async fn a_press_that_names_no_lot_has_used_the_lots_of_the_ticket() {
    let endpoint = Endpoint::new();
    endpoint.test.receive("LOT-1", 10_000).await;
    endpoint.test.receive("LOT-2", 6_000).await;
    endpoint.ticket(&["LOT-1", "LOT-2"]).await;

    endpoint.post_return("c1", &returned("")).await;

    assert_eq!(endpoint.test.on_hand("LOT-1").await, Decimal::ZERO);
    assert_eq!(endpoint.test.on_hand("LOT-2").await, Decimal::from(1_000));
    let kinds = endpoint.test.kinds().await;
    assert_eq!(
        kinds.iter().filter(|kind| *kind == "lot.consumed").count(),
        2
    );
    assert_eq!(kinds.iter().filter(|kind| *kind == "lot.wasted").count(), 1);
}

#[tokio::test]
async fn a_return_is_linked_with_what_people_recorded_for_the_job() {
    let endpoint = Endpoint::new();
    endpoint.test.receive("INK-1", 100).await;
    endpoint.test.receive("LOT-1", 15_000).await;
    endpoint.ticket(&["LOT-1"]).await;
    let details = || Details {
        job: Some("JOB-B".to_owned()),
        ..Details::default()
    };
    let by_hand = [
        LotCommand::Consume(Consume {
            lot: "INK-1".to_owned(),
            quantity: Amount::of(1.into()),
            details: details(),
        }),
        LotCommand::Produce(Produce {
            number: Some("FG-EARLY".to_owned()),
            material: "CARTON-A".to_owned(),
            quantity: Amount::of(10.into()),
            from: Vec::new(),
            location: None,
            quality: BTreeMap::new(),
            details: details(),
        }),
    ];
    for command in by_hand {
        let append = Append {
            facts: vec![Fact {
                occurred_at: None,
                actor: Actor::Operator {
                    name: "Jane Smith".to_owned(),
                },
                what: What::Lot(command),
            }],
            ..Append::default()
        };
        endpoint.test.agent.ledger.append(append).await.unwrap();
    }

    endpoint.post_return("c1", &returned("")).await;

    let numbers =
        |lots: &[LotRef]| -> Vec<String> { lots.iter().map(|lot| lot.number.clone()).collect() };
    let events = endpoint.test.events().await;
    let mut links = Vec::new();
    for event in &events[5..] {
        match event.event().unwrap() {
            Event::Lot(LotEvent::Consumed(used)) => links.push(numbers(&used.into)),
            Event::Lot(LotEvent::Produced(made)) => links.push(numbers(&made.sources)),
            _ => {}
        }
    }
    assert_eq!(links, [vec!["FG-EARLY"], vec!["INK-1", "LOT-1"]]);
}

#[tokio::test]
async fn an_amount_beyond_every_limit_is_a_remark_and_the_rest_is_booked() {
    let endpoint = Endpoint::new();
    endpoint.test.receive("LOT-1", 15_000).await;
    endpoint.ticket(&["LOT-1"]).await;

    let ticket = returned("").replace("14500", "99999999999999999999");
    let answers = endpoint.post_return("c1", &ticket).await;

    assert_eq!(answers[0].return_code, ReturnCode::SUCCESS);
    assert_eq!(endpoint.test.on_hand("LOT-1").await, Decimal::from(14_500));
    let ledger = &endpoint.test.agent.ledger;
    let job = ledger.job_by_number("JOB-B").await.unwrap().unwrap();
    assert_eq!(job.step, JobStep::Completed);
    let detail = job.progress.detail.unwrap();
    assert!(detail.contains("99999999999999999999"), "{detail}");
}

#[tokio::test]
async fn a_press_fact_is_recorded_and_marked_also_when_the_lot_is_short_or_unknown() {
    for known in [true, false] {
        let endpoint = Endpoint::new();
        if known {
            endpoint.test.receive("LOT-2025-001-B", 10_000).await;
        }
        endpoint.ticket(&["LOT-2025-001-B"]).await;

        let answers = endpoint
            .post_return("c1", &returned("LOT-2025-001-B"))
            .await;

        assert_eq!(answers[0].return_code, ReturnCode::SUCCESS);
        let facts: Vec<Event> = endpoint
            .test
            .events()
            .await
            .iter()
            .map(|event| event.event().unwrap())
            .collect();
        let forced: Vec<_> = facts
            .iter()
            .filter_map(|fact| match fact {
                Event::Lot(LotEvent::Consumed(event)) => event.forced.clone(),
                Event::Lot(LotEvent::Wasted(event)) => event.forced.clone(),
                _ => None,
            })
            .collect();
        assert_eq!(forced, ["reported by device", "reported by device"]);
        assert_eq!(
            endpoint.test.on_hand("LOT-2025-001-B").await,
            Decimal::from(if known { -5_000 } else { -15_000 })
        );
        assert_eq!(endpoint.test.on_hand("FG-B").await, Decimal::from(14_500));
        let job = endpoint
            .test
            .agent
            .ledger
            .job_by_number("JOB-B")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(job.step, JobStep::Completed);
        assert!(job.progress.detail.unwrap().contains("LOT-2025-001-B"));
    }
}

#[tokio::test]
async fn a_return_without_its_ticket_is_refused_and_told_to_people() {
    let endpoint = Endpoint::new();
    endpoint.ticket(&[]).await;
    let (_, answers) = endpoint
        .post_xml(&jmf(
            "<Command ID=\"c1\" Type=\"ReturnQueueEntry\"><ReturnQueueEntryParams QueueEntryID=\"QE-1\" \
             URL=\"cid:gone.jdf\"/></Command>",
        ))
        .await;
    assert_eq!(answers[0].return_code, ReturnCode::INVALID_PARAMETERS);
    let expected = ["job.received", "device.notified"];
    assert_eq!(endpoint.test.kinds().await, expected);
}
