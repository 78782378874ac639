//! The press simulator's program, for every test that starts one.

use std::path::PathBuf;
use std::process::Command;

/// The simulator beside the agent's program; built where it is not.
pub(crate) fn simulator_program() -> PathBuf {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_agog-edge")).with_file_name("agog-press-sim");
    if !program.exists() {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "-p", "agog-press-sim"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(built.success(), "the press simulator does not build");
    }
    program
}
