//! `document list|show|edit`: notes of jobs, priorities of queues and discussions of holds, which the office edits too.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use agog_sync::document::{Content, DocumentKind, Edit, Role};
use agog_sync::ids::RequestId;
use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::{Client, Session};
use crate::documents::{DocumentPage, DocumentView, EditRequest};

const PATH: [&str; 3] = ["api", "v1", "documents"];

#[derive(Debug, Subcommand)]
pub(super) enum DocumentArguments {
    /// List the documents that were edited, the first hundred of a kind or of all.
    List {
        /// job-note, schedule-priority or hold-discussion.
        #[arg(long)]
        kind: Option<DocumentKind>,
    },
    /// Show a document, and where edits disagree that did not know of each other.
    Show(Name),
    /// Edit a document; what the office does meanwhile is merged.
    Edit(EditArguments),
}

#[derive(Debug, Args)]
pub(super) struct Name {
    /// job-note, schedule-priority or hold-discussion.
    kind: DocumentKind,
    /// The number or id of the job, the id of the device, or the id of the hold.
    id: String,
}

#[derive(Debug, Args)]
pub(super) struct EditArguments {
    #[command(flatten)]
    name: Name,
    #[command(flatten)]
    wanted: Wanted,
    /// Who edits.
    #[arg(long, value_name = "NAME", default_value = "operator")]
    operator: String,
    /// operator or shift-lead: of two that disagree the shift lead wins.
    #[arg(long, default_value = "operator")]
    role: Role,
    /// The same key again is the same edit.
    #[arg(long)]
    key: Option<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Wanted {
    /// The notes of the job shall read so.
    #[arg(long)]
    text: Option<String>,
    /// Add a comment to the discussion.
    #[arg(long, value_name = "TEXT")]
    append: Option<String>,
    /// Give jobs their ranks, the lower ones first: `JOB-1=2`, or `JOB-1=` to take it out of the order.
    #[arg(long = "rank", value_name = "JOB=RANK", num_args = 1..)]
    ranks: Vec<String>,
}

pub(super) async fn document(
    mut session: Session,
    arguments: DocumentArguments,
) -> anyhow::Result<ExitCode> {
    let config = session.config()?;
    let client = Client::find(&config)?;
    match arguments {
        DocumentArguments::List { kind } => {
            let query: Vec<_> = kind
                .map(|kind| ("kind", kind.to_string()))
                .into_iter()
                .collect();
            let page: DocumentPage = client.get(&config, &PATH, &query).await?;
            session.output.show(&page, lines)?;
        }
        DocumentArguments::Show(name) => {
            let path = [&PATH[..], &[name.kind.as_str(), &name.id]].concat();
            let view: DocumentView = client.get(&config, &path, &[]).await?;
            session.output.show(&view, shown)?;
        }
        DocumentArguments::Edit(arguments) => {
            let request = EditRequest {
                by: arguments.operator,
                role: arguments.role,
                edit: arguments.wanted.edit()?,
            };
            let new_key = || RequestId::generate(session.clock.now(), &mut session.rng).to_string();
            let key = arguments.key.unwrap_or_else(new_key);
            let path = [
                &PATH[..],
                &[arguments.name.kind.as_str(), &arguments.name.id],
            ]
            .concat();
            let view: DocumentView = client.patch(&config, &path, &key, &request).await?;
            session.output.show(&view, shown)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Wanted {
    fn edit(self) -> anyhow::Result<Edit> {
        if let Some(text) = self.text {
            return Ok(Edit::Text(text));
        }
        if let Some(text) = self.append {
            return Ok(Edit::Append(text));
        }
        let mut ranks = BTreeMap::new();
        for rank in &self.ranks {
            let (job, rank) = rank
                .rsplit_once('=')
                .with_context(|| format!("`{rank}` is not JOB=RANK"))?;
            let rank = match rank {
                "" => None,
                rank => Some(
                    rank.parse()
                        .with_context(|| format!("`{rank}` is not a whole number"))?,
                ),
            };
            ranks.insert(job.to_owned(), rank);
        }
        Ok(Edit::Priorities(ranks))
    }
}

fn lines(page: &DocumentPage) -> String {
    if page.documents.is_empty() {
        return "no documents".to_owned();
    }
    let mut text = String::new();
    for row in &page.documents {
        let _ = write!(text, "{} {}: {} edits", row.kind, row.id, row.changes);
        if row.conflicts > 0 {
            let _ = write!(text, ", {} in conflict", row.conflicts);
        }
        text.push('\n');
    }
    text.trim_end().to_owned()
}

fn shown(view: &DocumentView) -> String {
    let mut text = format!("{} {}, {} edits\n", view.kind, view.id, view.changes);
    match &view.content {
        Content::Text(note) => text.push_str(note),
        Content::Comments(comments) => {
            for comment in comments {
                let _ = writeln!(
                    text,
                    "{} {} ({}): {}",
                    comment.at, comment.by, comment.role, comment.text
                );
            }
        }
        Content::Priorities(priorities) => {
            for one in priorities {
                let _ = writeln!(
                    text,
                    "{:>4} {} set by {} ({})",
                    one.rank, one.job, one.by, one.role
                );
            }
        }
    }
    for conflict in &view.conflicts {
        for loser in &conflict.losers {
            let rank = loser
                .rank
                .map_or("no rank".to_owned(), |rank| format!("rank {rank}"));
            let _ = writeln!(
                text,
                "conflict: {} wanted {rank} for {} as {}; {} ({}) stands",
                loser.by, conflict.field, loser.role, conflict.winner.by, conflict.winner.role
            );
        }
    }
    text.trim_end().to_owned()
}
