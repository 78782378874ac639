//! The hub of a world: configured and filled through its own command line, asked through its HTTP API.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::Value;

use super::ports::free_address;
use super::postgres::Database;
use super::process::{Process, Program};

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// No request of a test takes longer, long polls excepted, which tests do not make themselves.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// The hub, running or stopped. Its address stays the same over restarts.
#[derive(Debug)]
pub struct Hub {
    server: Option<Process>,
    folder: PathBuf,
    address: SocketAddr,
    database: Database,
    http: reqwest::Client,
}

/// A company on the hub.
#[derive(Debug, Clone)]
pub struct Tenant {
    pub id: String,
    pub name: String,
}

/// What the hub answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// `null` when the body is not JSON.
    pub body: Value,
    pub text: String,
}

impl Answer {
    /// The body of an answer that must be a success.
    pub fn ok(self) -> Result<Value> {
        if !(200..300).contains(&self.status) {
            bail!("the hub answered {}: {}", self.status, self.text);
        }
        Ok(self.body)
    }

    /// The stable code of a problem, empty when there is none.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

impl Hub {
    /// Writes the configuration into `folder` and brings the database up to date; does not start the server.
    pub(super) async fn prepare(folder: PathBuf, database: Database) -> Result<Self> {
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make `{}`", folder.display()))?;
        let hub = Self {
            server: None,
            folder,
            address: free_address()?,
            database,
            http: reqwest::Client::builder()
                // A proxy of the environment must not see the loopback.
                .no_proxy()
                .timeout(REQUEST_LIMIT)
                .build()
                .context("cannot make an HTTP client")?,
        };
        std::fs::write(hub.folder.join("token-secret"), random_hex()?)
            .context("cannot write the hub's token secret")?;
        let config = format!(
            "token_secret_file = \"{secret}\"\n\n\
             [server]\nlisten = \"{address}\"\npublic_url = \"{url}\"\n\n\
             [database]\nowner_url = \"{owner}\"\nserver_url = \"{server}\"\n\n\
             [files]\ndir = \"{files}\"\n",
            files = hub.folder.join("files").display(),
            secret = hub.folder.join("token-secret").display(),
            address = hub.address,
            url = hub.url(),
            owner = hub.database.owner_url,
            server = hub.database.server_url,
        );
        std::fs::write(hub.folder.join("hub.toml"), config)
            .context("cannot write the hub's configuration")?;
        hub.program()?.arg("migrate").output().await?;
        Ok(hub)
    }

    fn program(&self) -> Result<Program> {
        Ok(Program::ours("agog-hub")?
            .arg("--config")
            .arg(self.folder.join("hub.toml")))
    }

    pub async fn start(&mut self) -> Result<()> {
        let server = self
            .program()?
            .arg("serve")
            .start(&self.folder.join("hub.log"))?;
        let ready = format!("{}/readyz", self.url());
        server
            .until("the hub to be ready", START_LIMIT, async || {
                let answer = self.http.get(&ready).send().await;
                Ok(answer
                    .is_ok_and(|answer| answer.status().is_success())
                    .then_some(()))
            })
            .await?;
        self.server = Some(server);
        Ok(())
    }

    /// SIGTERM, and its end.
    pub async fn stop(&mut self) -> Result<()> {
        let server = self.server.take().context("the hub is not running")?;
        let status = server.stop(STOP_LIMIT).await?;
        if !status.success() {
            bail!("the hub stopped with {status}; {}", server.log_tail());
        }
        Ok(())
    }

    /// `kill -9`.
    pub fn kill(&mut self) -> Result<()> {
        self.server.take().context("the hub is not running")?.kill();
        Ok(())
    }

    pub fn process(&self) -> Option<&Process> {
        self.server.as_ref()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Gives out another address as its own from the next start on: that of a line, or of a proxy.
    pub fn announce(&self, url: &str) -> Result<()> {
        let path = self.folder.join("hub.toml");
        let config = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        let own = format!("public_url = \"{}\"", self.url());
        let config = config.replace(&own, &format!("public_url = \"{url}\""));
        std::fs::write(&path, config).with_context(|| format!("cannot write `{}`", path.display()))
    }

    /// Adds a section to its configuration, for the next start.
    pub fn configure(&self, section: &str) -> Result<()> {
        let path = self.folder.join("hub.toml");
        let config = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        std::fs::write(&path, format!("{config}\n{section}\n"))
            .with_context(|| format!("cannot write `{}`", path.display()))
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn database(&self) -> &Database {
        &self.database
    }

    /// A command of `agog-hub`; answers its JSON.
    pub async fn command(&self, arguments: &[&str]) -> Result<Value> {
        let output = self
            .program()?
            .args(arguments)
            .arg("--json")
            .output()
            .await?;
        serde_json::from_str(&output).with_context(|| {
            format!(
                "`agog-hub {}` did not print JSON: {output}",
                arguments.join(" ")
            )
        })
    }

    pub async fn tenant(&self, name: &str) -> Result<Tenant> {
        let created = self.command(&["tenant", "create", name]).await?;
        Ok(Tenant {
            id: text_of(&created, "tenant_id")?,
            name: name.to_owned(),
        })
    }

    pub async fn plant(&self, tenant: &Tenant, code: &str, name: &str) -> Result<Value> {
        let tenant = tenant.id.as_str();
        self.command(&[
            "plant", "create", "--tenant", tenant, "--code", code, "--name", name,
        ])
        .await
    }

    /// A one-time code for an agent of the plant.
    pub async fn enrolment_code(&self, tenant: &Tenant, plant: &str) -> Result<String> {
        let created = self
            .command(&["agent", "code", "--tenant", &tenant.id, "--plant", plant])
            .await?;
        text_of(&created, "code")
    }

    /// A bearer token for the tenant API.
    pub async fn token(&self, tenant: &Tenant, role: &str) -> Result<String> {
        let created = self
            .command(&["token", "create", "--tenant", &tenant.id, "--role", role])
            .await?;
        text_of(&created, "token")
    }

    pub async fn get(&self, token: &str, path: &str) -> Result<Answer> {
        self.send(self.request(Method::GET, path).bearer_auth(token))
            .await
    }

    pub async fn post(&self, token: &str, path: &str, body: &Value) -> Result<Answer> {
        self.send(
            self.request(Method::POST, path)
                .bearer_auth(token)
                .json(body),
        )
        .await
    }

    /// A request to be filled by the caller: other headers, no or wrong credentials.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url()))
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer> {
        let answer = request.send().await.context("the hub does not answer")?;
        let status = answer.status().as_u16();
        let text = answer.text().await.context("the hub's answer broke off")?;
        Ok(Answer {
            status,
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
        })
    }
}

fn text_of(value: &Value, key: &str) -> Result<String> {
    value[key]
        .as_str()
        .map(str::to_owned)
        .with_context(|| format!("there is no `{key}` in {value}"))
}

/// A secret of 32 bytes that nothing but this world uses.
fn random_hex() -> Result<String> {
    use std::fmt::Write as _;
    use std::io::Read as _;
    let mut bytes = [0; 32];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .context("cannot read /dev/urandom")?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
