//! How jobs look to people.

use std::fmt::Write as _;

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
        ("return code", progress.return_code.map(|it| it.to_string())),
        ("detail", progress.detail.clone()),
        ("started", progress.started_at.map(|at| at.to_string())),
        ("ended", progress.ended_at.map(|at| at.to_string())),
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

// Writing to a String cannot fail.
fn line(text: &mut String, job: &JobView) {
    let _ = writeln!(
        text,
        "{:<20} {:<14} {:<20} since {}",
        job.number, job.progress.device, job.step, job.updated_at
    );
}
