//! `agog-jdf check`: findings as a compiler shows them, or as JSON.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agog_jdf::package::Location;
use agog_jdf::validate::{
    Level, RULES, RuleFacts, Scope, check_capability, missing_files, validate,
};
use agog_jdf::{Document, ElementRef, Finding, Position, ReadError, Severity};
use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use serde_json::json;

use crate::UNREADABLE;
use crate::output::Output;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// JDF tickets and JMF messages; `-` reads standard input.
    #[arg(required_unless_present = "explain")]
    files: Vec<PathBuf>,
    /// Also checks them against what a device can do: a document with its capabilities, such as its answer to
    /// `KnownDevices` (`agog-jdf query URL KnownDevices --details Full --raw`).
    #[arg(long, value_name = "CAPABILITY_FILE")]
    device: Option<PathBuf>,
    /// With `--device`: also against what it can do now, as it is set up.
    #[arg(long, requires = "device")]
    now: bool,
    /// Says what a code of findings means; `all` prints the whole table.
    #[arg(long, value_name = "CODE")]
    explain: Option<String>,
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

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<ExitCode> {
    if let Some(code) = &arguments.explain {
        explain(code, output)?;
        if arguments.files.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
    }
    let device = arguments
        .device
        .as_deref()
        .map(crate::document)
        .transpose()?;
    if let (Some(device), Some(file)) = (&device, &arguments.device) {
        ensure!(
            describes_something(device.root()),
            "`{}` does not say what a device can do: it has neither a `DeviceCap` nor a `MessageService`; \
             `agog-jdf query URL KnownDevices --details Full --raw` asks a device for them",
            file.display()
        );
    }
    let scope = if arguments.now {
        Scope::Present
    } else {
        Scope::Allowed
    };
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
                if let Some(device) = &device {
                    findings.extend(check_capability(&document, device.root(), scope));
                }
                for finding in &findings {
                    count[finding.severity as usize] += 1;
                    if arguments.json {
                        output.exact(as_json(file, finding));
                    } else {
                        show(file, Some(&document), finding, output);
                    }
                }
            }
            Err(error) => {
                unreadable += 1;
                let finding = as_finding(file, &error);
                if arguments.json {
                    output.exact(as_json(file, &finding));
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
    Ok(ExitCode::from(match (unreadable, errors, warnings) {
        (1.., ..) => UNREADABLE,
        (0, 1.., _) => 2,
        (0, 0, 1..) => 1,
        (0, 0, 0) => 0,
    }))
}

fn describes_something(root: ElementRef<'_>) -> bool {
    std::iter::once(root)
        .chain(root.descendants())
        .any(|element| element.is_jdf("DeviceCap") || element.is_jdf("MessageService"))
}

/// One rule, or all of them as a table.
fn explain(code: &str, output: &mut Output) -> Result<()> {
    if code == "all" {
        output.line("| Code | Gravest | From level | Meaning | See |");
        output.line("|---|---|---|---|---|");
        for rule in RULES {
            output.line(format_args!(
                "| `{}` | {} | {} | {} | {} |",
                rule.code,
                rule.severity.as_str(),
                rule.level.as_str(),
                rule.meaning,
                rule.specification
            ));
        }
        return Ok(());
    }
    let rule = RuleFacts::of(code)
        .with_context(|| format!("no finding has the code `{code}`; `--explain all` lists them"))?;
    output.line(format_args!(
        "{}[{}]: {}",
        rule.severity.as_str(),
        rule.code,
        rule.meaning
    ));
    output.line(format_args!("  = level: {}", rule.level.as_str()));
    output.line(format_args!("  = see: {}", rule.specification));
    Ok(())
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

fn as_finding(file: &Path, error: &ReadError) -> Finding {
    match error {
        ReadError::Document(error) => {
            let mut message = error.kind.to_string();
            if crate::is_package(file) {
                message.extend([" in this file, ", crate::PACKAGE_HINT]);
            }
            let position = error.position.clone();
            Finding::new(Severity::Error, "not-readable", message, position)
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
    let file = file.display();
    if position.line == 0 {
        output.line(format_args!("  --> {file}"));
    } else {
        let (line, column) = (position.line, position.column);
        output.line(format_args!("  --> {file}:{line}:{column}"));
    }
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
