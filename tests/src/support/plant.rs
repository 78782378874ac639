//! A plant of a world: one edge agent with its configuration and files, worked through its own command line.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agog_sync::quantity::Material;
use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::ports::free_address;
use super::press::Press;
use super::process::{Output, Process, Program};

const START_LIMIT: Duration = Duration::from_secs(20);
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// What a plant shall be.
#[derive(Debug, Clone)]
pub struct PlantPlan<'a> {
    pub code: &'a str,
    pub name: &'a str,
    pub materials: &'a [Material],
    /// Started before the agent, which subscribes to them.
    pub presses: &'a [Press],
}

/// A plant's agent, running or stopped. Its files and its JMF address stay the same over restarts.
#[derive(Debug)]
pub struct Plant {
    agent: Option<Process>,
    pub code: String,
    folder: PathBuf,
}

impl Plant {
    /// Writes the configuration and makes the data folder; does not start the agent.
    pub(super) async fn prepare(
        folder: PathBuf,
        plan: &PlantPlan<'_>,
        hub_url: &str,
        broker: SocketAddr,
    ) -> Result<Self> {
        let plant = Self::init(folder, plan.code, plan.name, Some(hub_url)).await?;
        File::options()
            .append(true)
            .open(plant.config_file())
            .and_then(|mut file| plan.write_sections(&mut file, broker))
            .context("cannot write the agent's configuration")?;
        Ok(plant)
    }

    /// A plant without hub and broker, as on its first day; `edit` makes its configuration of the one
    /// that `init` writes. Does not start the agent.
    pub async fn alone(
        folder: PathBuf,
        code: &str,
        edit: impl FnOnce(String) -> String,
    ) -> Result<Self> {
        let plant = Self::init(folder, code, code, None).await?;
        let file = plant.config_file();
        let written = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read `{}`", file.display()))?;
        std::fs::write(&file, edit(written))
            .with_context(|| format!("cannot write `{}`", file.display()))?;
        Ok(plant)
    }

    async fn init(folder: PathBuf, code: &str, name: &str, hub_url: Option<&str>) -> Result<Self> {
        let plant = Self {
            agent: None,
            code: code.to_owned(),
            folder,
        };
        let jmf_listen = free_address()?.to_string();
        let hub = hub_url.map(|url| ["--hub-url", url]);
        plant
            .program()?
            .args(["init", "--plant-code", code, "--plant-name", name])
            .args(["--name", &format!("agent-{code}")])
            .args(["--data-dir", "data"])
            .args(hub.into_iter().flatten())
            .args(["--api-listen", "127.0.0.1:0", "--jmf-listen", &jmf_listen])
            .output()
            .await?;
        Ok(plant)
    }

    /// A copy of this plant's machine in another folder, as of a cloned disk; its agent does not run. Only the address
    /// for machines is another one, so that both can run here.
    pub fn copy(&self, folder: PathBuf) -> Result<Self> {
        copy_folder(&self.folder, &folder)?;
        let copy = Self {
            agent: None,
            code: self.code.clone(),
            folder,
        };
        let file = copy.config_file();
        let config = std::fs::read_to_string(&file).context("cannot read the configuration")?;
        let free = free_address()?;
        let config: Vec<_> = config
            .lines()
            .scan(false, |in_jmf, line| {
                if line.starts_with('[') {
                    *in_jmf = line == "[jmf]";
                }
                let listens = *in_jmf && line.trim_start().starts_with("listen");
                Some(if listens {
                    format!("listen = \"{free}\"")
                } else {
                    line.to_owned()
                })
            })
            .collect();
        std::fs::write(&file, config.join("\n")).context("cannot write the configuration")?;
        Ok(copy)
    }

    /// Copies the data of the stopped agent, as a backup does.
    pub fn backup(&self, to: &Path) -> Result<()> {
        copy_folder(&self.data_dir(), to)
    }

    /// Puts a backup back in the place of the data.
    pub fn restore(&self, from: &Path) -> Result<()> {
        std::fs::remove_dir_all(self.data_dir()).context("cannot remove the data")?;
        copy_folder(from, &self.data_dir())
    }

    pub async fn enroll(&self, code: &str) -> Result<()> {
        self.program()?
            .arg("enroll")
            .env("AGOG_ENROLMENT_CODE", code)
            .output()
            .await?;
        Ok(())
    }

    pub(crate) fn program(&self) -> Result<Program> {
        Ok(Program::ours("agog-edge")?
            .arg("--config")
            .arg(self.folder.join("agog-edge.toml")))
    }

    /// Starts the agent and waits until it collects.
    pub async fn start(&mut self) -> Result<()> {
        let program = self.program()?.arg("run");
        self.start_as(&program).await
    }

    /// The same by another program of the system, which becomes it.
    pub async fn start_under(&mut self, wrapper: &str, arguments: Vec<String>) -> Result<()> {
        let program = self.program()?.arg("run").under(wrapper, arguments)?;
        self.start_as(&program).await
    }

    async fn start_as(&mut self, program: &Program) -> Result<()> {
        let agent = program.start(&self.folder.join("agent.log"))?;
        agent
            .until("the agent to listen", START_LIMIT, async || {
                // The file of an agent that was killed is still there; it has another pid.
                Ok(self
                    .run_file()
                    .ok()
                    .filter(|run| run["pid"] == agent.pid())
                    .map(|_| ()))
            })
            .await?;
        self.agent = Some(agent);
        Ok(())
    }

    /// SIGTERM, and its end.
    pub async fn stop(&mut self) -> Result<()> {
        let agent = self.agent.take().context("the agent is not running")?;
        let status = agent.stop(STOP_LIMIT).await?;
        if !status.success() {
            bail!("the agent stopped with {status}; {}", agent.log_tail());
        }
        Ok(())
    }

    /// `kill -9`.
    pub fn kill(&mut self) -> Result<()> {
        self.agent
            .take()
            .context("the agent is not running")?
            .kill();
        Ok(())
    }

    pub fn process(&self) -> Option<&Process> {
        self.agent.as_ref()
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub fn config_file(&self) -> PathBuf {
        self.folder.join("agog-edge.toml")
    }

    /// A command of `agog-edge`; answers its JSON.
    pub async fn command(&self, arguments: &[&str]) -> Result<Value> {
        let output = self
            .program()?
            .args(arguments.iter().copied())
            .arg("--json")
            .output()
            .await?;
        serde_json::from_str(&output).with_context(|| {
            format!(
                "`agog-edge {}` did not print JSON: {output}",
                arguments.join(" ")
            )
        })
    }

    /// The same as a person sees it.
    pub async fn command_text(&self, arguments: &[&str]) -> Result<String> {
        self.program()?
            .args(arguments.iter().copied())
            .output()
            .await
    }

    /// The same where a refusal is what the test is about.
    pub async fn try_command(&self, arguments: &[&str]) -> Result<Output> {
        self.program()?
            .args(arguments.iter().copied())
            .try_output()
            .await
    }

    /// The local API of the running agent.
    pub fn api_url(&self) -> Result<String> {
        self.announced("api_url")
    }

    /// Where machines send their messages.
    pub fn jmf_url(&self) -> Result<String> {
        self.announced("jmf_url")
    }

    fn announced(&self, key: &str) -> Result<String> {
        self.run_file()?[key]
            .as_str()
            .map(str::to_owned)
            .with_context(|| format!("there is no `{key}` in run.json"))
    }

    fn run_file(&self) -> Result<Value> {
        let path = self.data_dir().join("run.json");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("cannot understand `{}`", path.display()))
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    let copy = || -> std::io::Result<()> {
        std::fs::create_dir_all(to)?;
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            let target = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                copy_folder(&entry.path(), &target).map_err(std::io::Error::other)?;
            } else {
                std::fs::copy(entry.path(), target)?;
            }
        }
        Ok(())
    };
    copy().with_context(|| format!("cannot copy `{}` to `{}`", from.display(), to.display()))
}

impl PlantPlan<'_> {
    /// What a plant has beyond the configuration that `init` writes.
    fn write_sections(&self, out: &mut impl Write, broker: SocketAddr) -> std::io::Result<()> {
        for material in self.materials {
            write!(
                out,
                "\n[[material]]\ncode = \"{}\"\nname = \"{}\"\nbase_unit = \"{}\"\n",
                material.code, material.name, material.base_unit
            )?;
            for (key, value) in [
                ("width_mm", material.width_mm),
                ("length_mm", material.length_mm),
                ("grammage", material.grammage_g_m2),
            ] {
                if let Some(value) = value {
                    writeln!(out, "{key} = {value}")?;
                }
            }
        }
        for press in self.presses {
            for (id, url) in press.devices() {
                write!(out, "\n[[device]]\nid = \"{id}\"\njmf_url = \"{url}\"\n")?;
                if !press.settings().is_empty() {
                    writeln!(out, "[device.settings]\n{}", press.settings().join("\n"))?;
                }
            }
        }
        // The simulator publishes `agog/<device>/<metric>` with `{"ts": …, "value": …}`.
        write!(
            out,
            "\n[mqtt]\nbroker = \"{broker}\"\nclient_id = \"agent-{}\"\n\n\
             [[mqtt.topic]]\nfilter = \"agog/+/+\"\ndevice = \"{{1}}\"\nmetric = \"{{2}}\"\n\
             value = \"/value\"\ntime = \"/ts\"\n",
            self.code
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::broker::Broker;
    use crate::support::folder::Folder;

    #[tokio::test]
    async fn an_agent_collects_without_a_hub_and_comes_back_after_a_kill() {
        let folder = Folder::new("agog-test-").unwrap();
        let broker = Broker::start().await.unwrap();
        let press = Press::start(
            folder.path(),
            "press-3",
            broker.address(),
            &["--speed-up", "600"],
        )
        .await
        .unwrap();
        let plan = PlantPlan {
            code: "HAM",
            name: "Hamburg",
            materials: &[],
            presses: &[press],
        };
        let nowhere = format!("http://{}", free_address().unwrap());
        let mut plant = Plant::prepare(folder.join("plant"), &plan, &nowhere, broker.address())
            .await
            .unwrap();

        plant.start().await.unwrap();
        let status = plant.command(&["status"]).await.unwrap();
        assert_eq!(
            status["running"]["addresses"]["pid"],
            plant.process().unwrap().pid(),
            "{status:#}"
        );
        plant.kill().unwrap();
        plant.start().await.unwrap();
        plant.stop().await.unwrap();
    }
}
