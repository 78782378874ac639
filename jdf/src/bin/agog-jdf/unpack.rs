//! `agog-jdf unpack`: a MIME package becomes files.

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use agog_jdf::package::{UnpackLimits, unpack};
use anyhow::{Context as _, Result};

use crate::output::Output;

pub(crate) fn run(package: &Path, directory: &Path, output: &mut Output) -> Result<ExitCode> {
    let reader: Box<dyn Read> = if package == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        let file = std::fs::File::open(package);
        Box::new(file.with_context(|| format!("cannot open `{}`", package.display()))?)
    };
    let unpacked = unpack(reader, None, directory, &UnpackLimits::default())
        .with_context(|| format!("cannot unpack `{}`", package.display()))?;
    for part in &unpacked.parts {
        let id = part.content_id.as_deref().unwrap_or("-");
        output.line(format_args!(
            "{}  {} bytes  {}  cid {id}",
            part.path.display(),
            part.bytes,
            part.content_type
        ));
    }
    if !unpacked.complete {
        eprintln!("agog-jdf: the closing delimiter is missing: the package may have been cut off");
        return Ok(ExitCode::from(1));
    }
    Ok(ExitCode::SUCCESS)
}
