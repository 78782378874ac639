//! What can still be read of a damaged file: each event whose hash proves it, and where the file says that it ended.
//!
//! It stands in a temporary file of `SQLite`'s own, so memory does not grow with the ledger.

use std::collections::BTreeMap;

use agog_sync::chain::{ChainHead, Hash};
use agog_sync::event::{Actor, Envelope, SealedParts};
use agog_sync::ids::ProducerId;
use rusqlite::{Connection, params};

use super::super::error::LedgerError;
use super::super::{rows, text};
use super::carve::{self, Value};
use super::pages::Pages;

/// The most events that are stored again in one transaction: as many as come back from the hub in one page.
const PAGE_EVENTS_MAX: u32 = 1_000;

const COLUMNS: &str =
    "seq, event_id, kind, version, occurred_at, recorded_at, actor, payload, prev_hash, hash";

/// Events of a damaged file.
pub(super) struct Found {
    connection: Connection,
    /// Whose ledger it was, and where it ended as of its last commit; none when its row is lost.
    pub end: Option<(ProducerId, u64, u64)>,
    pub plant_code: Option<String>,
    /// Pages that the disk did not give.
    pub unreadable_pages: u64,
}

impl Found {
    /// Looks at every page.
    pub(super) fn on(pages: &Pages) -> Result<Self, LedgerError> {
        let connection = Connection::open("")?;
        connection.execute_batch(
            "pragma journal_mode = off; pragma synchronous = off;
             create table found (
                 place integer primary key, producer_id text, epoch integer, seq integer, event_id text, kind text,
                 version integer, occurred_at integer, recorded_at integer, actor text, payload text, prev_hash blob,
                 hash blob, unique (producer_id, epoch, seq, hash)
             ) strict;
             begin",
        )?;
        let mut found = Self {
            connection,
            end: None,
            plant_code: None,
            unreadable_pages: 0,
        };
        for place in pages.places() {
            let Ok(page) = pages.read(place) else {
                found.unreadable_pages += 1;
                continue;
            };
            let mut failed = None;
            carve::rows(pages, place, &page, &mut |row| {
                found.see_end(row);
                if let Err(error) = found.see_event(row) {
                    failed.get_or_insert(error);
                }
            });
            if let Some(error) = failed {
                return Err(error);
            }
        }
        found.connection.execute_batch("commit")?;
        Ok(found)
    }

    /// The row of `meta`, of which the one that is furthest counts.
    fn see_end(&mut self, row: &[Value<'_>]) {
        use Value::{Blob, Integer, Null, Text};
        let [
            Null,
            Text(agent),
            Text(plant_code),
            Integer(epoch),
            Integer(seq),
            Blob(hash),
            Integer(_),
            Integer(_),
            Integer(_),
        ] = row
        else {
            return;
        };
        let (Ok(producer), Ok(epoch), Ok(seq)) =
            (agent.parse(), u64::try_from(*epoch), u64::try_from(*seq))
        else {
            return;
        };
        if Hash::try_from(*hash).is_ok() && self.end.is_none_or(|(_, e, s)| (e, s) < (epoch, seq)) {
            self.end = Some((producer, epoch, seq));
            self.plant_code = Some((*plant_code).to_owned());
        }
    }

    /// An event, when its hash is right.
    fn see_event(&self, row: &[Value<'_>]) -> Result<(), LedgerError> {
        use Value::{Blob, Integer, Text};
        let Some((producer, epoch, seq)) = proven(row) else {
            return Ok(());
        };
        if let [
            _,
            _,
            _,
            _,
            Text(event_id),
            Text(kind),
            Integer(version),
            Integer(occurred),
            Integer(recorded),
            Text(actor),
            Text(payload),
            Blob(prev_hash),
            Blob(hash),
            _,
        ] = row
        {
            self.connection
                .prepare_cached(
                    "insert into found (producer_id, epoch, seq, event_id, kind, version, occurred_at, recorded_at, actor,
                         payload, prev_hash, hash)
                     values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) on conflict do nothing",
                )?
                .execute(params![
                    producer.to_string(),
                    epoch,
                    seq,
                    event_id,
                    kind,
                    version,
                    occurred,
                    recorded,
                    actor,
                    payload,
                    prev_hash,
                    hash
                ])?;
        }
        Ok(())
    }

    /// How many events of a producer there are.
    pub(super) fn count(&self, producer: ProducerId) -> Result<u64, LedgerError> {
        Ok(self.connection.query_row(
            "select count(*) from found where producer_id = ?1",
            [producer.to_string()],
            |row| row.get(0),
        )?)
    }

    /// The newest event of each epoch.
    pub(super) fn ends(&self, producer: ProducerId) -> Result<BTreeMap<u64, u64>, LedgerError> {
        let mut query = self.connection.prepare(
            "select epoch, max(seq) from found where producer_id = ?1 group by epoch order by epoch",
        )?;
        let rows = query.query_map([producer.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The events that follow each other after `head`. Where two have one number, one of which was kept aside, it is the
    /// one that others follow.
    pub(super) fn after(
        &self,
        producer: ProducerId,
        epoch: u64,
        mut head: ChainHead,
    ) -> Result<Vec<Envelope>, LedgerError> {
        let mut query = self.connection.prepare_cached(&format!(
            "select {COLUMNS} from found as this
             where producer_id = ?1 and epoch = ?2 and seq = ?3 and prev_hash = ?4
             order by exists (select 1 from found as next where next.producer_id = ?1 and next.epoch = ?2
                              and next.seq = ?3 + 1 and next.prev_hash = this.hash) desc, place desc limit 1"
        ))?;
        let mut events = Vec::new();
        for _ in 0..PAGE_EVENTS_MAX {
            let mut found = query.query(params![
                producer.to_string(),
                epoch,
                head.last_seq + 1,
                head.hash.as_bytes()
            ])?;
            let Some(row) = found.next()? else { break };
            let event = rows::envelope(row, 0)?;
            head = event.head();
            events.push(event);
        }
        Ok(events)
    }

    /// Some events of an epoch after a number, whether they follow each other or not, one of each number.
    pub(super) fn beyond(
        &self,
        producer: ProducerId,
        epoch: u64,
        after: u64,
    ) -> Result<Vec<Envelope>, LedgerError> {
        let mut query = self.connection.prepare_cached(&format!(
            "select {COLUMNS} from found
             where place in (select max(place) from found where producer_id = ?1 and epoch = ?2 and seq > ?3 group by seq)
             order by seq limit {PAGE_EVENTS_MAX}"
        ))?;
        let mut found = query.query(params![producer.to_string(), epoch, after])?;
        let mut events = Vec::new();
        while let Some(row) = found.next()? {
            events.push(rows::envelope(row, 0)?);
        }
        Ok(events)
    }
}

/// Whose event a row is, its epoch and its number, when it is one and its hash is right.
fn proven(row: &[Value<'_>]) -> Option<(ProducerId, u64, u64)> {
    use Value::{Blob, Integer, Null, Text};
    let [
        Null,
        Text(producer),
        Integer(epoch),
        Integer(seq),
        Text(event_id),
        Text(kind),
        Integer(version),
        Integer(occurred),
        Integer(recorded),
        Text(actor),
        Text(payload),
        Blob(prev_hash),
        Blob(hash),
        Integer(_),
    ] = row
    else {
        return None;
    };
    let producer: ProducerId = producer.parse().ok()?;
    let (epoch, seq) = (u64::try_from(*epoch).ok()?, u64::try_from(*seq).ok()?);
    let actor: Actor = text::json(actor, "actor").ok()?;
    let prev_hash = Hash::try_from(*prev_hash).ok()?;
    let parts = SealedParts {
        seq,
        event_id: event_id.parse().ok()?,
        kind,
        version: u16::try_from(*version).ok()?,
        occurred_at_us: *occurred,
        recorded_at_us: *recorded,
        actor: &actor,
        payload,
        prev_hash: &prev_hash,
    };
    (parts.hash(producer, epoch).as_bytes()[..] == **hash).then_some((producer, epoch, seq))
}
