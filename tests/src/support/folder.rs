//! Temporary folders that are gone afterwards, also when the process that made them is killed.
//!
//! A small shell, the janitor, waits on a pipe that closes when this process ends in whatever way, and then removes
//! the folder. The ordinary end, `Drop`, closes the same pipe and waits for the janitor: one hand cleans in both cases.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use super::spawner;
use super::user::User;

/// Waits for the end of its input. Servers that work in the folder are told to end at the same moment and may
/// still write a last file, so the folder must stay away for a moment until the janitor believes it.
const JANITOR: &str = r#"
trap '' HUP INT TERM
word=; read -r word
tries=0
while [ $tries -lt 100 ]; do
    tries=$((tries + 1))
    rm -rf -- "$1" 2>/dev/null
    [ "$word" = done ] && [ ! -e "$1" ] && exit 0
    sleep 0.1
    [ -e "$1" ] || exit 0
done
"#;

/// A private folder (0700) for as long as this value lives.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    janitor: Child,
}

impl Folder {
    /// Makes a folder whose name begins with `prefix` in the system's folder for temporary files.
    pub fn new(prefix: &str) -> Result<Self> {
        let path = tempfile::Builder::new()
            .prefix(prefix)
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir()
            .context("cannot make a temporary folder")?
            .keep();
        let mut command = Command::new("sh");
        command
            .args(["-c", JANITOR, "janitor"])
            .arg(&path)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C on the terminal is for the others.
            .process_group(0);
        let janitor = spawner::spawn(command).context("cannot start the janitor")?;
        Ok(Self { path, janitor })
    }

    /// The same, owned by the user that a server runs as.
    pub fn new_for(prefix: &str, user: Option<&User>) -> Result<Self> {
        let folder = Self::new(prefix)?;
        if let Some(user) = user {
            chown(&folder.path, Some(user.uid), Some(user.gid))
                .with_context(|| format!("cannot give `{}` away", folder.path.display()))?;
        }
        Ok(folder)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file or folder in this one.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing can be done about a failure here; packaging/dev/leftovers.sh would report the folder.
        if let Some(mut stdin) = self.janitor.stdin.take() {
            let _ = std::io::Write::write_all(&mut stdin, b"done\n");
        }
        let _ = self.janitor.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_private_and_gone_after_drop() {
        let folder = Folder::new("agog-test-").unwrap();
        let path = folder.path().to_owned();
        std::fs::write(folder.join("file"), "x").unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700
        );
        drop(folder);
        assert!(!path.exists());
    }
}
