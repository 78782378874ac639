//! `agog-jdf check`: findings as a compiler shows them, or as JSON.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agog_jdf::package::Location;
use agog_jdf::validate::{Level, missing_files, validate};
use agog_jdf::{Document, Finding, Position, ReadError, Severity};
use clap::ValueEnum;
use serde_json::json;

use crate::UNREADABLE;
use crate::output::Output;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// JDF tickets and JMF messages; `-` reads standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How much is told.
    #[arg(long, value_enum, default_value_t = LevelName::Tolerant)]
    level: LevelName,
    /// One JSON object per finding and line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LevelName {
    /// What other readers will misunderstand or refuse.
    Tolerant,
    /// And what the specification requires and devices usually forgive.
    Standard,
    /// Everything.
    Strict,
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> ExitCode {
    let level = match arguments.level {
        LevelName::Tolerant => Level::Tolerant,
        LevelName::Standard => Level::Standard,
        LevelName::Strict => Level::Strict,
    };
    let mut count = [0_usize; 3];
    let mut unreadable = 0_usize;
    for file in &arguments.files {
        match crate::read(file) {
            Ok(document) => {
                let mut findings = validate(&document, level);
                findings.extend(missing_files(&document, |url| exists(file, url)));
                for finding in &findings {
                    count[finding.severity as usize] += 1;
                    if arguments.json {
                        output.line(as_json(file, finding));
                    } else {
                        show(file, Some(&document), finding, output);
                    }
                }
            }
            Err(error) => {
                unreadable += 1;
                let finding = as_finding(&error);
                if arguments.json {
                    output.line(as_json(file, &finding));
                } else {
                    show(file, None, &finding, output);
                }
            }
        }
    }
    let [notes, warnings, errors] = count;
    if !arguments.json {
        let files = arguments.files.len();
        output.line(format_args!(
            "{files} checked: {errors} errors, {warnings} warnings, {notes} notes, {unreadable} not readable"
        ));
    }
    ExitCode::from(match (unreadable, errors, warnings) {
        (1.., ..) => UNREADABLE,
        (0, 1.., _) => 2,
        (0, 0, 1..) => 1,
        (0, 0, 0) => 0,
    })
}

/// Only what lies beside the ticket is looked for: other machines are not asked, and a `cid:` needs its package.
fn exists(ticket: &Path, url: &str) -> bool {
    let Location::Relative = Location::of(url) else {
        return true;
    };
    let beside = ticket.parent().unwrap_or(Path::new(""));
    let path = url.split(['?', '#']).next().unwrap_or(url);
    ticket == Path::new("-") || path.contains('%') || beside.join(path).exists()
}

fn as_finding(error: &ReadError) -> Finding {
    match error {
        ReadError::Document(error) => {
            let position = error.position.clone();
            Finding::new(
                Severity::Error,
                "not-readable",
                error.kind.to_string(),
                position,
            )
        }
        ReadError::Io(error) => {
            let message = format!("cannot read the file: {error}");
            Finding::new(
                Severity::Error,
                "not-readable",
                message,
                Position::default(),
            )
        }
    }
}

fn as_json(file: &Path, finding: &Finding) -> serde_json::Value {
    json!({
        "file": file.display().to_string(),
        "severity": finding.severity.as_str(),
        "code": finding.code,
        "message": finding.message,
        "line": finding.position.line,
        "column": finding.position.column,
        "path": finding.position.path,
        "found": finding.found,
        "expected": finding.expected,
        "specification": finding.specification,
    })
}

fn show(file: &Path, document: Option<&Document>, finding: &Finding, output: &mut Output) {
    /// Characters of a line on either side of the place: tickets are often one line.
    const AROUND: usize = 50;
    let position = &finding.position;
    let severity = finding.severity.as_str();
    output.line(format_args!(
        "{severity}[{}]: {}",
        finding.code, finding.message
    ));
    output.line(format_args!(
        "  --> {}:{}:{}",
        file.display(),
        position.line,
        position.column
    ));
    let line = document.and_then(|document| document.source_line(position.line));
    if let Some(line) = line {
        let at = (position.column as usize).saturating_sub(1);
        let from = at.saturating_sub(AROUND);
        let clear = |c: char| if c.is_control() { ' ' } else { c };
        let piece: String = line
            .chars()
            .skip(from)
            .take(2 * AROUND)
            .map(clear)
            .collect();
        let number = position.line.to_string();
        let margin = " ".repeat(number.len());
        output.line(format_args!("{number} | {piece}"));
        output.line(format_args!("{margin} | {}^", " ".repeat(at - from)));
    }
    let mut note = |name: &str, text: Option<&str>| {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            output.line(format_args!("  = {name}: {text}"));
        }
    };
    note("path", Some(&position.path));
    note("found", finding.found.as_deref());
    note("expected", finding.expected.as_deref());
    note("see", finding.specification);
    output.line("");
}
