//! HTTPS in the plant with an authority that the test makes: towards devices, and for machines.

use std::net::SocketAddr;
use std::path::Path;

use agog_edge::config::{Config, PlantTlsConfig, TlsConfig};
use agog_edge::ingest::jmf::https::TlsListener;
use agog_edge::ingest::jmf::{JmfState, router};
use agog_edge::lifecycle::{Stop, serve};
use agog_edge::uplink::http::plant_client;
use axum::Router;
use axum::routing::post;
use tokio::net::TcpListener;

use crate::authority::Authority;
use crate::controller::Controller;
use crate::ports::anywhere;
use crate::support::{TestAgent, until};

/// Serves over HTTPS until the stop.
async fn serve_at(tls: &TlsConfig, router: Router, stop: &Stop) -> SocketAddr {
    let tcp = TcpListener::bind(anywhere()).await.unwrap();
    let address = tcp.local_addr().unwrap();
    let listener = TlsListener::new(tcp, tls).unwrap();
    tokio::spawn(serve(listener, router, stop.clone()));
    address
}

fn hello() -> Router {
    Router::new().route("/jmf", post(|| async { "<JMF/>" }))
}

/// What the watch of a device with this certificate says of it.
async fn failure(trust: Option<&Path>, tls: &TlsConfig) -> String {
    let stop = Stop::new();
    let address = serve_at(tls, hello(), &stop).await;
    let trust = trust.map_or_else(String::new, |path| {
        format!("[plant_tls]\nca_file = \"{}\"\n", path.display())
    });
    let test = TestAgent::new(&format!(
        "{trust}[[device]]\nid = \"press-3\"\nurl = \"https://{address}/jmf\"\n"
    ));
    let controller = Controller::start(&test);
    let failure = until("the device cannot be subscribed", || async {
        test.agent.devices.of("press-3").last_failure
    })
    .await;
    controller.stop().await;
    stop.begin();
    failure
}

#[tokio::test]
async fn a_device_behind_https_is_reached_with_the_authority_of_the_plant() {
    let authority = Authority::new();
    let stop = Stop::new();
    let address = serve_at(&authority.certificate(2099), hello(), &stop).await;
    let client = plant_client(&authority.trust()).unwrap();

    let answer = client.post(format!("https://{address}/jmf")).send().await;

    assert_eq!(answer.unwrap().text().await.unwrap(), "<JMF/>");
    stop.begin();
}

#[tokio::test]
async fn an_unknown_authority_is_refused_and_the_remedy_is_named() {
    let authority = Authority::new();
    let text = failure(None, &authority.certificate(2099)).await;
    assert!(
        text.contains("not trusted here") && text.contains("plant_tls.ca_file"),
        "{text}"
    );
}

#[tokio::test]
async fn an_expired_certificate_is_refused_with_that_reason() {
    let authority = Authority::new();
    let trust = authority.trust().ca_file.unwrap();
    let text = failure(Some(&trust), &authority.certificate(2021)).await;
    assert!(text.contains("has expired"), "{text}");
}

#[tokio::test]
async fn machines_send_over_https_and_a_silent_one_keeps_nobody_out() {
    let authority = Authority::new();
    let test = TestAgent::new("");
    let controller = Controller::start(&test);
    let state = JmfState {
        agent: test.agent.clone(),
        floor: controller.floor.clone(),
        contacts: controller.contacts.clone(),
        telemetry: test.telemetry.clone(),
    };
    let stop = Stop::new();
    let address = serve_at(&authority.certificate(2099), router(state), &stop).await;
    let _silent = tokio::net::TcpStream::connect(address).await.unwrap();
    let query = r#"<JMF xmlns="http://www.CIP4.org/JDFSchema_1_1" SenderID="mis" TimeStamp="2026-11-26T08:00:00Z" Version="1.5">
<Query ID="Q1" Type="KnownMessages"/></JMF>"#;
    let client = plant_client(&authority.trust()).unwrap();

    let request = client.post(format!("https://{address}/jmf")).body(query);

    let answer = request.send().await.unwrap().text().await.unwrap();
    assert!(
        answer.contains("refID=\"Q1\"") && answer.contains("MessageService"),
        "{answer}"
    );
    stop.begin();
    controller.stop().await;
}

#[test]
fn a_certificate_file_that_is_no_good_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, "no certificate").unwrap();
    let tls = PlantTlsConfig {
        ca_file: Some(path),
        ..PlantTlsConfig::default()
    };
    let error = plant_client(&tls).unwrap_err().to_string();
    assert!(error.contains("ca.pem"), "{error}");
}

#[test]
fn a_client_certificate_needs_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agog-edge.toml");
    let text = "[agent]\ndata_dir = \"data\"\nplant_code = \"HAM\"\nplant_name = \"H\"\n\
                [plant_tls]\ncert_file = \"agent.pem\"\n";
    std::fs::write(&path, text).unwrap();
    let error = Config::load(&path).unwrap_err().to_string();
    assert!(error.contains("plant_tls.cert_file"), "{error}");
}
