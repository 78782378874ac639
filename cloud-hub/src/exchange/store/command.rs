//! The SQL of commands to jobs.

use agog_sync::event::{JobEvent, JobStep};
use agog_sync::frame::JobCommand;
use agog_sync::ids::RequestId;
use jiff::Timestamp;

use crate::db::{DbError, Instant, TenantTx};
use crate::exchange::model::{CommandEntry, action_text};

/// Keeps a command that goes to the plant.
pub(in crate::exchange) async fn command_add(
    tx: &mut TenantTx,
    job_key: i64,
    command: &JobCommand,
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let (action, value) = action_text(command.action);
    sqlx::query!(
        "insert into job_command (tenant_id, job_id, command_id, action, value, created_at, created_by)
         values ($1, $2, $3, $4, $5, $6, $7)",
        tenant_id,
        job_key,
        command.command_id.uuid(),
        action,
        value,
        Instant(now) as _,
        command.by,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Lets a step of a job tell the fate of commands: of the one that it names, and an end overtakes those that wait.
///
/// A step that names none is a device's own, or of an agent that does not name commands yet: it answers the oldest
/// command that wanted it, and a refusal the one that its words name. It and an end answer nothing that the office
/// wanted only later; when the plant had the command by then is not known, but never before that.
pub(in crate::exchange) async fn commands_answered(
    tx: &mut TenantTx,
    job_key: i64,
    event: &JobEvent,
    at: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let detail = event.progress.detail.as_deref();
    let state = if event.step == JobStep::CommandRefused {
        "refused"
    } else {
        "done"
    };
    if let Some(command_id) = event.progress.command_id {
        sqlx::query!(
            "update job_command set state = $4, ended_at = $5, detail = $6
             where tenant_id = $1 and job_id = $2 and command_id = $3",
            tenant_id,
            job_key,
            command_id.uuid(),
            state,
            Instant(at) as _,
            detail,
        )
        .execute(tx.conn())
        .await?;
    } else if !wanted(event.step).is_empty() {
        let actions: Vec<_> = wanted(event.step)
            .iter()
            .map(|action| (*action).to_owned())
            .collect();
        sqlx::query!(
            "update job_command set state = $4, ended_at = $5, detail = $6
             where tenant_id = $1 and job_id = $2 and place = (
                 select place from job_command
                 where tenant_id = $1 and job_id = $2 and state = 'sent' and action = any($3) and created_at <= $5
                 order by position(action in lower(coalesce($6, ''))) = 0, place limit 1
             )",
            tenant_id,
            job_key,
            &actions,
            state,
            Instant(at) as _,
            detail,
        )
        .execute(tx.conn())
        .await?;
    }
    if event.step.is_end() {
        sqlx::query!(
            "update job_command set state = 'overtaken', ended_at = $3
             where tenant_id = $1 and job_id = $2 and state = 'sent' and created_at <= $3",
            tenant_id,
            job_key,
            Instant(at) as _,
        )
        .execute(tx.conn())
        .await?;
    }
    Ok(())
}

/// The commands that a step may be the answer to.
fn wanted(step: JobStep) -> &'static [&'static str] {
    match step {
        JobStep::Held => &["hold"],
        JobStep::Resumed => &["resume"],
        JobStep::Suspended => &["suspend"],
        JobStep::Aborted => &["abort"],
        JobStep::Removed => &["remove"],
        JobStep::Requeued => &["priority", "position"],
        JobStep::CommandRefused => &[
            "hold", "resume", "suspend", "abort", "remove", "priority", "position",
        ],
        _ => &[],
    }
}

/// The newest commands to a job, oldest first.
pub(in crate::exchange) async fn command_list(
    tx: &mut TenantTx,
    job_key: i64,
    limit: i64,
) -> Result<Vec<CommandEntry>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select command_id, action, value, state, detail, created_at as "created_at: Instant", created_by,
               ended_at as "ended_at: Instant"
           from job_command where tenant_id = $1 and job_id = $2 order by place desc limit $3"#,
        tenant_id,
        job_key,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .rev()
        .map(|row| CommandEntry {
            id: RequestId::from_uuid(row.command_id),
            action: row.action,
            value: row.value,
            state: row.state,
            detail: row.detail,
            created_at: row.created_at.0,
            created_by: row.created_by,
            ended_at: row.ended_at.map(|at| at.0),
        })
        .collect())
}
