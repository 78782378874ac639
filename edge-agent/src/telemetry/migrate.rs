//! Opens `telemetry.db` in its present form, and brings a file of an older program to it without losing a sample.
//!
//! `user_version` says which form a file has: 0 is a new file or one of the first programs, whose blocks have one numbering and
//! bodies of compressed JSON. Those bodies stay as they are until they are sent (`delivery.rs`). An older program
//! cannot use the file after that, and says so because tables are not as it knows them. 2 is without `refused`.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::journal::{Journal, Stored};
use super::store::{StoreError, step};

/// The form that `schema.sql` makes.
const FORM: i64 = 3;

const SETTINGS: &str = "
    pragma journal_mode = wal;
    pragma synchronous = full;
    pragma journal_size_limit = 16777216;";

/// Makes way for the tables of the present form.
const SET_ASIDE: &str = "
    alter table standing rename to standing_1;
    alter table block rename to block_1;";

/// Blocks of the first form have one numbering, were sent 32 at a time, and are as important as others are when nothing else is said.
const TAKE_OVER: &str = "
    delete from epoch;
    insert into epoch select epoch, last_block, min(last_block, acked_block + 32), acked_block from standing_1;
    update standing set closed_sample_id = (select closed_sample_id from standing_1);
    insert into block (epoch, block, priority, first_us, last_us, closed_us, sample_count, body)
        select (select epoch from standing_1), block, 1, first_us, last_us, closed_us, sample_count, body
        from block_1 order by block;
    drop table block_1;
    drop table standing_1;";

/// Prepares the file for use.
pub(super) fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection
        .execute_batch(SETTINGS)
        .map_err(step("be set up"))?;
    let form: i64 = connection
        .query_row("pragma user_version", [], |row| row.get(0))
        .map_err(step("tell its form"))?;
    if form > FORM {
        return Err(StoreError::Newer(form));
    }
    if form == FORM {
        return Ok(());
    }
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)
        .map_err(step("begin"))?;
    let is_first = form == 0 && has_table(&transaction, "standing")?;
    if is_first {
        if has_table(&transaction, "sample")? {
            take_over_rows(&transaction)?;
        }
        transaction
            .execute_batch(SET_ASIDE)
            .map_err(step("set an older file aside"))?;
    }
    transaction
        .execute_batch(include_str!("schema.sql"))
        .map_err(step("make its tables"))?;
    if is_first {
        transaction
            .execute_batch(TAKE_OVER)
            .map_err(step("take over an older file"))?;
    }
    transaction
        .pragma_update(None, "user_version", FORM)
        .and_then(|()| transaction.commit())
        .map_err(step("commit its tables"))
}

fn has_table(connection: &Connection, name: &str) -> Result<bool, StoreError> {
    connection
        .prepare("select 1 from sqlite_schema where type = 'table' and name = ?1")
        .and_then(|mut query| query.exists([name]))
        .map_err(step("look for an older form"))
}

/// Open samples of a file that has them as rows, as the very first programs wrote it, go into the journal.
fn take_over_rows(connection: &Connection) -> Result<(), StoreError> {
    connection
        .execute_batch(
            "create table if not exists journal (last_sample_id integer primary key, body blob not null) strict",
        )
        .map_err(step("make a journal"))?;
    let mut journal = Journal::read(connection)?;
    let samples = connection
        .prepare(
            "select series_id, at_us, value from sample
             where sample_id > (select closed_sample_id from standing) order by sample_id",
        )
        .and_then(|mut query| {
            let rows = query.query_map([], |row| {
                Ok(Stored {
                    series_id: row.get(0)?,
                    at_us: row.get(1)?,
                    value: row.get(2)?,
                })
            })?;
            rows.collect()
        })
        .map_err(step("read samples of an older program"))?;
    journal.append(connection, samples)?;
    connection
        .execute_batch("drop table sample")
        .map_err(step("drop samples of an older program"))
}
