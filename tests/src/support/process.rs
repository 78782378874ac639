//! Programs that tests and demo start, and the processes that they become.
//!
//! A process ends when its handle is dropped (also by a panic) and when the process that started it is killed:
//! `setpriv --pdeathsig` has the kernel see to that. Its output goes to a log file in the folder of its world.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
pub use rustix::process::Signal;

use super::user::User;
use super::{spawner, wait};

/// A command that works and ends (initdb, `lot receive`) takes no longer than this.
const COMMAND_LIMIT: Duration = Duration::from_mins(1);
/// SIGKILL needs no longer than this unless the kernel is stuck.
const KILL_LIMIT: Duration = Duration::from_secs(10);
/// How much of a log a failure shows.
const LOG_TAIL_LINES: usize = 30;
/// Debian keeps daemons where an ordinary user's PATH does not look.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];
/// Settings of the developer's shell that would reach into a world.
const FOREIGN_SETTINGS: [&str; 4] = ["PG", "AGOG_HUB", "AGOG_EDGE", "DATABASE_URL"];

/// A program with its arguments, ready to start.
#[derive(Debug, Clone)]
pub struct Program {
    name: String,
    path: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    user: Option<User>,
    parent_death: &'static str,
    foreground: bool,
    /// A command that works and ends takes no longer.
    limit: Duration,
}

impl Program {
    pub fn at(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self {
            name: path
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            path,
            arguments: Vec::new(),
            environment: Vec::new(),
            user: None,
            parent_death: "KILL",
            foreground: false,
            limit: COMMAND_LIMIT,
        }
    }

    /// One of this workspace's own, from the folder that the running test or demo was built into.
    pub fn ours(name: &str) -> Result<Self> {
        let path = target_folder()?.join(name);
        ensure!(
            path.exists(),
            "`{}` is not there: run `cargo build --workspace --bins` first",
            path.display()
        );
        Ok(Self::at(path))
    }

    /// One of the system's.
    pub fn installed(name: &str) -> Result<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .chain(SYSTEM_FOLDERS.iter().map(PathBuf::from))
            .map(|folder| folder.join(name))
            .find(|path| path.is_file())
            .map(Self::at)
            .with_context(|| {
                format!("`{name}` is not installed: run `packaging/dev/setup.sh --for test`")
            })
    }

    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Runs as another user; only root can do that.
    #[must_use]
    pub fn as_user(mut self, user: Option<User>) -> Self {
        self.user = user;
        self
    }

    /// The same, started by another program of the system whose command line ends with ours.
    pub fn under(self, wrapper: &str, arguments: Vec<String>) -> Result<Self> {
        let whole = Self::installed(wrapper)?
            .args(arguments)
            .arg(self.path.clone())
            .args(self.arguments.clone());
        Ok(Self {
            path: whole.path,
            arguments: whole.arguments,
            ..self
        })
    }

    /// The signal, without SIG, when our own process is killed. SIGKILL unless a server needs a gentler end.
    #[must_use]
    pub fn on_parent_death(mut self, signal: &'static str) -> Self {
        self.parent_death = signal;
        self
    }

    /// Stays in our process group with our terminal, so that Ctrl-C and key presses reach it.
    #[must_use]
    pub fn in_foreground(mut self) -> Self {
        self.foreground = true;
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", self.parent_death]);
        if let Some(user) = self.user {
            command
                .arg(format!("--reuid={}", user.uid))
                .arg(format!("--regid={}", user.gid))
                .arg("--clear-groups");
        }
        command.arg("--").arg(&self.path).args(&self.arguments);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if FOREIGN_SETTINGS.iter().any(|start| text.starts_with(start)) {
                command.env_remove(&name);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if !self.foreground {
            command.process_group(0).stdin(Stdio::null());
        }
        command
    }

    /// Starts it with its output appended to `log`.
    pub fn start(&self, log: &Path) -> Result<Process> {
        let file = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot open `{}`", log.display()))?;
        let mut command = self.command();
        command
            .stdout(file.try_clone().context("cannot share a log file")?)
            .stderr(file);
        Process::start(self.name.clone(), command, Some(log.to_owned()))
    }

    /// Starts it on our own terminal.
    pub fn start_here(&self) -> Result<Process> {
        Process::start(self.name.clone(), self.command(), None)
    }

    /// Gives a command that ends another time than a usual one has.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it to its end; answers what it wrote, and fails with its complaint when it failed.
    pub async fn output(&self) -> Result<String> {
        let output = self.try_output().await?;
        ensure!(
            output.succeeded,
            "`{}` failed: {}{}",
            self.line(),
            output.stderr.trim(),
            output.stdout.trim()
        );
        Ok(output.stdout)
    }

    /// Runs it to its end, which may be a failure.
    pub async fn try_output(&self) -> Result<Output> {
        let mut command = self.command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child =
            spawner::spawn(command).with_context(|| format!("cannot start {}", self.name))?;
        let pid = child.id();
        let done = tokio::task::spawn_blocking(move || child.wait_with_output());
        let Ok(done) = tokio::time::timeout(self.limit, done).await else {
            kill(pid, Signal::KILL);
            bail!(
                "`{}` did not end within {} s",
                self.line(),
                self.limit.as_secs()
            );
        };
        let output = done
            .context("a waiting thread panicked")?
            .with_context(|| format!("cannot read the output of {}", self.name))?;
        Ok(Output {
            succeeded: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// As a person would type it.
    fn line(&self) -> String {
        self.arguments
            .iter()
            .fold(self.name.clone(), |line, argument| {
                line + " " + &argument.to_string_lossy()
            })
    }
}

/// What a command wrote until it ended.
#[derive(Debug, Clone)]
pub struct Output {
    pub succeeded: bool,
    pub stdout: String,
    pub stderr: String,
}

/// A running process.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: u32,
    log: Option<PathBuf>,
    end: Arc<End>,
}

/// Filled by the thread that waits for the process.
#[derive(Debug, Default)]
struct End {
    status: Mutex<Option<ExitStatus>>,
    changed: Condvar,
}

impl Process {
    fn start(name: String, command: Command, log: Option<PathBuf>) -> Result<Self> {
        let mut child = spawner::spawn(command).with_context(|| format!("cannot start {name}"))?;
        let pid = child.id();
        let end = Arc::new(End::default());
        let told = Arc::clone(&end);
        std::thread::spawn(move || {
            // Waiting for a child of ours fails for no reason that a test could mend; it then counts as killed.
            let status = child.wait().unwrap_or_else(|_| ExitStatus::from_raw(9));
            *told.status.lock().unwrap_or_else(PoisonError::into_inner) = Some(status);
            told.changed.notify_all();
        });
        Ok(Self {
            name,
            pid,
            log,
            end,
        })
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<ExitStatus> {
        *self
            .end
            .status
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub fn signal(&self, signal: Signal) {
        if self.ended().is_none() {
            kill(self.pid, signal);
        }
    }

    /// Waits for `condition`, but no longer than the process lives: a server that died says why in its log.
    pub async fn until<T>(
        &self,
        what: &str,
        limit: Duration,
        mut condition: impl AsyncFnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        wait::until(what, limit, async || {
            if let Some(status) = self.ended() {
                bail!("{} has ended with {status}", self.name);
            }
            condition().await
        })
        .await
        .with_context(|| self.log_tail())
    }

    /// Waits for it to end by itself or by a signal sent before.
    pub async fn wait(&self, limit: Duration) -> Result<ExitStatus> {
        wait::until(&format!("the end of {}", self.name), limit, async || {
            Ok(self.ended())
        })
        .await
        .with_context(|| self.log_tail())
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    pub async fn stop(&self, limit: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM);
        self.wait(limit).await
    }

    /// Ends it as a power cut would.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
        self.wait_blocking(KILL_LIMIT);
    }

    /// For `Drop`, where nothing can be awaited. Answers whether the process has ended.
    pub fn wait_blocking(&self, limit: Duration) -> bool {
        let status = self
            .end
            .status
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.end
            .changed
            .wait_timeout_while(status, limit, |status| status.is_none())
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .is_some()
    }

    /// The last lines that it wrote, for an error message.
    pub fn log_tail(&self) -> String {
        let Some(log) = &self.log else {
            return format!("{} writes to the terminal", self.name);
        };
        let text = std::fs::read(log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let tail = &lines[lines.len().saturating_sub(LOG_TAIL_LINES)..];
        format!(
            "the log of {} ends so:\n    {}",
            self.name,
            tail.join("\n    ")
        )
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // A failed test shows what its programs did; the logs are about to go.
            eprintln!("{}", self.log_tail());
        }
        self.kill();
    }
}

fn kill(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    {
        // The one way to fail is that the process has just ended, which is what a signal is for.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// `target/debug`, also from a test program in `target/debug/deps`.
fn target_folder() -> Result<PathBuf> {
    let program = std::env::current_exe().context("cannot find out where this program is")?;
    let folder = program.parent().context("a program is in a folder")?;
    Ok(if folder.ends_with("deps") {
        folder.parent().unwrap_or(folder).to_owned()
    } else {
        folder.to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::folder::Folder;

    fn sleeper(folder: &Folder) -> Process {
        Program::installed("sleep")
            .unwrap()
            .arg("600")
            .start(&folder.join("sleep.log"))
            .unwrap()
    }

    fn exists(pid: u32) -> bool {
        Path::new(&format!("/proc/{pid}")).exists()
    }

    #[test]
    fn a_process_is_gone_after_drop() {
        let folder = Folder::new("agog-test-").unwrap();
        let process = sleeper(&folder);
        let pid = process.pid();
        assert!(exists(pid));
        drop(process);
        assert!(!exists(pid));
    }

    #[tokio::test]
    async fn a_process_outlives_the_thread_that_asked_for_it() {
        let folder = Folder::new("agog-test-").unwrap();
        let process = std::thread::scope(|scope| scope.spawn(|| sleeper(&folder)).join().unwrap());
        assert_eq!(process.ended(), None);
        let status = process.stop(Duration::from_secs(5)).await.unwrap();
        assert_eq!(status.signal(), Some(15));
    }

    #[tokio::test]
    async fn waiting_for_a_server_that_dies_shows_its_log() {
        let folder = Folder::new("agog-test-").unwrap();
        let process = Program::installed("sh")
            .unwrap()
            .args(["-c", "echo the port is taken >&2; exit 3"])
            .start(&folder.join("sh.log"))
            .unwrap();
        let error = process
            .until("an answer", Duration::from_secs(10), async || {
                Ok(None::<()>)
            })
            .await
            .unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("the port is taken"), "{text}");
        assert!(text.contains("exit status: 3"), "{text}");
    }

    #[tokio::test]
    async fn a_command_that_fails_says_what_was_typed_and_why() {
        let error = Program::installed("sh")
            .unwrap()
            .args(["-c", "echo no paper >&2; exit 1"])
            .output()
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "`sh -c echo no paper >&2; exit 1` failed: no paper"
        );
    }
}
