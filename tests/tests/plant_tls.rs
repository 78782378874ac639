//! HTTPS in a plant with an authority of its own, both ways: a press that asks for a certificate, the agent's
//! endpoint, and the command `agog-jdf` of somebody in prepress. And who is refused.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use agog_tests::support::folder::Folder;
use agog_tests::support::plant::Plant;
use agog_tests::support::ports::free_address;
use agog_tests::support::process::{Output, Process, Program};
use agog_tests::support::wait;
use anyhow::{Context as _, Result, ensure};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::Value;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_util::task::AbortOnDropHandle;

const LIMIT: Duration = Duration::from_mins(1);

/// Who signs certificates, in PEM files of a folder.
struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
struct Identity {
    cert: PathBuf,
    key: PathBuf,
}

impl Authority {
    fn new(parent: &Folder, name: &str) -> Result<Self> {
        let folder = parent.join(name);
        std::fs::create_dir_all(&folder)?;
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.self_signed(&key)?;
        std::fs::write(folder.join("ca.pem"), certificate.pem())?;
        let issuer = Issuer::new(params, key);
        Ok(Self { folder, issuer })
    }

    fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// A certificate for this machine.
    fn identity(&self, name: &str) -> Result<Identity> {
        let pair = KeyPair::generate()?;
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
        let certificate = params.signed_by(&pair, &self.issuer)?;
        let cert = self.folder.join(format!("{name}.pem"));
        let key = self.folder.join(format!("{name}.key"));
        std::fs::write(&cert, certificate.pem())?;
        std::fs::write(&key, pair.serialize_pem())?;
        Ok(Identity { cert, key })
    }
}

/// A press behind HTTPS that serves only those who show a certificate of its authority. It trusts that
/// authority when it sends.
struct SafePress {
    _process: Process,
    _front: AbortOnDropHandle<()>,
    address: SocketAddr,
}

impl SafePress {
    async fn start(folder: &Folder, authority: &Authority) -> Result<Self> {
        let inside = free_address()?;
        let process = Program::ours("agog-press-sim")?
            .args(["--device-id", "press-3", "--speed-up", "2000"])
            .args(["--listen", &inside.to_string()])
            .env("SSL_CERT_FILE", authority.ca())
            .start(&folder.join("press.log"))?;
        process
            .until("the press to listen", LIMIT, async || {
                Ok(TcpStream::connect(inside).await.ok())
            })
            .await?;
        let mut trusted = RootCertStore::empty();
        trusted.add(CertificateDer::from_pem_file(authority.ca())?)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), provider.clone())
                .build()?;
        let shown = authority.identity("press-3")?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![CertificateDer::from_pem_file(&shown.cert)?],
                PrivateKeyDer::from_pem_file(&shown.key)?,
            )?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let front = tokio::spawn(async move {
            while let Ok((outside, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // Whoever is refused here, or hangs up, is the matter of its own test.
                    if let Ok(mut outside) = acceptor.accept(outside).await
                        && let Ok(mut inside) = TcpStream::connect(inside).await
                    {
                        let _ = copy_bidirectional(&mut outside, &mut inside).await;
                    }
                });
            }
        });
        Ok(Self {
            _process: process,
            _front: AbortOnDropHandle::new(front),
            address,
        })
    }
}

/// What an agent shows and whom it trusts towards devices.
struct Towards<'a> {
    ca: &'a Path,
    shown: Option<&'a Identity>,
}

/// A plant whose endpoint is served over HTTPS, with the press.
async fn plant(
    folder: PathBuf,
    own: &Identity,
    press: &SafePress,
    towards: &Towards<'_>,
) -> Result<Plant> {
    let (cert, key) = (own.cert.display(), own.key.display());
    let tls = format!("tls = {{ cert_file = \"{cert}\", key_file = \"{key}\" }}\n");
    let shown = towards.shown.map_or_else(String::new, |shown| {
        let (cert, key) = (shown.cert.display(), shown.key.display());
        format!("cert_file = \"{cert}\"\nkey_file = \"{key}\"\n")
    });
    let more = format!(
        "\n[plant_tls]\nca_file = \"{}\"\n{shown}\n[[device]]\nid = \"press-3\"\nurl = \"https://{}/jmf\"\n",
        towards.ca.display(),
        press.address
    );
    let edit = |config: String| config.replace("[jmf]\n", &format!("[jmf]\n{tls}")) + &more;
    let mut plant = Plant::alone(folder, "HAM", edit).await?;
    plant.start().await?;
    Ok(plant)
}

/// The press as the agent shows it.
async fn shown(plant: &Plant) -> Result<Value> {
    let devices = reqwest::get(format!("{}/api/v1/devices", plant.api_url()?));
    let mut devices: Value = serde_json::from_slice(&devices.await?.bytes().await?)?;
    Ok(devices[0]["state"].take())
}

async fn agog_jdf(ca: &Path, arguments: &[&str]) -> Result<Output> {
    let program = Program::ours("agog-jdf")?.args(arguments.iter().copied());
    program.env("SSL_CERT_FILE", ca).try_output().await
}

#[tokio::test]
async fn a_ticket_goes_from_prepress_to_the_press_and_back_over_https_alone() -> Result<()> {
    let folder = Folder::new("agog-tls-")?;
    let authority = Authority::new(&folder, "authority")?;
    let press = SafePress::start(&folder, &authority).await?;
    let own = authority.identity("agent")?;
    let towards = Towards {
        ca: &authority.ca(),
        shown: Some(&own),
    };
    let plant = plant(folder.join("plant"), &own, &press, &towards).await?;
    let url = plant.jmf_url()?;
    assert!(url.starts_with("https://"), "{url}");
    wait::until("the press signals over HTTPS", LIMIT, async || {
        let state = shown(&plant).await?;
        Ok((state["reachable"] == true && state["last_signal_at"].is_string()).then_some(()))
    })
    .await?;

    let ticket = folder.join("carton.jdf");
    let sample = Program::ours("agog-jdf")?.args(["new", "folding_carton"]);
    std::fs::write(&ticket, sample.output().await?)?;
    let ticket = ticket.to_str().context("the path is text")?;
    let stranger = Authority::new(&folder, "stranger")?;
    let refused = agog_jdf(&stranger.ca(), &["submit", &url, ticket]).await?;
    assert!(
        !refused.succeeded && refused.stderr.contains("UnknownIssuer"),
        "{}",
        refused.stderr
    );
    let accepted = agog_jdf(&authority.ca(), &["submit", &url, ticket]).await?;
    ensure!(accepted.succeeded, "{}{}", accepted.stdout, accepted.stderr);
    assert!(
        accepted.stdout.contains("queue entry "),
        "{}",
        accepted.stdout
    );

    wait::until("the press returned the ticket", LIMIT, async || {
        let asked = agog_jdf(&authority.ca(), &["query", &url, "QueueStatus"]).await?;
        ensure!(asked.succeeded, "{}", asked.stderr);
        Ok(asked.stdout.contains("Status=Completed").then_some(()))
    })
    .await?;
    let jobs = plant.command(&["job", "list", "--all"]).await?;
    assert_eq!(jobs[0]["step"], "job.completed", "{jobs}");
    Ok(())
}

#[tokio::test]
async fn who_shows_no_certificate_or_that_of_a_stranger_is_refused_and_says_so() -> Result<()> {
    let folder = Folder::new("agog-tls-")?;
    let authority = Authority::new(&folder, "authority")?;
    let stranger = Authority::new(&folder, "stranger")?;
    let press = SafePress::start(&folder, &authority).await?;
    let own = authority.identity("agent")?;
    let of_stranger = stranger.identity("agent")?;
    let (ca, other_ca) = (authority.ca(), stranger.ca());
    let cases = [
        ("nothing", &ca, None, "CertificateRequired"),
        ("strange", &ca, Some(&of_stranger), "UnknownCA"),
        ("distrust", &other_ca, Some(&own), "not trusted here"),
    ];
    for (name, ca, shown_cert, told) in cases {
        let towards = Towards {
            ca,
            shown: shown_cert,
        };
        let plant = plant(folder.join(name), &own, &press, &towards).await?;
        let what = format!("{name}: the press to be out of reach for {told}");
        wait::until(&what, LIMIT, async || {
            let state = shown(&plant).await?;
            ensure!(state["reachable"] == false, "{name}: the press let it in");
            let failure = state["last_failure"].as_str();
            Ok(failure.filter(|text| text.contains(told)).map(drop))
        })
        .await?;
    }
    Ok(())
}
