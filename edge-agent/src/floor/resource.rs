//! What devices say of what they use up: lot, level, place and article, whose change is a fact, and
//! cumulative amounts, which are kept for the return of the job. Pure.
//!
//! Limits: [`RESOURCES_MAX`] resources and as many amounts per device, [`LOTS_MAX`] lots of each.

use agog_jdf::Usage;
use agog_jdf::jmf::{ResourceInfo, ResourceQuParams};
use agog_sync::event::DeviceResource;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::amounts::stored;
use super::news::{News, Noted};
use super::said::{DeviceSaid, RowKey};
use super::snapshot::places;
use crate::jobs::find::ReportedJob;
use crate::words;

/// More inks, coatings, papers and glues than any device has.
pub(super) const RESOURCES_MAX: usize = 128;
/// Pallets and reels of a long run.
const LOTS_MAX: usize = 256;

/// Which resource of a device.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ResourceKey {
    pub(crate) name: String,
    pub(crate) resource_id: Option<String>,
    pub(crate) product_id: Option<String>,
    pub(crate) process_usage: Option<String>,
    /// The module's name, else its places.
    pub(crate) module: Option<String>,
    /// Input or output, as JDF names it.
    pub(crate) usage: Option<String>,
}

/// What a device said last of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OnDevice {
    pub(super) at: Timestamp,
    lot: Option<String>,
    location: Option<String>,
    level: Option<String>,
    product_id: Option<String>,
}

/// What a job has used of a resource, as the device counts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Used {
    pub(crate) at: Timestamp,
    pub(crate) lots: Vec<UsedLot>,
}

/// What was used of one lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UsedLot {
    pub(crate) lot: String,
    pub(crate) amount: Decimal,
    pub(crate) is_waste: bool,
}

/// Takes in a Resource signal that tells of `at`.
pub(super) fn resources(
    device: &str,
    said: &mut DeviceSaid,
    params: &ResourceQuParams,
    resources: &[ResourceInfo],
    at: Timestamp,
) -> Vec<Noted> {
    let job = ReportedJob::told(
        params.job_id.as_ref(),
        params.queue_entry_id.as_ref(),
        params.job_part_id.as_ref(),
    );
    let mut news = Vec::new();
    for info in resources.iter().take(RESOURCES_MAX) {
        let key = key(info);
        if job != ReportedJob::default() {
            count(said, &job, &key, info, at);
        }
        let now = OnDevice {
            at,
            lot: newest_lot(info),
            location: words::name_of(info.location.as_ref()),
            level: info.level.as_ref().map(|it| words::name(it.as_str())),
            product_id: words::name_of(info.product_id.as_ref()),
        };
        // The article is in the key where nothing else tells resources apart, so that a change of
        // it is looked for under what stays: the name, the role and the module.
        let place = ResourceKey {
            product_id: None,
            ..key.clone()
        };
        let place = if place.module.is_some() || place.resource_id.is_some() {
            place
        } else {
            key.clone()
        };
        let before = said.resources.get(&place);
        if before.is_some_and(|before| at < before.at || before.is_as(&now)) {
            continue;
        }
        let says_something = now.lot.is_some() || now.level.is_some() || now.location.is_some();
        if before.is_none() && (!says_something || !make_room(said, at)) {
            continue;
        }
        news.push(Noted {
            at,
            late: false,
            news: News::Resource(changed(device, info, &key, &now, &job)),
        });
        said.resources.insert(place.clone(), now);
        said.touch(RowKey::Resource(place));
    }
    news
}

/// Sees to it that a new resource has a place: what has stayed as it is for longest is forgotten, and is news again when
/// the device tells of it. False where everything was told of by this very signal.
fn make_room(said: &mut DeviceSaid, at: Timestamp) -> bool {
    if said.resources.len() < RESOURCES_MAX {
        return true;
    }
    let older = said.resources.iter().filter(|(_, known)| known.at < at);
    let oldest = older.min_by_key(|(_, known)| known.at);
    let Some(place) = oldest.map(|(place, _)| place.clone()) else {
        return false;
    };
    said.resources.remove(&place);
    said.touch(RowKey::Resource(place));
    true
}

impl OnDevice {
    fn is_as(&self, other: &Self) -> bool {
        (&self.lot, &self.location, &self.level, &self.product_id)
            == (&other.lot, &other.location, &other.level, &other.product_id)
    }
}

fn key(info: &ResourceInfo) -> ResourceKey {
    let module = words::name_of(info.module_id.as_ref());
    ResourceKey {
        name: words::name_of(info.resource_name.as_ref()).unwrap_or_default(),
        resource_id: words::name_of(info.resource_id.as_ref()),
        product_id: words::name_of(info.product_id.as_ref()),
        process_usage: words::name_of(info.process_usage.as_ref()),
        module: module.or_else(|| info.module_index.as_ref().map(places)),
        usage: info.usage.as_ref().map(|it| words::name(&it.to_string())),
    }
}

/// Devices name lots in the order in which they were put on; the last one is on now.
fn newest_lot(info: &ResourceInfo) -> Option<String> {
    let lots = info.amounts.all_lots();
    let named = lots.filter(|(lot, _)| !lot.lot_id.is_empty());
    named.last().map(|(lot, _)| words::name(&lot.lot_id))
}

fn changed(
    device: &str,
    info: &ResourceInfo,
    key: &ResourceKey,
    now: &OnDevice,
    job: &ReportedJob,
) -> DeviceResource {
    DeviceResource {
        device: device.to_owned(),
        resource: if key.name.is_empty() {
            "Resource".to_owned()
        } else {
            key.name.clone()
        },
        resource_id: key.resource_id.clone(),
        product_id: now.product_id.clone(),
        lot: now.lot.clone(),
        location: now.location.clone(),
        level: now.level.clone(),
        available: stored(info.available_amount),
        used: stored(info.amounts.actual_total()),
        unit: words::name_of(info.unit.as_ref()),
        job: job.job_id.clone(),
    }
}

/// Keeps the cumulative amounts by lot; the newest word counts.
fn count(
    said: &mut DeviceSaid,
    job: &ReportedJob,
    key: &ResourceKey,
    info: &ResourceInfo,
    at: Timestamp,
) {
    if info.usage != Some(Usage::Input) {
        return;
    }
    let mut lots: Vec<UsedLot> = Vec::new();
    for (lot, is_waste) in info.amounts.all_lots() {
        let Some(amount) = stored(lot.actual_amount).filter(|_| !lot.lot_id.is_empty()) else {
            continue;
        };
        let name = words::name(&lot.lot_id);
        let is_same = |known: &&mut UsedLot| known.lot == name && known.is_waste == is_waste;
        let room = lots.len() < LOTS_MAX;
        match lots.iter_mut().find(is_same) {
            Some(known) => known.amount = known.amount.saturating_add(amount),
            None if room => lots.push(UsedLot {
                lot: name,
                amount,
                is_waste,
            }),
            None => {}
        }
    }
    let place = (job.clone(), key.clone());
    let before = said.used.get(&place);
    if lots.is_empty() || before.is_some_and(|before| at < before.at || before.lots == lots) {
        return;
    }
    if before.is_none() && said.used.len() >= RESOURCES_MAX {
        said.forget_oldest_used();
    }
    said.used.insert(place.clone(), Used { at, lots });
    said.touch(RowKey::Used(place.0, place.1));
}
