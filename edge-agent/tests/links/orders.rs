//! Orders of an MIS to queue entries and whole queues.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use agog_edge::ledger::sending::CommandFilter;
use agog_jdf::jmf::{Response as Answer, ReturnCode};

use crate::desk::{Desk, NEAR, mis};
use crate::peer::Peer;
use crate::submissions::{TICKET, config, entry_id, submission, submit};

#[tokio::test]
async fn orders_to_entries_are_judged_by_what_the_entry_is() {
    let desk = Desk::new(&config());
    let answer = submit(&desk, "C1", "Hold=\"true\"").await;
    let id = entry_id(&answer);
    let order = |kind: &str, id: &str| {
        format!(
            "<Command ID=\"C\" Type=\"{kind}\"><{kind}Params><QueueFilter><QueueEntryDef \
             QueueEntryID=\"{id}\"/></QueueFilter></{kind}Params></Command>"
        )
    };
    let code = |message: String| {
        let desk = &desk;
        async move { desk.ask_one(&message).await.return_code }
    };
    assert_eq!(
        code(order("HoldQueueEntry", "nobody")).await,
        ReturnCode::QUEUE_ENTRY_UNKNOWN
    );
    assert_eq!(
        code(order("HoldQueueEntry", &id)).await,
        ReturnCode::QUEUE_ENTRY_ALREADY_IN_STATUS
    );
    assert_eq!(
        code(order("SuspendQueueEntry", &id)).await,
        ReturnCode::QUEUE_ENTRY_NOT_RUNNING
    );
    for kind in ["HoldQueueEntry", "AbortQueueEntry", "RemoveQueueEntry"] {
        let bare = format!("<Command ID=\"C\" Type=\"{kind}\"/>");
        assert_eq!(
            code(bare).await,
            ReturnCode::INSUFFICIENT_PARAMETERS,
            "{kind}"
        );
    }
    let priority = |priority: i64| {
        format!(
            "<Command ID=\"C\" Type=\"SetQueueEntryPriority\"><QueueEntryPriParams \
             QueueEntryID=\"{id}\" Priority=\"{priority}\"/></Command>"
        )
    };
    assert_eq!(code(priority(101)).await, ReturnCode::INVALID_PARAMETERS);
    for said in ["", "Priority=\"high\""] {
        let unsaid = format!(
            "<Command ID=\"C\" Type=\"SetQueueEntryPriority\"><QueueEntryPriParams \
             QueueEntryID=\"{id}\" {said}/></Command>"
        );
        assert_eq!(
            code(unsaid).await,
            ReturnCode::INSUFFICIENT_PARAMETERS,
            "{said}"
        );
    }
    let again = |id: &str| {
        format!(
            "<Command ID=\"C\" Type=\"ResubmitQueueEntry\"><ResubmissionParams \
             QueueEntryID=\"{id}\" URL=\"cid:x\"/></Command>"
        )
    };
    assert_eq!(code(again("nobody")).await, ReturnCode::QUEUE_ENTRY_UNKNOWN);
    assert_eq!(code(again(&id)).await, ReturnCode::INVALID_PARAMETERS);
    let queue = "<Command ID=\"C\" Type=\"HoldQueue\"/>".to_owned();
    assert_eq!(code(queue).await, ReturnCode::INSUFFICIENT_PARAMETERS);
    desk.close().await;
}

#[tokio::test]
async fn an_order_that_is_not_done_is_never_answered_as_the_repeat_of_another_one() {
    let desk = Desk::new(&config());
    let id = entry_id(&submit(&desk, "C1", "Hold=\"true\"").await);
    let order = |kind: &str, name: &str| {
        let entry = format!("<QueueEntryDef QueueEntryID=\"{id}\"/>");
        let params = format!("<{kind}Params><QueueFilter>{entry}</QueueFilter></{kind}Params>");
        format!("<Command {name} Type=\"{kind}\">{params}</Command>")
    };

    // One that names none of them: nobody could tell a repeat.
    for kind in ["ResumeQueueEntry", "AbortQueueEntry"] {
        let answer = desk.ask_one(&order(kind, "")).await;
        let code = answer.return_code;
        assert_eq!(code, ReturnCode::INSUFFICIENT_PARAMETERS, "{kind}");
    }
    // A program that counts its messages anew for each kind of them.
    for kind in ["ResumeQueueEntry", "AbortQueueEntry"] {
        let answer = desk.ask_one(&order(kind, "ID=\"C\"")).await;
        assert_eq!(answer.return_code, ReturnCode::SUCCESS, "{kind}");
    }

    let kinds = desk.test.kinds().await;
    assert_eq!(kinds, ["job.received", "job.removed"]);
    desk.close().await;
}

#[tokio::test]
async fn an_order_to_several_entries_is_carried_out_for_all_or_for_none() {
    let desk = Desk::new(&format!(
        "{}[[device]]\nid = \"press-4\"\nurl = \"http://127.0.0.1:1/jmf\"\n",
        config()
    ));
    let mut ids = Vec::new();
    for (number, device) in [(1, "press-3"), (2, "press-3"), (3, "press-4")] {
        let message = submission(&format!("C{number}"), "")
            .replace("SenderID", &format!("DeviceID=\"{device}\" SenderID"));
        let ticket = TICKET.replace("JOB-1", &format!("JOB-{number}"));
        let answer = desk
            .send_package(&message, "job.jdf", ticket.as_bytes())
            .await;
        assert_eq!(
            answer.return_code,
            ReturnCode::SUCCESS,
            "{}",
            answer.reason()
        );
        ids.push(entry_id(&answer));
    }
    let hold = |id: &str, entries: &[&String], bare: bool| {
        let define = |entry: &&String| format!("<QueueEntryDef QueueEntryID=\"{entry}\"/>");
        let entries = entries.iter().map(define).collect::<Vec<_>>().concat();
        let params = if bare {
            entries
        } else {
            format!(
                "<HoldQueueEntryParams><QueueFilter>{entries}</QueueFilter></HoldQueueEntryParams>"
            )
        };
        format!("<Command ID=\"{id}\" Type=\"HoldQueueEntry\">{params}</Command>")
    };
    let orders = || async {
        let filter = CommandFilter::default();
        let commands = desk
            .test
            .agent
            .ledger
            .read(move |reader| reader.commands(&filter));
        let commands = commands.await.unwrap();
        let holds = commands.iter().filter(|it| it.kind == "HoldQueueEntry");
        let mut jobs: Vec<String> = holds.filter_map(|it| it.job.clone()).collect();
        jobs.sort();
        jobs
    };

    // One of them is not at the device that is named.
    let named = mis(&hold("H1", &[&ids[0], &ids[2]], false))
        .replace("SenderID", "DeviceID=\"press-3\" SenderID");
    let refused = desk.ask_from([127, 0, 0, 1].into(), &named).await.remove(0);
    assert_eq!(refused.return_code, ReturnCode::QUEUE_ENTRY_UNKNOWN);
    assert!(refused.reason().contains(&ids[2]), "{}", refused.reason());
    let unknown = "nobody".to_owned();
    let refused = desk.ask_one(&hold("H2", &[&ids[0], &unknown], true)).await;
    assert_eq!(refused.return_code, ReturnCode::QUEUE_ENTRY_UNKNOWN);
    assert_eq!(orders().await, Vec::<String>::new());

    let order = hold("H3", &[&ids[0], &ids[2]], true);
    for _ in 0..2 {
        let answer = desk.ask_one(&order).await;
        assert_eq!(
            answer.return_code,
            ReturnCode::SUCCESS,
            "{}",
            answer.reason()
        );
        let told: Vec<String> = answer
            .queue
            .unwrap()
            .entries
            .into_iter()
            .map(|entry| entry.queue_entry_id)
            .collect();
        assert_eq!(told, [ids[0].clone(), ids[2].clone()]);
        assert_eq!(orders().await, ["JOB-1-P1", "JOB-3-P1"], "once each");
    }
    desk.close().await;
}

#[tokio::test]
async fn an_order_to_a_queue_is_answered_as_its_device_answers() {
    let peer = Peer::start(|message| {
        Some(match message.kind.as_str() {
            "HoldQueue" => Answer::success(),
            _ => Answer::refusal(ReturnCode::QUEUE_CLOSED, "closed for today"),
        })
    });
    let desk = Desk::new(&format!("{NEAR}{}", peer.section("press-3", "")));
    let order = |kind: &str| {
        let message = format!("<Command ID=\"C\" Type=\"{kind}\"/>");
        mis(&message).replace("SenderID", "DeviceID=\"press-3\" SenderID")
    };
    let near = [127, 0, 0, 1].into();
    let held = desk.ask_from(near, &order("HoldQueue")).await;
    assert_eq!(held[0].return_code, ReturnCode::SUCCESS);
    let opened = desk.ask_from(near, &order("OpenQueue")).await;
    assert_eq!(opened[0].return_code, ReturnCode::QUEUE_CLOSED);
    assert_eq!(opened[0].reason(), "closed for today");
    desk.close().await;
    let away = Desk::new(&config());
    let answer = away.ask_from(near, &order("HoldQueue")).await;
    assert_eq!(answer[0].return_code, ReturnCode::DEVICE_NOT_AVAILABLE);
    away.close().await;
}

#[tokio::test]
async fn an_order_to_a_queue_that_is_repeated_reaches_its_device_once_also_after_a_restart() {
    let (stuck, lost) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let peer = {
        let (stuck, lost) = (stuck.clone(), lost.clone());
        Peer::start(move |_| {
            let answer = Answer::refusal(ReturnCode::QUEUE_CLOSED, "closed for today");
            match (stuck.load(Ordering::SeqCst), lost.load(Ordering::SeqCst)) {
                (true, _) => Some(Answer::refusal(ReturnCode::SERVICE_BUSY, "busy")),
                (_, true) => None,
                _ => Some(answer),
            }
        })
    };
    let config = format!("{NEAR}{}", peer.section("press-3", ""));
    let order = |id: &str| {
        let message = format!("<Command ID=\"{id}\" Type=\"OpenQueue\"/>");
        mis(&message).replace("SenderID", "DeviceID=\"press-3\" SenderID")
    };
    let sent = || {
        peer.seen(|seen| {
            let ids = seen.iter().map(|it| it.jmf.messages[0].id.clone());
            ids.collect::<Vec<_>>()
        })
    };
    let near = [127, 0, 0, 1].into();
    let desk = Desk::new(&config);
    let first = desk.ask_from(near, &order("C1")).await.remove(0);
    assert_eq!(first.return_code, ReturnCode::QUEUE_CLOSED);
    assert_eq!(desk.ask_from(near, &order("C1")).await.remove(0), first);
    let desk = Desk::open(desk.close().await, &config);
    assert_eq!(desk.ask_from(near, &order("C1")).await.remove(0), first);
    assert_eq!(sent().len(), 1);

    // The device is busy: it has done nothing, and a repeat is a new try.
    stuck.store(true, Ordering::SeqCst);
    let busy = desk.ask_from(near, &order("C2")).await.remove(0);
    assert_eq!(busy.return_code, ReturnCode::SERVICE_BUSY);
    stuck.store(false, Ordering::SeqCst);
    let done = desk.ask_from(near, &order("C2")).await.remove(0);
    assert_eq!(done.return_code, ReturnCode::QUEUE_CLOSED);
    assert_eq!(sent().len(), 3);

    // Its answer is lost: it may have done it, so it sees the same message again.
    lost.store(true, Ordering::SeqCst);
    let away = desk.ask_from(near, &order("C3")).await.remove(0);
    assert_eq!(away.return_code, ReturnCode::DEVICE_NOT_AVAILABLE);
    lost.store(false, Ordering::SeqCst);
    let desk = Desk::open(desk.close().await, &config);
    let done = desk.ask_from(near, &order("C3")).await.remove(0);
    assert_eq!(done.return_code, ReturnCode::QUEUE_CLOSED);
    let sent = sent();
    assert_eq!(sent[3], sent[4]);
    assert_ne!(sent[2], sent[3]);
    desk.close().await;
}
