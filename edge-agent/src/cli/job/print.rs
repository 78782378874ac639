//! How jobs look to people.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::cli::jmf::show;
use crate::jobs::routes::JobView;

pub(super) fn jobs(jobs: &[JobView]) -> String {
    if jobs.is_empty() {
        return "no job is open".to_owned();
    }
    let mut text = String::new();
    for job in jobs {
        line(&mut text, job);
    }
    text
}

pub(super) fn job(job: &JobView) -> String {
    let mut text = String::new();
    line(&mut text, job);
    let progress = &job.progress;
    let fields = [
        ("order", progress.job.order.clone()),
        ("customer", progress.job.customer.clone()),
        ("queue entry", progress.queue_entry_id.clone()),
        ("status", progress.status.clone()),
        ("priority", progress.priority.map(|it| it.to_string())),
        ("good", progress.good.map(|it| it.normalize().to_string())),
        ("waste", progress.waste.map(|it| it.normalize().to_string())),
        (
            "return code",
            progress
                .return_code
                .filter(|code| *code != 0)
                .map(|code| code.to_string()),
        ),
        ("detail", progress.detail.clone()),
        ("started", progress.started_at.map(shown)),
        ("ended", progress.ended_at.map(shown)),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            let _ = writeln!(text, "  {name:<12} {value}");
        }
    }
    for command in &job.commands {
        let _ = writeln!(text, "  {}", show::command(command));
    }
    text
}

fn shown(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

// Writing to a String cannot fail.
fn line(text: &mut String, job: &JobView) {
    let progress = &job.progress;
    let since = shown(job.updated_at);
    let _ = write!(
        text,
        "{:<20} {:<14} {:<20} since {since}",
        job.number, progress.device, job.step
    );
    // While it runs, the step alone says little.
    if let Some(status) = &progress.status {
        let _ = write!(text, "  {status}");
    }
    let amounts = [(progress.good, "good"), (progress.waste, "waste")];
    let amounts: Vec<_> = amounts
        .into_iter()
        .filter_map(|(amount, what)| Some(format!("{} {what}", amount?.normalize())))
        .collect();
    if !amounts.is_empty() {
        let _ = write!(text, "  {}", amounts.join(", "));
    }
    text.push('\n');
}
