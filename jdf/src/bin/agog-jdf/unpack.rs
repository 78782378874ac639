//! `agog-jdf unpack`: a MIME package becomes files.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agog_jdf::package::{
    Location, PartIndex, UnpackLimits, UnpackedPackage, UnpackedPart, rewrite_references, unpack,
};
use anyhow::{Context as _, Result};

use crate::output::{self, Output};
use crate::replace;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The package; `-` reads standard input.
    package: PathBuf,
    /// Where the files go; made if it is not there.
    directory: PathBuf,
    /// Turns the `cid:` references of tickets and messages to the files, so that they can be opened where they lie.
    /// Without it every part keeps its bytes.
    #[arg(long)]
    relink: bool,
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<ExitCode> {
    let (package, directory) = (&arguments.package, &arguments.directory);
    let reader: Box<dyn Read> = if package == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        let file = std::fs::File::open(package);
        Box::new(file.with_context(|| format!("cannot open `{}`", package.display()))?)
    };
    let is_new = !directory.exists();
    if is_new {
        std::fs::create_dir(directory)
            .with_context(|| format!("cannot make `{}`", directory.display()))?;
    }
    let unpacked = unpack(reader, None, directory, &UnpackLimits::default());
    if is_new && unpacked.is_err() {
        // It is empty again; if not, somebody else has put something there.
        let _ = std::fs::remove_dir(directory);
    }
    let unpacked = unpacked.with_context(|| format!("cannot unpack `{}`", package.display()))?;
    for part in &unpacked.parts {
        let id = part.content_id.as_deref().unwrap_or("-");
        output.line(format_args!(
            "{}  {} bytes  {}  cid {id}",
            part.path.display(),
            part.bytes,
            part.content_type
        ));
    }
    if arguments.relink {
        let index = unpacked.index();
        for part in unpacked
            .parts
            .iter()
            .filter(|part| part.is_jdf() || part.is_jmf())
        {
            relink(part, &unpacked, &index)
                .with_context(|| format!("cannot relink `{}`", part.path.display()))?;
        }
    }
    if !unpacked.complete {
        output::tell("the closing delimiter is missing: the package may have been cut off");
        return Ok(ExitCode::from(1));
    }
    Ok(ExitCode::SUCCESS)
}

/// Turns the references of a document to the files beside it; one that leads to no part is told and stays.
fn relink(part: &UnpackedPart, package: &UnpackedPackage, index: &PartIndex) -> Result<()> {
    let mut document = crate::document(&part.path)?;
    let rewritten = rewrite_references(&mut document, |reference| {
        let target = index.resolve(reference.url).map(|at| &package.parts[at]);
        let url = target.and_then(UnpackedPart::relative_url);
        if url.is_none() && reference.location == Location::Cid {
            output::tell(format_args!(
                "{}: `{}` is no part of the package",
                part.path.display(),
                reference.url
            ));
        }
        url
    })?;
    if rewritten > 0 {
        replace::write(&part.path, &document.to_bytes())?;
    }
    Ok(())
}
