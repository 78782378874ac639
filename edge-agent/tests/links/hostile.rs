//! Whatever is posted gets an answer with the right return code, leaves nothing half behind, and
//! the agent goes on.

use agog_edge::ledger::Reader;
use agog_jdf::Limits;
use agog_jdf::jmf::{Family, Jmf, ReturnCode};
use agog_jdf::package::{JMF_TYPE, Outgoing, Package, PackageLimits};
use axum::http::StatusCode;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::corpus::corpus_files;
use crate::desk::{Desk, NEAR, PRESS, mis};

/// Each case is one request; enough to meet every reader many times over, in seconds.
const CASES: usize = 1_500;

/// Posts a body and checks that the answer fits it.
async fn answered_rightly(desk: &Desk, what: &str, content_type: &str, body: &[u8]) {
    let caller = [127, 0, 0, 1].into();
    let (status, answer) = desk.post_from(caller, content_type, body.to_vec()).await;
    assert_eq!(status, StatusCode::OK, "{what}");
    let package = Package::parse(Some(content_type), body, &PackageLimits::default()).ok();
    let jmf = package
        .as_ref()
        .and_then(|package| package.jmf().or_else(|| package.parts.first()))
        .map_or(body, |part| part.body());
    let expected: Option<Vec<String>> = Jmf::parse(jmf, &Limits::default()).ok().map(|read| {
        let expects = |family| !matches!(family, Family::Response | Family::Acknowledge);
        let messages = read.jmf.messages.into_iter();
        let messages = messages.filter(|message| expects(message.family()));
        messages.map(|message| message.id).collect()
    });
    let codes = || {
        answer.messages.iter().map(|message| match &message.body {
            agog_jdf::jmf::Body::Response(response) => response.return_code,
            other => panic!("{what}: {other:?}"),
        })
    };
    let unreadable = [
        ReturnCode::XML_PARSER_ERROR,
        ReturnCode::XML_VALIDATION_ERROR,
        ReturnCode::INVALID_PARAMETERS,
    ];
    let is_refused = answer.messages.len() == 1
        && answer.messages[0].ref_id.is_none()
        && codes().all(|code| unreadable.contains(&code));
    match expected {
        Some(expected) if !is_refused => {
            let refs = answer
                .messages
                .iter()
                .map(|message| message.ref_id.clone().unwrap_or_default());
            assert_eq!(refs.collect::<Vec<_>>(), expected, "{what}");
        }
        Some(_) => {}
        None => assert!(is_refused, "{what}: {:?}", answer.messages),
    }
    let inside =
        |text: &str| text.contains("/src/") || text.contains(".rs:") || text.contains("ledger.db");
    for message in &answer.messages {
        if let agog_jdf::jmf::Body::Response(response) = &message.body {
            assert!(!inside(&response.reason()), "{what}: {}", response.reason());
        }
    }
}

async fn is_sound(desk: &Desk) {
    let question = "<Query ID=\"Q\" Type=\"KnownMessages\"/>";
    assert_eq!(
        desk.ask_one(question).await.return_code,
        ReturnCode::SUCCESS
    );
    let verified = desk.test.agent.ledger.read(Reader::verify).await.unwrap();
    assert_eq!(verified.problems, vec![]);
}

#[tokio::test]
async fn every_document_of_the_corpus_gets_a_fitting_answer() {
    let folders = ["tickets", "mime", "wire"];
    let files: Vec<_> = folders.into_iter().flat_map(corpus_files).collect();
    if files.is_empty() {
        return;
    }
    let desk = Desk::new(&format!("{NEAR}{PRESS}"));
    for path in files {
        let body = std::fs::read(&path).unwrap();
        let content_type = match path.extension().and_then(|end| end.to_str()) {
            Some("mjm" | "mjd") => "multipart/related",
            _ => JMF_TYPE,
        };
        answered_rightly(&desk, &path.display().to_string(), content_type, &body).await;
    }
    is_sound(&desk).await;
    desk.close().await;
}

#[tokio::test]
async fn bytes_that_were_changed_on_the_way_get_a_fitting_answer() {
    let ticket =
        "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" JobID=\"J\" Type=\"Product\"/>";
    let messages = mis(
        "<Query ID=\"Q1\" Type=\"Status\"><StatusQuParams QueueInfo=\"true\"/></Query>\
         <Command ID=\"C1\" Type=\"SubmitQueueEntry\"><QueueSubmissionParams URL=\"cid:job\" Priority=\"7\"/></Command>\
         <Command ID=\"C2\" Type=\"HoldQueueEntry\"><QueueEntryDef QueueEntryID=\"x\"/></Command>\
         <Query ID=\"Q2\" Type=\"Resource\"><Subscription URL=\"http://127.0.0.1:9/\" RepeatTime=\"9\"/></Query>\
         <Signal ID=\"S\" Type=\"Status\"><DeviceInfo DeviceID=\"press-3\" DeviceStatus=\"Idle\"/></Signal>",
    );
    let mut package = Outgoing::new(messages.clone().into_bytes());
    package.ticket("job", ticket.as_bytes().to_vec());
    let (package_type, package) = package.finish();
    let seeds = [
        (JMF_TYPE.to_owned(), messages.into_bytes()),
        (package_type, package),
    ];
    let seed = 20_261_127;
    eprintln!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let desk = Desk::new(&format!("{NEAR}{PRESS}"));
    for case in 0..CASES {
        let (content_type, original) = &seeds[case % seeds.len()];
        let mut body = original.clone();
        for _ in 0..rng.random_range(1..=4) {
            let at = rng.random_range(0..body.len());
            match rng.random_range(0..5) {
                0 => body[at] = rng.random(),
                1 => body.truncate(at.max(1)),
                2 => {
                    let end = rng.random_range(at..body.len());
                    let piece = body[at..end].to_vec();
                    body.splice(at..at, piece);
                }
                3 => {
                    let end = (at + rng.random_range(1..40)).min(body.len());
                    body.drain(at..end);
                    if body.is_empty() {
                        body.push(b'<');
                    }
                }
                _ => body[at] = b"<>&\"'\0/-:"[rng.random_range(0..9)],
            }
        }
        answered_rightly(&desk, &format!("case {case}"), content_type, &body).await;
    }
    is_sound(&desk).await;
    desk.close().await;
}

#[tokio::test]
async fn documents_that_would_cost_too_much_are_refused_with_code_3() {
    let desk = Desk::new(&format!("{NEAR}{PRESS}"));
    let deep = mis(&"<a>".repeat(100_000));
    let attributes: Vec<String> = (0..2_000).map(|n| format!("a{n}=\"\"")).collect();
    let wide = mis(&format!("<Query ID=\"Q\" {}/>", attributes.join(" ")));
    let entities = format!(
        "<!DOCTYPE JMF [<!ENTITY a \"{}\">]>{}",
        "x".repeat(100),
        mis("&a;")
    );
    for body in [deep, wide, entities] {
        let caller = [127, 0, 0, 1].into();
        let (status, jmf) = desk.post_from(caller, JMF_TYPE, body).await;
        assert_eq!(status, StatusCode::OK);
        let answers = crate::desk::answers(jmf);
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].return_code, ReturnCode::XML_PARSER_ERROR);
        assert!(
            answers[0].reason().contains("line"),
            "{}",
            answers[0].reason()
        );
    }
    is_sound(&desk).await;
    desk.close().await;
}
