//! Opening ledger.db, and its numbered schema files.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::LedgerError;
use crate::durable;

/// The schema files in order; the version of a file is its place, from 1. A file that was
/// released is never changed.
const SCHEMA: [&str; 19] = [
    include_str!("schema/0001_ledger.sql"),
    include_str!("schema/0002_said.sql"),
    include_str!("schema/0003_outbox.sql"),
    include_str!("schema/0004_controller.sql"),
    include_str!("schema/0005_plain.sql"),
    include_str!("schema/0006_fast_signals.sql"),
    include_str!("schema/0007_promises.sql"),
    include_str!("schema/0008_runs_given_back.sql"),
    include_str!("schema/0009_recovery.sql"),
    include_str!("schema/0010_documents.sql"),
    include_str!("schema/0011_adoptions.sql"),
    include_str!("schema/0012_corrections.sql"),
    include_str!("schema/0013_containers.sql"),
    include_str!("schema/0014_master_data.sql"),
    include_str!("schema/0015_days.sql"),
    include_str!("schema/0016_salvage.sql"),
    include_str!("schema/0017_document_heads.sql"),
    include_str!("schema/0018_document_generations.sql"),
    include_str!("schema/0019_fewer_pages.sql"),
];

/// How long a connection waits for another one; only checkpoints and a second program make it.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Pages of the write-ahead log after which a commit writes them into the file. Whoever waits for that commit waits for
/// this as well: some three hundred movements are made between two of them, so that one in a hundred does not.
const CHECKPOINT_PAGES: i64 = 4_000;

/// The write-ahead log is cut back to this size after a checkpoint, so that one busy hour does
/// not keep its disk space for ever.
const JOURNAL_BYTES_MAX: i64 = 16 * 1024 * 1024;

/// Room for every statement that the writer has, so that none is parsed twice.
const WRITER_STATEMENTS_MAX: usize = 64;

/// Page cache of the writer in KiB; the agent has to fit 40 MiB.
const WRITER_CACHE_KIB: i64 = 4_096;

/// Page cache of a reader in KiB.
const READER_CACHE_KIB: i64 = 1_024;

/// Opens the ledger for its writer, and makes or completes its tables.
pub(super) fn open_writer(path: &Path) -> Result<Connection, LedgerError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = connect(path, flags)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // FULL: a commit is on the disk when it is answered, also after a power cut.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "journal_size_limit", JOURNAL_BYTES_MAX)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(WRITER_STATEMENTS_MAX);
    migrate(&mut connection)?;
    // The savepoint of each request keeps what its pages were, in a temporary file as soon as they are more than
    // 64 KiB, which one movement is. Set behind the migrations, because what they sort is as large as the ledger.
    connection.pragma_update(None, "temp_store", "memory")?;
    leave_log(&connection, false)?;
    Ok(connection)
}

/// Whether the log is left as it is when the connection is closed and no other one is open.
pub(super) fn leave_log(connection: &Connection, leave: bool) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, leave)?;
    Ok(())
}

/// Opens the ledger for reading.
pub(super) fn open_reader(path: &Path) -> Result<Connection, LedgerError> {
    if !path.exists() {
        return Err(LedgerError::Missing {
            path: path.to_owned(),
        });
    }
    // Read-write, because a reader of a write-ahead log may have to recover it; query_only keeps
    // it from changing anything.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect(path, flags)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    Ok(connection)
}

/// Opens a copy of a ledger for reading. One that has a write-ahead log beside it is read with it.
pub(super) fn open_copy(path: &Path) -> Result<Connection, LedgerError> {
    if durable::with_ending(path, "-wal").exists() {
        return open_reader(path);
    }
    if !path.exists() {
        return Err(LedgerError::Missing {
            path: path.to_owned(),
        });
    }
    let connection = connect(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    Ok(connection)
}

/// An empty ledger in memory.
#[cfg(test)]
pub(super) fn open_scratch() -> Result<Connection, LedgerError> {
    let mut connection = Connection::open_in_memory()?;
    migrate(&mut connection)?;
    Ok(connection)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, LedgerError> {
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // The last one that closes writes the log into the file, which may be damaged: that is for the writer to decide.
        leave_log(&connection, true)?;
        Ok(connection)
    };
    open().map_err(|source: rusqlite::Error| LedgerError::Open {
        path: path.to_owned(),
        source: Arc::new(source),
    })
}

fn migrate(connection: &mut Connection) -> Result<(), LedgerError> {
    migrate_with(connection, &SCHEMA)
}

fn migrate_with(connection: &mut Connection, schema: &[&str]) -> Result<(), LedgerError> {
    let tx = connection.transaction()?;
    tx.execute_batch(
        "create table if not exists schema_version (version integer primary key) strict",
    )?;
    let found: u32 = tx.query_row(
        "select coalesce(max(version), 0) from schema_version",
        [],
        |row| row.get(0),
    )?;
    let known = u32::try_from(schema.len()).expect("a handful of schema files");
    if found > known {
        return Err(LedgerError::TooNew { found, known });
    }
    for (version, sql) in (1_u32..)
        .zip(schema)
        .filter(|(version, _)| *version > found)
    {
        tx.execute_batch(sql)?;
        tx.execute(
            "insert into schema_version (version) values (?1)",
            [version],
        )?;
    }
    tx.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use agog_sync::frame::JobTicket;
    use agog_sync::ids::JobId;

    use super::super::{job, text, ticket};
    use super::*;

    #[test]
    fn tickets_that_an_older_program_had_not_brought_to_a_device_are_in_the_outbox() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "create table schema_version (version integer primary key) strict;
                 insert into schema_version values (1);",
            )
            .unwrap();
        connection.execute_batch(SCHEMA[0]).unwrap();
        for (n, step) in [
            (1, "job.received"),
            (2, "job.submitted"),
            (3, "job.received"),
        ] {
            connection
                .execute(
                    "insert into job (job_key, job_id, number, device, ticket, step, progress,
                                      received_at, updated_at)
                     values (?1, ?1, ?2, 'press-3', '{}', ?3, '{}', ?4, ?4)",
                    rusqlite::params![
                        format!("00000000-0000-0000-0000-00000000000{n}"),
                        format!("JOB-{n}"),
                        step,
                        10 - n
                    ],
                )
                .unwrap();
        }

        migrate(&mut connection).unwrap();

        let found: String = connection
            .query_row(
                "select group_concat(place || ' ' || job || ' ' || state, ', ' order by place)
                 from device_command",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(found, "1 JOB-3 sent, 2 JOB-1 sent");
        let newest: u32 = connection
            .query_row("select newest_place from device_outbox", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(newest, 2);
    }

    #[test]
    fn entries_uses_and_answers_of_an_older_program_are_all_there() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_with(&mut connection, &SCHEMA[..18]).unwrap();
        connection
            .execute_batch(
                "insert into lot_entry values (7, 0, 'b', 'consumed', '-3', 'sheet', '3', 'sheet'),
                                              (8, 1, 'a', 'wasted', '-1', 'sheet', '1', 'sheet');
                 insert into lot_use (position, line, lot_id, kind, job, used, undone_by)
                 values (7, 1, 'b', 'consumed', 'J-1', '{}', 9), (8, 0, 'a', 'wasted', null, '{}', null);
                 insert into idempotency values ('key', x'07', '{}', 5);",
            )
            .unwrap();

        migrate(&mut connection).unwrap();

        let found: String = connection
            .query_row(
                "select group_concat(lot_id || position || line || bucket || delta || unit || entered_amount || entered_unit,
                                     ' ' order by lot_id)
                 || (select group_concat(' ' || lot_id || position || line || kind || ifnull(job, '-') || used
                                         || ifnull(undone_by, '-'), ';' order by lot_id) from lot_use)
                 || (select ' ' || idempotency_key || hex(request_hash) || answer || recorded_at from idempotency)
                 from lot_entry",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(
            found,
            "a81wasted-1sheet1sheet b70consumed-3sheet3sheet a80wasted-{}-; b71consumedJ-1{}9 key07{}5"
        );
    }

    #[test]
    fn the_ticket_of_an_older_program_is_found_by_its_names() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_with(&mut connection, &SCHEMA[..5]).unwrap();
        let job_id = JobId::from_uuid(uuid::Uuid::from_u128(7));
        let jdf =
            r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n" Type="Cutting" JobID="J-7"/>"#;
        let ticket = JobTicket::new(job_id, "JOB-7", "press-3", jdf);
        let progress = job::progress(&ticket);
        connection
            .execute(
                "insert into job (job_key, job_id, number, device, ticket, step, progress,
                                  received_at, updated_at)
                 values (?1, ?1, 'JOB-7', 'press-3', ?2, 'job.submitted', ?3, 1, 1)",
                [
                    job_id.to_string(),
                    text::to_json(&ticket),
                    text::to_json(&progress),
                ],
            )
            .unwrap();

        migrate(&mut connection).unwrap();

        let row = job::by_key(&connection, &job_id.to_string())
            .unwrap()
            .unwrap();
        let names = row.ticket.unwrap().names;
        assert_eq!(names.job_id.as_deref(), Some("J-7"));
        assert_eq!(ticket::of(&connection, job_id).unwrap(), Some(ticket));
    }

    #[test]
    fn a_ticket_that_an_older_program_had_not_given_back_goes_back_and_what_went_back_has_its_number()
     {
        let mut connection = Connection::open_in_memory().unwrap();
        let runs = SCHEMA
            .iter()
            .position(|sql| sql.contains("table submission_return"));
        migrate_with(&mut connection, &SCHEMA[..runs.unwrap()]).unwrap();
        connection
            .execute_batch(
                "insert into submission (job_id, message, sender, submitted_at, returned, completed, settled_at)
                 values ('waits', 'mis C1', 'mis', 1, x'01', 'n1 n2', null),
                        ('is-back', 'mis C2', 'mis', 1, null, 'n1', 9),
                        ('is-open', 'mis C3', 'mis', 1, null, '', null);",
            )
            .unwrap();

        migrate(&mut connection).unwrap();

        let told = |sql: &str| -> String {
            let sql = format!("select group_concat(told, ', ' order by told) from ({sql})");
            connection.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        assert_eq!(
            told("select job_id || ' ' || run || ' ' || completed as told from submission_return"),
            "waits 1 n1 n2"
        );
        assert_eq!(
            told("select job_id || ' ' || runs as told from submission"),
            "is-back 1, is-open 0, waits 1"
        );
    }

    #[test]
    fn edges_of_an_older_program_are_known_by_every_event_that_says_so() {
        let mut connection = Connection::open_in_memory().unwrap();
        let corrections = SCHEMA
            .iter()
            .position(|sql| sql.contains("table lot_correction"));
        migrate_with(&mut connection, &SCHEMA[..corrections.unwrap()]).unwrap();
        let quantity =
            r#"{"entered":{"amount":"1","unit":"kg"},"base":{"amount":"5","unit":"sheet"}}"#;
        let events = [
            (
                "lot.split",
                format!(
                    r#"{{"from":{{"lot_id":"a"}},"parts":[{{"lot":{{"lot_id":"b"}},"quantity":{quantity},"waste":true}}]}}"#
                ),
            ),
            (
                "lot.merged",
                format!(
                    r#"{{"inputs":[{{"lot":{{"lot_id":"a"}},"quantity":{quantity}}}],"into":{{"lot_id":"m"}}}}"#
                ),
            ),
            (
                "lot.produced",
                format!(
                    r#"{{"inputs":[{{"lot":{{"lot_id":"a"}},"quantity":{quantity}}}],"sources":[{{"lot_id":"s"}}],
                    "outputs":[{{"lot":{{"lot_id":"p"}}}}]}}"#
                ),
            ),
            (
                "lot.consumed",
                format!(
                    r#"{{"draw":{{"lot":{{"lot_id":"a"}},"quantity":{quantity}}},"into":[{{"lot_id":"p"}}]}}"#
                ),
            ),
            (
                "lot.consumed",
                format!(r#"{{"draw":{{"lot":{{"lot_id":"a"}},"quantity":{quantity}}}}}"#),
            ),
        ];
        for (seq, (kind, payload)) in (1..).zip(events) {
            connection
                .execute(
                    "insert into event (producer_id, epoch, seq, event_id, kind, version, occurred_at,
                                        recorded_at, actor, payload, prev_hash, hash)
                     values ('', 1, ?1, ?1, ?2, 1, ?1, 0, '', ?3, x'', x'')",
                    rusqlite::params![seq, kind, payload],
                )
                .unwrap();
        }
        connection
            .execute_batch("insert into lot_edge values ('x', 'y', 'split', null, null, 9)")
            .unwrap();

        migrate(&mut connection).unwrap();

        let sql = "select group_concat(concat_ws(' ', parent_id, child_id, kind, position, quantity, unit), ', '
                                       order by position, parent_id) from lot_edge";
        let told: String = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(
            told,
            "x y split 0, a b split_waste 1 5 sheet, a m merged 2 5 sheet, a p produced 3 5 sheet, s p produced 3, \
             a p produced 4 5 sheet"
        );
    }

    #[test]
    fn channels_that_an_older_program_opened_for_a_job_are_known_to_be_of_it() {
        let mut connection = Connection::open_in_memory().unwrap();
        let promises = SCHEMA
            .iter()
            .position(|sql| sql.contains("table passed_order"));
        migrate_with(&mut connection, &SCHEMA[..promises.unwrap()]).unwrap();
        connection
            .execute_batch(
                "insert into submission (job_id, message, sender, submitted_at)
                 values ('0190-7', 'mis C1 x', 'mis', 1);
                 insert into channel (channel_id, kind, url, sender, query, position, opened_at)
                 values ('C1', 'Status', 'u', 'mis', '<StatusQuParams QueueEntryID=\"0190-7\"/>', 1, 1),
                        ('C1', 'Resource', 'u', 'mis', '<ResourceQuParams JobID=\"J\"/>', 1, 1),
                        ('C2', 'Status', 'u', 'mis', '<StatusQuParams/>', 1, 1),
                        ('C2', 'Resource', 'u', 'mis', '<ResourceQuParams/>', 1, 1);",
            )
            .unwrap();

        migrate(&mut connection).unwrap();

        let sql = "select group_concat(channel_id || ' ' || kind, ', ' order by channel)
                   from channel where job_id = '0190-7'";
        let of_job: String = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(of_job, "C1 Status, C1 Resource");
    }
}
