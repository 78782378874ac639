//! Filters of a queue: which entries a command means, and what of the queue an answer shows.

use agog_jdf::jmf::{Body, Command, Jmf, JobPhase, Message, Queue, QueueEntry, QueueFilter};
use agog_jdf::{
    Activation, Fragment, Limits, NodeStatus, QueueEntryDetails, QueueEntryStatus, QueueStatus,
};

fn command(inside: &str) -> Message {
    let source = format!(
        "<JMF xmlns='http://www.CIP4.org/JDFSchema_1_1' SenderID='p' TimeStamp='2025-03-01T08:00:00Z' Version='1.4'>\
         <Command ID='c' Type='AbortQueueEntry'>{inside}</Command></JMF>"
    );
    let mut read = Jmf::parse(source.as_bytes(), &Limits::default()).unwrap();
    read.jmf.messages.remove(0)
}

fn meant(inside: &str) -> QueueFilter {
    match command(inside).body {
        Body::Command(Command::AbortQueueEntry(abort)) => abort.filter,
        body => panic!("{body:?}"),
    }
}

#[test]
fn a_filter_that_only_shapes_the_answer_never_means_every_entry() {
    // Each of these says what to show of the queue afterwards, and nothing of what to abort.
    for inside in [
        "<QueueFilter MaxEntries='0'/>",
        "<QueueFilter QueueEntryDetails='None'/>",
        "<QueueFilter UpdateGranularity='ChangesOnly' PreviewUsages='ThumbNail'/>",
        "<AbortQueueEntryParams/><QueueFilter MaxEntries='1'/>",
        "<AbortQueueEntryParams><QueueFilter/></AbortQueueEntryParams><QueueFilter StatusList='Waiting'/>",
    ] {
        let filter = meant(inside);
        assert!(filter.is_empty() && !filter.selects(), "{inside}");
        assert!(command(inside).queue_filter.is_some(), "{inside}");
    }
    // An entry that is named bare is meant, whatever the filters are for.
    let bare = "<AbortQueueEntryParams><QueueFilter/></AbortQueueEntryParams><QueueEntryDef QueueEntryID='q1'/>\
        <QueueFilter StatusList='Held'/>";
    assert_eq!(meant(bare), QueueFilter::entry("q1"));
    let waiting = meant("<QueueFilter StatusList='Waiting' MaxEntries='1'/>");
    assert_eq!(waiting.statuses, [QueueEntryStatus::Waiting]);
}

fn queue() -> Queue {
    let ticket = Fragment::from(agog_jdf::Element::new("JDF").with("ID", "n"));
    let phase = JobPhase {
        tickets: vec![ticket],
        ..JobPhase::new(NodeStatus::InProgress)
    };
    let entry = |number: i64| QueueEntry {
        job_phases: vec![phase.clone()],
        ..QueueEntry::new(format!("q{number}"), QueueEntryStatus::Waiting)
    };
    Queue {
        device_id: "press-3".to_owned(),
        status: QueueStatus::Held,
        entries: (1..=3).map(entry).collect(),
        ..Queue::default()
    }
}

fn shown(filter: &QueueFilter) -> Vec<String> {
    let queue = filter.show(&queue());
    assert_eq!(queue.queue_size, Some(3));
    assert_eq!(
        (queue.device_id.as_str(), queue.status),
        ("press-3", QueueStatus::Held)
    );
    let ids = queue.entries.into_iter().map(|entry| entry.queue_entry_id);
    ids.collect()
}

#[test]
fn an_answer_shows_no_more_entries_than_were_asked_for() {
    let most = |most| QueueFilter {
        max_entries: Some(most),
        ..QueueFilter::default()
    };
    assert_eq!(shown(&QueueFilter::default()), ["q1", "q2", "q3"]);
    assert_eq!(shown(&most(2)), ["q1", "q2"]);
    assert_eq!(shown(&most(0)).len(), 0);
    // Some controllers write -1 where they want all.
    assert_eq!(shown(&most(-1)).len(), 3);
    assert_eq!(shown(&QueueFilter::entry("q3")), ["q3"]);
    let second = QueueFilter {
        queue_entry_ids: vec!["q2".to_owned(), "q3".to_owned(), "q9".to_owned()],
        max_entries: Some(1),
        ..QueueFilter::default()
    };
    assert_eq!(
        shown(&second),
        ["q2"],
        "those that are not meant do not count"
    );
}

#[test]
fn an_answer_says_as_much_of_each_entry_as_was_asked_for() {
    let tells = |details: Option<QueueEntryDetails>| {
        let filter = QueueFilter {
            details,
            ..QueueFilter::default()
        };
        let queue = filter.show(&queue());
        let entry = queue.entries.first().cloned();
        entry.map(|entry| {
            let tickets = entry.job_phases.iter().map(|phase| phase.tickets.len());
            (entry.job_phases.len(), tickets.sum::<usize>())
        })
    };
    assert_eq!(tells(Some(QueueEntryDetails::None)), None);
    assert_eq!(tells(None), Some((0, 0)), "brief, if nothing is said");
    assert_eq!(tells(Some(QueueEntryDetails::Brief)), Some((0, 0)));
    assert_eq!(tells(Some(QueueEntryDetails::JobPhase)), Some((1, 0)));
    assert_eq!(tells(Some(QueueEntryDetails::JDF)), Some((1, 1)));
}

#[test]
fn an_entry_that_does_not_say_so_is_active() {
    let of = |activation| QueueFilter {
        activation: Some(activation),
        ..QueueFilter::default()
    };
    let entry = QueueEntry::new("q", QueueEntryStatus::Waiting);
    assert!(of(Activation::Active).matches(&entry) && !of(Activation::TestRun).matches(&entry));
}

#[test]
fn previews_of_an_entry_are_kept_where_a_filter_asked_for_them() {
    let source = b"<JMF xmlns='http://www.CIP4.org/JDFSchema_1_1' SenderID='p' TimeStamp='2025-03-01T08:00:00Z' Version='1.5'>\
        <Response ID='r' Type='QueueStatus' refID='q'><Queue DeviceID='d' Status='Waiting'><QueueEntry QueueEntryID='q1' Status='Held'>\
        <Preview PreviewUsage='ThumbNail' URL='http://press/q1.png'/></QueueEntry></Queue></Response></JMF>";
    let read = Jmf::parse(source, &Limits::default()).unwrap();
    let Body::Response(response) = &read.jmf.messages[0].body else {
        panic!("a response")
    };
    let entry = &response.queue.as_ref().unwrap().entries[0];
    let preview = entry.content[0].to_document(&Limits::default()).unwrap();
    assert_eq!(preview.root().attribute("URL"), Some("http://press/q1.png"));
    let written = String::from_utf8(read.jmf.to_bytes()).unwrap();
    assert!(written.contains("http://press/q1.png"));
}
