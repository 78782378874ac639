//! Jobs with files: MIME packages in, files out to the agents of the plant, and jobs of a plain description. Through HTTP
//! on real PostgreSQL.

mod shop;

use std::path::Path;
use std::time::SystemTime;

use agog_jdf::package::{Outgoing, cid_url};
use agog_sync::event::{Event, JobEvent, JobProgress, JobStep};
use agog_sync::frame::{FeedBody, JobTicket};
use agog_sync::ids::RequestId;
use agog_sync::lots::JobRef;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use shop::Shop;
use shop::world::Plant;

const QUERY: &str =
    "/api/v1/jobs?number=J-1&plant=HAM&device=press-3&hold=true&priority=70&inputs=ROLL-1,ROLL-2";

fn ticket(names: &[&str]) -> String {
    let files: Vec<_> = names
        .iter()
        .map(|name| format!(r#"<FileSpec URL="{}"/>"#, cid_url(name)))
        .collect();
    let files = files.concat();
    format!(
        r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n1" Type="ConventionalPrinting" Status="Waiting" Version="1.5"><ResourcePool><RunList ID="r" Class="Parameter" Status="Available"><LayoutElement>{files}</LayoutElement></RunList></ResourcePool></JDF>"#
    )
}

/// A package with a ticket that names `named`, and the files of `sent`.
fn package(named: &[&str], sent: &[(&str, Vec<u8>)]) -> (String, Vec<u8>) {
    let jmf = br#"<JMF xmlns="http://www.CIP4.org/JDFSchema_1_1" SenderID="mis"/>"#;
    let mut outgoing = Outgoing::new(jmf.to_vec());
    outgoing.ticket("ticket.jdf", ticket(named).into_bytes());
    for (name, bytes) in sent {
        outgoing.file(name, "application/pdf", bytes.clone());
    }
    outgoing.finish()
}

async fn ticket_of(ham: &Plant) -> JobTicket {
    let feed = ham.feed().await;
    let ticket = feed.items.into_iter().find_map(|item| match item.body {
        FeedBody::JobTicket(ticket) => Some(*ticket),
        _ => None,
    });
    ticket.expect("a ticket waits for the plant")
}

#[tokio::test]
async fn the_files_of_a_package_reach_the_agent_of_its_plant_and_nobody_else() {
    let shop = Shop::open().await;
    let (ham, lyon) = (shop.plant("HAM").await, shop.plant("LYON").await);
    // Larger than one piece of the file store.
    let art: Vec<u8> = (0..20_000_000u32).map(|byte| (byte % 251) as u8).collect();
    let (kind, body) = package(
        &["art.pdf"],
        &[
            ("art.pdf", art.clone()),
            ("unwanted.pdf", b"%PDF-".to_vec()),
        ],
    );
    let (status, created) = shop.upload(QUERY, "p1", &kind, body.clone()).await;
    assert_eq!(status, 201, "{created}");
    assert_eq!(created["missing_files"], json!([]));
    assert_eq!(shop.files(), (0, 1), "what nobody names is not kept");
    let (_, again) = shop.upload(QUERY, "p1", &kind, body).await;
    assert_eq!(again, created);
    assert_eq!(shop.files(), (0, 1));

    let ticket = ticket_of(&ham).await;
    assert_eq!((ticket.hold, ticket.priority), (true, Some(70)));
    assert_eq!(ticket.inputs, ["ROLL-1", "ROLL-2"]);
    let file = &ticket.files[0];
    assert_eq!(ticket.files.len(), 1);
    assert_eq!(
        (
            file.content_id.as_str(),
            file.media_type.as_str(),
            file.bytes
        ),
        ("art.pdf", "application/pdf", 20_000_000)
    );
    let hash = file.blake3.to_string();
    assert_eq!(hash, blake3::hash(&art).to_hex().to_string());
    let (status, length, bytes) = ham.file(&hash).await;
    assert_eq!((status, length), (200, Some(20_000_000)));
    assert!(bytes == art, "the bytes are those that were sent");
    assert_eq!(lyon.file(&hash).await.0, 404);
    let stranger = shop.other_tenant().await;
    let abroad = stranger.plant("HAM").await;
    assert_eq!(abroad.file(&hash).await.0, 404);
    for unknown in [&"0".repeat(64), "no-hash"] {
        assert_eq!(ham.file(unknown).await.0, 404, "{unknown}");
    }

    let id = created["id"].as_str().unwrap();
    let (_, answer) = shop.get(&format!("/api/v1/jobs/{id}")).await;
    assert_eq!(answer["files"][0]["blake3"], *hash);
    let (status, kind, text) = shop.get_text(&format!("/api/v1/jobs/{id}/ticket")).await;
    assert_eq!(
        (status, kind.as_str()),
        (200, "application/vnd.cip4-jdf+xml")
    );
    assert_eq!(text, ticket.jdf);
}

#[tokio::test]
async fn a_package_that_cannot_be_used_leaves_nothing_behind() {
    let shop = Shop::open().await;
    let ham = shop.plant("HAM").await;
    let pdf = || ("art.pdf", b"%PDF-1.7".to_vec());
    let (kind, whole) = package(&["art.pdf"], &[pdf()]);
    let cut_off = whole[..whole.len() - 30].to_vec();
    let (_, incomplete) = package(&["art.pdf", "other.pdf"], &[pdf()]);
    let cases: [(&str, &str, Vec<u8>, u16, &str); 5] = [
        (QUERY, "cut", cut_off, 400, "malformed-package"),
        (QUERY, "missing", incomplete, 422, "missing-files"),
        (
            QUERY,
            "empty",
            b"--x\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n--x--\r\n".to_vec(),
            422,
            "malformed-ticket",
        ),
        (
            "/api/v1/jobs?number=J-1&device=press-3",
            "form",
            whole.clone(),
            422,
            "invalid-body",
        ),
        (
            "/api/v1/jobs?number=J-1&plant=NOWHERE&device=press-3",
            "plant",
            whole,
            404,
            "not-found",
        ),
    ];
    for (path, key, body, status, code) in cases {
        // Each package brings its own boundary; the body knows it.
        let (found, problem) = shop.upload(path, key, &kind, body).await;
        assert_eq!(
            (found, problem["code"].as_str().unwrap()),
            (status, code),
            "{key}: {problem}"
        );
        let (coming, _) = shop.files();
        assert_eq!(coming, 0, "{key}");
    }
    assert!(ham.feed().await.items.is_empty());
}

#[tokio::test]
async fn a_job_is_made_of_a_plain_description_and_what_is_wrong_with_it_is_pointed_at() {
    let shop = Shop::open().await;
    let ham = shop.plant("HAM").await;
    let mut description: Value = serde_json::from_str(agog_jdf::samples()[0].json).unwrap();
    let request = |description: &Value| json!({"number": "J-1", "plant": "HAM", "device": "press-3", "description": description});
    let good = description.clone();
    description["products"][0]["quantity"] = json!(0);
    description["sheets"][0]["size"]["width"] = json!(-1.0);
    let (status, problem) = shop
        .post("/api/v1/jobs", "k1", &request(&description))
        .await;
    assert_eq!(
        (status, &problem["code"]),
        (422, &json!("invalid-description")),
        "{problem}"
    );
    let pointers: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert!(
        pointers.contains(&"/description/products/0/quantity"),
        "{pointers:?}"
    );
    let mut misspelt = good.clone();
    misspelt["sheets"][0]["sise"] = json!({});
    let (status, problem) = shop.post("/api/v1/jobs", "k2", &request(&misspelt)).await;
    assert_eq!((status, &problem["code"]), (422, &json!("invalid-body")));
    let pointer = problem["errors"][0]["pointer"].as_str().unwrap();
    assert!(pointer.starts_with("/description/sheets/0"), "{pointer}");

    let (status, created) = shop.post("/api/v1/jobs", "k3", &request(&good)).await;
    assert_eq!(status, 201, "{created}");
    let ticket = ticket_of(&ham).await;
    assert!(ticket.jdf.contains("<JDF "), "{}", ticket.jdf);
    let id = created["id"].as_str().unwrap();
    let (_, orders) = shop.get(&format!("/api/v1/jobs/{id}/work-orders")).await;
    let parts: Vec<_> = orders["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|order| order["job_part"].as_str().unwrap())
        .collect();
    assert_eq!(parts, ["Plates", "Print-Varnish", "DieCut", "BoxFold-Glue"]);
    let both = json!({"number": "J-2", "plant": "HAM", "device": "press-3", "description": good, "jdf": "<JDF/>"});
    let (status, problem) = shop.post("/api/v1/jobs", "k4", &both).await;
    assert_eq!((status, &problem["code"]), (422, &json!("invalid-body")));
}

/// Makes every file of a folder two days old.
fn age(files: &Path, now: Timestamp) {
    let long_ago = SystemTime::from(now - SignedDuration::from_hours(48));
    for entry in std::fs::read_dir(files).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            age(&entry.path(), now);
        } else {
            let file = std::fs::File::options().write(true).open(entry.path());
            file.unwrap().set_modified(long_ago).unwrap();
        }
    }
}

#[tokio::test]
async fn uploads_that_were_cut_off_are_swept_when_they_are_old() {
    let shop = Shop::open().await;
    let store = shop.file_store();
    let tenant_id = shop.tenant_id();
    let now = shop.now();
    let upload = RequestId::from_uuid(uuid::Uuid::from_u128(2));
    let whole = store.begin(tenant_id, upload).await.unwrap();
    whole.finish().await.unwrap();
    // What a hub that is killed in the middle leaves, under the name that the file store gives it.
    let coming = shop.folder().join("coming").join(tenant_id.to_string());
    std::fs::write(
        coming.join("00000000-0000-0000-0000-000000000001#1"),
        "half",
    )
    .unwrap();
    assert_eq!(shop.files(), (2, 0));

    shop.sweep(SignedDuration::ZERO).await;
    assert_eq!(shop.files(), (2, 0), "they may still be coming");
    age(&shop.folder(), shop.now());
    shop.sweep(SignedDuration::ZERO).await;
    assert_eq!(shop.files(), (0, 0));
    assert!(store.sweep(now).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_files_of_a_job_go_some_time_after_the_end_of_the_last_that_names_them() {
    let shop = Shop::open().await;
    let stranger = shop.other_tenant().await;
    let (mut ham, _abroad) = (shop.plant("HAM").await, stranger.plant("HAM").await);
    let (kind, body) = package(&["art.pdf"], &[("art.pdf", b"%PDF-1.7".to_vec())]);
    let second = QUERY.replace("J-1", "J-2");
    for (shop, query) in [(&shop, QUERY), (&shop, &second), (&stranger, QUERY)] {
        let (status, created) = shop.upload(query, query, &kind, body.clone()).await;
        assert_eq!(status, 201, "{created}");
    }
    age(&shop.folder(), shop.now());
    let hash = ticket_of(&ham).await.files[0].blake3.to_string();
    let end = |number: &str| {
        let job = JobRef {
            number: number.to_owned(),
            job_id: None,
            order: None,
            customer: None,
        };
        Event::Job(Box::new(JobEvent {
            step: JobStep::Completed,
            progress: JobProgress::of(job, "press-3"),
        }))
    };
    ham.push(vec![("2025-10-16T14:00:00Z", end("J-1"))]).await;
    shop.sweep(SignedDuration::ZERO).await;
    assert_eq!(ham.file(&hash).await.0, 200, "the other job names it");

    ham.push(vec![("2025-10-16T15:00:00Z", end("J-2"))]).await;
    shop.sweep(SignedDuration::from_hours(24)).await;
    assert_eq!(ham.file(&hash).await.0, 200, "it has only just ended");

    shop.sweep(SignedDuration::ZERO).await;
    assert_eq!(shop.files(), (0, 0));
    assert_eq!(ham.file(&hash).await.0, 404);
    assert_eq!(stranger.files(), (0, 1), "of a job that goes on elsewhere");
    let (_, page) = shop.get("/api/v1/jobs?number=J-1").await;
    let id = page["items"][0]["id"].as_str().unwrap();
    let (_, answer) = shop.get(&format!("/api/v1/jobs/{id}")).await;
    assert!(answer["files"][0]["removed_at"].is_string(), "{answer}");

    // Another job brings it anew.
    let third = QUERY.replace("J-1", "J-3");
    let (status, created) = shop.upload(&third, "p3", &kind, body).await;
    assert_eq!(status, 201, "{created}");
    assert_eq!(ham.file(&hash).await.0, 200);
}
